"""Every command and every job has a rule; and the matrix of commands, roles and places has no leak."""

import ast
from itertools import product
from pathlib import Path

import pytest
import typer

from meizhen.cli import NOUNS, app
from meizhen.cli._guard import commands_of
from meizhen.rules import JOBS, RULES
from organisation import Act, Held, Place, Role, Standing, may, sees
from organisation.permissions import ROLE_ACTS

ROOT = Path(__file__).parents[2]
# The person holds the role at `own`; ids that begin alike are other units all the same.
PLACES = {"own": "1/2/", "child": "1/2/3/", "sibling": "1/22/", "parent": "1/", "other root": "2/"}
WITHIN = {"own", "child"}

# Roles and acts as agreed, written out once more: a change of `ROLE_ACTS` has to be made here too.
SEE = "unit.read account.read post.read media.read review.read queue.read figures.read report.read award.read"
AGREED = {
    "viewer": SEE,
    "editor": f"{SEE} post.write media.write",
    "first_reviewer": f"{SEE} review.first",
    "second_reviewer": f"{SEE} review.second",
    "final_reviewer": f"{SEE} review.final",
    "publisher": f"{SEE} post.send queue.steer account.check",
    "analyst": f"{SEE} figures.write report.schedule award.run",
    "judge": "award.read award.judge",
    "administrator": f"{SEE} unit.write account.check account.write person.read person.write role.grant "
    "queue.steer report.schedule ledger.read",
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
    from meizhen.rules import whole_house

    house_wide = [rule.act for rule in RULES.values() if rule.check is whole_house and rule.act is not None]
    assert house_wide
    for act, role in product(house_wide, Role):
        assert not may(Standing(1, "li", (Held(role, "1/"),)), act, Place(""))


@pytest.mark.parametrize("path", sorted(RULES))
def test_what_a_rule_looks_at_is_an_option_of_its_command(path: tuple[str, ...]) -> None:
    """A misspelt name would find nothing, and then mean the whole house."""
    group = typer.main.get_command(app)
    command = group.get_command(typer.Context(group), path[0])  # type: ignore[attr-defined]
    (one,) = [found for place, found in commands_of(command, (path[0],)) if place == path]
    options = {parameter.name for parameter in one.params}
    looked_at: set[str] = set()
    waiting = [RULES[path].check]
    while waiting:
        check = waiting.pop()
        for cell in getattr(check, "__closure__", None) or ():
            content = cell.cell_contents
            if callable(content):
                waiting.append(content)
            else:
                looked_at |= {content} if isinstance(content, str) else set(content)
    if RULES[path].check.__name__ == "giving_role":
        looked_at = {"login", "role", "unit"}
    assert looked_at <= options
