"""Every command and every job has a rule; and the matrix of commands, roles and places has no leak."""

import ast
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
import typer
from people import make_person, make_tree
from scenery import queue_posts
from sqlmodel import select

from config import Database, MeizhenError
from config.database import connect
from config.secrets import KeyRing, create_key_file, load_key_file
from meizhen.cli import NOUNS, app
from meizhen.cli._guard import commands_of
from meizhen.reaches import Asked, filtered, giving_role, whole_house
from meizhen.rules import JOBS, RULES, Rule
from organisation import Account, Act, Held, Place, Role, Standing, add_key, may, sees
from organisation.permissions import ROLE_ACTS
from organisation.webhook_messages import write_test
from organisation.webhooks import Wanted, add_webhook
from scheduler.assisted_tasks import Task
from scheduler.campaign_counting import Cell, Work, add_work
from scheduler.campaign_items import Wanted as Item
from scheduler.campaign_items import add_item
from scheduler.campaigns import Plan, add_campaign
from scheduler.deliveries import Delivery

ROOT = Path(__file__).parents[2]
# The person holds the role at `own`; ids that begin alike are other units all the same.
PLACES = {"own": "1/2/", "child": "1/2/3/", "sibling": "1/22/", "parent": "1/", "other root": "2/"}
WITHIN = {"own", "child"}

# Roles and acts as agreed, written out once more: a change of `ROLE_ACTS` has to be made here too.
SEE = (
    "unit.read account.read post.read campaign.read media.read review.read queue.read figures.read "
    "report.read award.read"
)
AGREED = {
    "viewer": SEE,
    "editor": f"{SEE} post.write media.write",
    "first_reviewer": f"{SEE} review.first",
    "second_reviewer": f"{SEE} review.second",
    "final_reviewer": f"{SEE} review.final",
    "publisher": f"{SEE} post.send campaign.write queue.steer account.check",
    "analyst": f"{SEE} figures.write report.schedule award.run",
    "judge": "award.read award.judge",
    "administrator": f"{SEE} unit.write account.check account.write person.read person.write role.grant "
    "campaign.write queue.steer report.schedule webhook.read webhook.write ledger.read",
    "owner": " ".join(act.value for act in Act),
}


def every_command() -> list[tuple[str, ...]]:
    group = typer.main.get_command(app)
    context = typer.Context(group)
    found = []
    for noun in NOUNS:
        command = group.get_command(context, noun)  # type: ignore[attr-defined]
        found += [path for path, _ in commands_of(command, (noun,))]
    return found


def reading(act: Act) -> Act:
    """The act by which one sees what this act is done to."""
    noun = act.value.partition(".")[0]
    return {"role": Act.PERSON_READ, "house": Act.HOUSE_RUN}.get(noun) or Act(f"{noun}.read")


def test_every_command_has_a_rule_and_every_rule_a_command() -> None:
    assert sorted(every_command()) == sorted(RULES)


def test_every_job_has_a_rule() -> None:
    """Jobs are registered in one place only, by the names in the table."""
    calls = []
    for package in ("meizhen", "scheduler", "analytics", "web", "organisation"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "register_periodic":
                    name = node.args[1]
                    calls.append(name.value if isinstance(name, ast.Constant) else ast.unparse(name))
    assert calls and set(calls) <= {"name", *JOBS}
    assert set(JOBS.values()) <= set(Act)


def test_the_table_of_roles_is_the_agreed_one() -> None:
    assert {role.value: set(acts) for role, acts in ROLE_ACTS.items()} == {
        role: set(acts.split()) for role, acts in AGREED.items()
    }


def test_the_matrix_has_no_leak() -> None:
    """Every command × role × place × {read, write}: allowed where the agreed table says so, only there."""
    checks = leaks = missing = 0
    commands = [(path, rule.act) for path, rule in RULES.items() if rule.act is not None]
    for (_, act), role, (place, path) in product(commands, Role, PLACES.items()):
        person = Standing(1, "li", (Held(role, PLACES["own"]),))
        for done in (reading(act), act):
            allowed = may(person, done, Place(path))
            expected = place in WITHIN and done.value in AGREED[role].split()
            checks += 1
            leaks += allowed and not expected
            missing += expected and not allowed
            assert sees(person, Place(path)) is (place in WITHIN)
    assert (leaks, missing) == (0, 0)
    assert checks >= 3_000


def test_a_role_at_a_unit_reaches_no_command_about_the_whole_house() -> None:
    house_wide = [rule.act for rule in RULES.values() if rule.check is whole_house and rule.act is not None]
    assert house_wide
    for act, role in product(house_wide, Role):
        assert not may(Standing(1, "li", (Held(role, "1/"),)), act, Place(""))


def names_of(rule: Rule) -> list[str]:
    """The options and arguments by which the rule finds what the command is done to."""
    if rule.check is giving_role:
        return ["login", "role", "unit"]
    names: list[str] = []
    waiting: list[object] = [rule.check]
    while waiting:
        for cell in getattr(waiting.pop(), "__closure__", None) or ():
            content = cell.cell_contents
            if callable(content):
                waiting.append(content)
            else:
                names += [content] if isinstance(content, str) else content
    return names


@pytest.mark.parametrize("path", sorted(RULES))
def test_what_a_rule_looks_at_is_an_option_of_its_command(path: tuple[str, ...]) -> None:
    """A misspelt name would find nothing, and then mean the whole house."""
    group = typer.main.get_command(app)
    command = group.get_command(typer.Context(group), path[0])  # type: ignore[attr-defined]
    (one,) = [found for place, found in commands_of(command, (path[0],)) if place == path]
    assert set(names_of(RULES[path])) <= {parameter.name for parameter in one.params}


# --- the rules themselves, with things in the database ----------------------------------------------------


class Scene:
    """An account, a post to it and a person at each of the five places; roles are held at `own`."""

    def __init__(self, database: Database, keys: KeyRing, at: datetime) -> None:
        tree = make_tree(database)
        self.units = dict(zip(PLACES, (tree[code] for code in ("HH", "HH-1", "BT", "NM", "BJ")), strict=True))
        self.posts: dict[str, int] = {}
        self.tasks: dict[str, int] = {}
        self.campaigns: dict[str, int] = {}
        self.work: dict[str, int] = {}
        self.messages: dict[str, str] = {}
        self.prefixes: dict[str, str] = {}
        for place, unit in self.units.items():
            with database.write() as session:
                account = Account(unit_id=unit.id or 0, platform="webhook", handle=unit.code, name="x")
                session.add(account)
                session.flush()
            (delivery,) = queue_posts(database, account, ["x"], due=at)
            with database.read() as session:
                self.posts[place] = session.exec(
                    select(Delivery.post_id).where(Delivery.id == delivery)
                ).one()
            self.tasks[place] = self._task(database, account, delivery, at)
            self._campaign(database, keys, place, at)
            person = make_person(database, keys, f"of-{unit.code}", at=at, unit=unit)
            with database.write() as session:
                key, _ = add_key(session, keys, person, "x", [Act.POST_READ], days=1, at=at, actor="test")
            self.prefixes[place] = key.prefix
            wanted = Wanted(unit.code, "https://portal.example/hook")
            with database.write() as session:
                made, _ = add_webhook(session, keys, wanted, "portal.example", unit, now=at, actor="test")
                self.messages[place] = write_test(session, made, at).uid

    @staticmethod
    def _task(database: Database, account: Account, delivery: int, at: datetime) -> int:
        with database.write() as session:
            times = {"due": at, "expires_at": at, "handed_at": at}
            task = Task(delivery_id=delivery, account_id=account.known_id, **times)
            session.add(task)
            session.flush()
            return task.known_id

    def _campaign(self, database: Database, keys: KeyRing, place: str, at: datetime) -> None:
        """A campaign of the place's own, with work that it has done."""
        unit, day, by = self.units[place], at.date(), {"now": at, "actor": "test"}
        with database.write() as session:
            made = add_campaign(session, keys, unit, Plan("x", day, day), [unit], **by)  # type: ignore[arg-type]
            add_item(session, keys, made.known_id, Item("x", day), **by)  # type: ignore[arg-type]
            cell = Cell(made.known_id, 1)
            work = add_work(session, keys, cell, unit, Work("x", day), **by)  # type: ignore[arg-type]
            self.campaigns[place], self.work[place] = made.known_id, work.id or 0

    def values(self, name: str, place: str) -> dict[str, object]:
        """A command's values that name something at the place by this option alone."""
        code = self.units[place].code
        by_name: dict[str, dict[str, object]] = {
            "unit": {"unit": code},
            "code": {"code": code},
            "account": {"account": [f"webhook:{code}"]},
            "name": {"name": f"webhook:{code}"},
            "names": {"names": [f"webhook:{code}"]},
            "post": {"post": self.posts[place]},
            "task": {"task": self.tasks[place]},
            "campaign": {"campaign": self.campaigns[place]},
            "work": {"work": self.work[place]},
            "webhook": {"webhook": code},
            "message": {"message": self.messages[place]},
            "login": {"login": f"of-{code}", "to": f"of-{self.units['own'].code}"},
            "to": {"login": f"of-{self.units['own'].code}", "to": f"of-{code}"},
            "prefix": {"prefix": self.prefixes[place]},
            "role": {"login": f"of-{code}", "role": "viewer", "unit": code},
        }
        return by_name[name]


@pytest.fixture(scope="module")
def scene(
    _sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Scene, Database]]:
    folder = tmp_path_factory.mktemp("rules")
    shutil.copy(_sqlite_template, folder / "a.sqlite")
    create_key_file(folder / "keys.json")
    database = connect(f"sqlite:///{folder / 'a.sqlite'}")
    yield Scene(database, load_key_file(folder / "keys.json"), datetime(2026, 3, 2, tzinfo=UTC)), database
    database.close()


def test_no_rule_lets_a_command_reach_what_its_role_does_not(scene: tuple[Scene, Database]) -> None:
    """Every rule × role × place, each thing named by every option that can name it, as the gate asks it."""
    there, database = scene
    own = there.units["own"].path
    wrong, checks = [], 0
    with database.read() as session:
        for (path, rule), role in product(RULES.items(), Role):
            if rule.act is None:
                continue
            person, right = Standing(99, "li", (Held(role, own),)), rule.act.value in AGREED[role].split()
            names = ["role"] if rule.check is giving_role else names_of(rule)
            asked = [(there.values(name, place), place in WITHIN) for name in names for place in PLACES]
            if rule.check is not giving_role and not {"login", "prefix"} & set(names):
                asked.append(({}, _lists(rule)))
            for values, within in asked:
                checks += 1
                allowed = _passes(rule, Asked(session, person, rule.act, values))
                if allowed is not (right and within):
                    wrong.append((path, role.value, values, allowed))
    assert wrong == []
    assert checks >= 2_000


def test_only_commands_that_filter_what_they_show_are_let_through_without_a_place() -> None:
    """`test_cli_person` looks at what each of them shows to a person."""
    assert {" ".join(path) for path, rule in RULES.items() if _lists(rule)} == {
        "org list",
        "org tree",
        "person list",
        "key list",
        "account list",
        "account check",
        "post list",
        "queue next",
        "review list",
        "task list",
        "campaign list",
        "webhook list",
        "media list",
        "media show",
        "media alt",
    }


def _passes(rule: Rule, asked: Asked) -> bool:
    try:
        rule.check(asked)
    except MeizhenError as error:
        assert error.code in {"organisation.not_allowed", "organisation.out_of_sight"}
        return False
    return True


def _lists(rule: Rule) -> bool:
    """Does the rule end in `filtered`, where nothing is named?"""
    waiting: list[object] = [rule.check]
    while waiting:
        check = waiting.pop()
        if check is filtered:
            return True
        cells = getattr(check, "__closure__", None) or ()
        waiting += [cell.cell_contents for cell in cells if callable(cell.cell_contents)]
    return False
