"""Who may do what where: laws of inheritance, and one filter that agrees with the one decision."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import make_person, make_tree
from sqlmodel import Session, select

from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from config.table_files import read_table
from organisation import (
    Account,
    Act,
    Held,
    Person,
    Place,
    Role,
    Standing,
    Unit,
    demand_factor,
    disable_person,
    grant_role,
    import_units,
    in_sight,
    may,
    may_somewhere,
    require,
    require_granting,
    require_over,
    revoke_role,
    roles_with,
    sees,
    standing_of,
    visible_to,
)
from organisation.grants import record_refusal
from organisation.ledger import entries_of
from organisation.people import PersonSecret
from organisation.permissions import HOUSE, ROLE_ACTS

ACTS, ROLES = st.sampled_from(list(Act)), st.sampled_from(list(Role))
# Paths of a tree whose ids reach into two digits: 1/1/ is not above 1/12/.
PATHS = st.lists(st.integers(1, 13), min_size=0, max_size=4).map(
    lambda ids: "".join(f"{one}/" for one in ids)
)
HELD = st.lists(st.builds(Held, ROLES, PATHS), max_size=5).map(tuple)


def standing(*held: Held) -> Standing:
    return Standing(1, "li", held)


@given(HELD, ACTS, PATHS, st.integers(1, 13))
def test_what_holds_above_holds_below(held: tuple[Held, ...], act: Act, path: str, below: int) -> None:
    person = standing(*held)
    if may(person, act, Place(path)):
        assert may(person, act, Place(f"{path}{below}/"))
        assert sees(person, Place(path)) and may_somewhere(person, act)


@given(HELD, ACTS, PATHS)
def test_a_right_comes_from_a_role_at_the_place_or_above_it(
    held: tuple[Held, ...], act: Act, path: str
) -> None:
    ids = path.split("/")[:-1]
    above = {"".join(f"{one}/" for one in ids[:depth]) for depth in range(len(ids) + 1)}
    expected = any(one.path in above and one.role in roles_with(act) for one in held)
    assert may(standing(*held), act, Place(path)) is expected


@given(HELD, HELD, ACTS, PATHS)
def test_more_roles_never_take_a_right(
    one: tuple[Held, ...], other: tuple[Held, ...], act: Act, path: str
) -> None:
    both = may(standing(*one, *other), act, Place(path))
    assert both is (may(standing(*one), act, Place(path)) or may(standing(*other), act, Place(path)))


@given(HELD, ACTS, PATHS)
def test_taking_a_role_leaves_exactly_what_the_others_give(
    held: tuple[Held, ...], act: Act, path: str
) -> None:
    for gone in held:
        left = tuple(one for one in held if one is not gone)
        if may(standing(*left), act, Place(path)):
            assert may(standing(*held), act, Place(path))
        elif may(standing(*held), act, Place(path)):
            assert act in ROLE_ACTS[gone.role] and path.startswith(gone.path)


@st.composite
def moves(draw: st.DrawFn) -> tuple[list[int | None], int, int | None]:
    """A forest (each unit's parent), a unit of it, and a parent for it that is not below it."""
    parents: list[int | None] = [None]
    for unit in range(1, draw(st.integers(2, 14))):
        parents.append(draw(st.none() | st.integers(0, unit - 1)))
    moved = draw(st.integers(0, len(parents) - 1))
    free = [unit for unit in range(len(parents)) if moved not in line(parents, unit)]
    return parents, moved, draw(st.sampled_from([None, *free]))


def line(parents: list[int | None], unit: int) -> list[int]:
    """The unit and all above it."""
    above = parents[unit]
    return [unit] if above is None else [unit, *line(parents, above)]


@given(moves(), st.lists(st.tuples(ROLES, st.integers(0, 13)), max_size=5), ACTS)
def test_a_unit_that_moves_changes_rights_at_itself_and_below_and_nowhere_else(
    move: tuple[list[int | None], int, int | None], given_roles: list[tuple[Role, int]], act: Act
) -> None:
    before, moved, to = move
    after = [to if unit == moved else parent for unit, parent in enumerate(before)]
    grants = [(role, unit) for role, unit in given_roles if unit < len(before)]

    def rights(parents: list[int | None]) -> list[bool]:
        lines = [reversed(line(parents, unit)) for unit in range(len(parents))]
        paths = ["".join(f"{one + 1}/" for one in ids) for ids in lines]
        person = standing(*(Held(role, paths[unit]) for role, unit in grants))
        return [may(person, act, Place(path)) for path in paths]

    now = rights(after)
    for unit, (was, is_now) in enumerate(zip(rights(before), now, strict=True)):
        expected = any(act in ROLE_ACTS[role] and held in line(after, unit) for role, held in grants)
        assert is_now is expected
        if moved not in line(after, unit):
            assert is_now is was


@given(ACTS, PATHS)
def test_nobody_may_anything_without_a_role(act: Act, path: str) -> None:
    assert not may(standing(), act, Place(path)) and not sees(standing(), Place(path))


@given(ACTS, ROLES, PATHS.filter(bool))
def test_no_role_at_a_unit_reaches_the_whole_house(act: Act, role: Role, path: str) -> None:
    assert not may(standing(Held(role, path)), act, HOUSE)
    assert may(standing(Held(role, "")), act, Place(path)) is (act in ROLE_ACTS[role])


def test_every_act_is_somebodys_and_every_role_can_something() -> None:
    assert all(roles_with(act) for act in Act) and set(ROLE_ACTS) == set(Role)
    assert all(ROLE_ACTS[role] for role in Role)
    assert ROLE_ACTS[Role.OWNER] == set(Act)


@pytest.mark.parametrize(
    ("held", "path", "code"),
    [
        (Held(Role.EDITOR, "1/2/"), "1/2/3/", ""),
        (Held(Role.VIEWER, "1/2/"), "1/2/3/", "organisation.not_allowed"),
        (Held(Role.EDITOR, "1/2/"), "1/", "organisation.out_of_sight"),
        (Held(Role.EDITOR, "1/2/"), "1/22/", "organisation.out_of_sight"),
        (Held(Role.EDITOR, "1/2/"), "", "organisation.out_of_sight"),
    ],
)
def test_a_refusal_says_what_is_missing_and_nothing_of_what_is_out_of_sight(
    held: Held, path: str, code: str
) -> None:
    if not code:
        require(standing(held), Act.POST_WRITE, Place(path))
        return
    with pytest.raises(MeizhenError) as error:
        require(standing(held), Act.POST_WRITE, Place(path))
    assert error.value.code == code
    told = str(error.value)
    assert ("post.write" in told and "editor" in told) is (code == "organisation.not_allowed")


# --- in the database --------------------------------------------------------------------------------------


def test_the_filter_agrees_with_the_decision(database: Database, keys: KeyRing, clock: ManualClock) -> None:
    """For random roles: the units that the query gives are those at which `may` says yes."""
    tree = make_tree(database)
    chance = random.Random(6)
    person = make_person(database, keys, "li", at=clock.now())
    for _ in range(25):
        held = tuple(
            Held(chance.choice(list(Role)), chance.choice([*(unit.path for unit in tree.values()), ""]))
            for _ in range(chance.randint(0, 3))
        )
        acting, act = Standing(person.known_id, "li", held), chance.choice(list(Act))
        with database.read() as session:
            seen = {unit.code for unit in session.exec(visible_to(select(Unit), acting, act))}
        assert seen == {code for code, unit in tree.items() if may(acting, act, unit)}


def test_lists_of_other_things_are_filtered_by_the_unit_they_belong_to(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    tree = make_tree(database)
    with database.write() as session:
        for code, unit in tree.items():
            session.add(Account(unit_id=unit.id or 0, platform="weibo", handle=code, name=code))
    acting = standing(Held(Role.VIEWER, tree["HH"].path))
    query = select(Account).join(Unit)
    with database.read() as session:
        found = {one.handle for one in session.exec(visible_to(query, acting, Act.ACCOUNT_READ))}
        assert found == {"HH", "HH-1"}
        assert list(session.exec(query.where(in_sight(acting, Act.LEDGER_READ)))) == []


class People:
    """A tree and people in it."""

    def __init__(self, database: Database, keys: KeyRing, clock: ManualClock) -> None:
        self.database, self.keys, self.clock = database, keys, clock
        self.tree = make_tree(database)

    def add(self, login: str, role: Role | None = None, at: str = "*", home: str | None = None) -> Person:
        roles = {} if role is None else {role: None if at == "*" else self.tree[at]}
        unit = None if home is None else self.tree[home]
        return make_person(self.database, self.keys, login, at=self.clock.now(), unit=unit, roles=roles)

    def standing(self, person: Person) -> Standing:
        with self.database.read() as session:
            return standing_of(session, person)

    def give(self, session: Session, person: Person, role: Role, at: str = "*") -> bool:
        unit = None if at == "*" else self.tree[at]
        return grant_role(session, self.keys, person, role, unit, at=self.clock.now(), actor="test")

    def take(self, session: Session, person: Person, role: Role, at: str = "*") -> bool:
        unit = None if at == "*" else self.tree[at]
        return revoke_role(session, self.keys, person, role, unit, at=self.clock.now(), actor="test")


@pytest.fixture
def people(database: Database, keys: KeyRing, clock: ManualClock) -> People:
    return People(database, keys, clock)


def test_giving_and_taking_bite_at_once_and_are_recorded(people: People) -> None:
    li = people.add("li")
    assert not may(people.standing(li), Act.POST_WRITE, people.tree["HH-1"])
    with people.database.write() as session:
        assert people.give(session, li, Role.EDITOR, "HH")
        assert not people.give(session, li, Role.EDITOR, "HH")
    assert may(people.standing(li), Act.POST_WRITE, people.tree["HH-1"])
    with people.database.write() as session:
        assert not people.take(session, li, Role.EDITOR, "HH-1")  # it was given further up
        assert people.take(session, li, Role.EDITOR, "HH")
    assert not may(people.standing(li), Act.POST_WRITE, people.tree["HH-1"])
    with people.database.read() as session:
        told = [(entry.act, entry.details) for entry in entries_of(session, act="role")]
    assert told == [(act, {"role": "editor", "unit": "HH"}) for act in ("role.revoke", "role.grant")]


def test_a_unit_that_moves_takes_its_people_along(people: People, tmp_path: Path) -> None:
    upper, own = people.add("upper", Role.VIEWER, "HH"), people.add("own", Role.EDITOR, "HH-1")
    file = tmp_path / "units.csv"
    file.write_text("code,parent,kind,name_zh\nHH-1,BJ,league,x\n", "utf-8")
    with people.database.write() as session:
        import_units(session, people.keys, read_table(file), at=people.clock.now(), actor="test")
    with people.database.read() as session:
        moved = session.exec(select(Unit).where(Unit.code == "HH-1")).one()
    assert moved.path.startswith(people.tree["BJ"].path)
    assert not may(people.standing(upper), Act.UNIT_READ, moved)
    assert may(people.standing(own), Act.POST_WRITE, moved)


def test_the_last_owner_stays(people: People) -> None:
    first, second = people.add("first", Role.OWNER), people.add("second")
    at = people.clock.now()
    for leave in (
        lambda session: people.take(session, first, Role.OWNER),
        lambda session: disable_person(session, people.keys, first, at=at, actor="x"),
    ):
        with people.database.write() as session, pytest.raises(MeizhenError, match="last owner"):
            leave(session)
    with people.database.write() as session:
        people.give(session, second, Role.OWNER, "NM")  # of a unit: not of the house
    with people.database.write() as session, pytest.raises(MeizhenError, match="last owner"):
        people.take(session, first, Role.OWNER)
    with people.database.write() as session:
        people.give(session, second, Role.OWNER)
        assert people.take(session, first, Role.OWNER)
    assert may(people.standing(second), Act.HOUSE_RUN, HOUSE)


def test_two_owners_who_leave_at_once_do_not_both_go(people: People) -> None:
    both = [people.add("one", Role.OWNER), people.add("two", Role.OWNER)]

    def leave(person: Person) -> bool:
        try:
            with people.database.write() as session:
                return people.take(session, person, Role.OWNER)
        except MeizhenError:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, both)) == [False, True]


def test_a_role_that_wants_a_second_factor_holds_nothing_without_one(people: People) -> None:
    li, at = people.add("li", Role.PUBLISHER, "HH"), people.clock.now()
    with people.database.write() as session:
        assert demand_factor(session, people.keys, Role.PUBLISHER, demanded=True, at=at, actor="x")
        assert not demand_factor(session, people.keys, Role.PUBLISHER, demanded=True, at=at, actor="x")
    acting = people.standing(li)
    assert acting.enrolling and acting.held == ()
    with pytest.raises(MeizhenError, match="second factor"):
        require(acting, Act.POST_SEND, people.tree["HH"])
    with people.database.write() as session:
        secret = session.get(PersonSecret, li.known_id)
        assert secret is not None
        secret.totp_confirmed = True
        session.add(secret)
    assert may(people.standing(li), Act.POST_SEND, people.tree["HH"])


def test_an_administrator_of_a_part_has_no_hold_on_who_is_more_than_that(people: People) -> None:
    """Whoever could give an owner a new password would be owner."""
    admin = people.standing(people.add("admin", Role.ADMINISTRATOR, "HH", home="HH"))
    clerk = people.add("clerk", Role.EDITOR, "HH-1", home="HH")
    owner = people.add("owner", Role.OWNER, home="HH")
    local_owner = people.add("local", Role.OWNER, "HH-1", home="HH-1")
    elsewhere = people.add("elsewhere", Role.EDITOR, "BT", home="HH")
    with people.database.read() as session:
        require_over(session, admin, clerk, Act.PERSON_WRITE)
        for person in (owner, local_owner, elsewhere):
            with pytest.raises(MeizhenError):
                require_over(session, admin, person, Act.PERSON_WRITE)


def test_who_gives_roles_gives_them_below_and_not_to_themselves(people: People) -> None:
    someone, admin = people.add("someone"), people.add("admin", Role.ADMINISTRATOR, "HH")
    acting, tree = people.standing(admin), people.tree
    require_granting(acting, someone, Role.FINAL_REVIEWER, tree["HH-1"])
    for person, role, unit, code in (
        (someone, Role.VIEWER, tree["NM"], "organisation.out_of_sight"),
        (someone, Role.VIEWER, None, "organisation.out_of_sight"),
        (someone, Role.OWNER, tree["HH"], "organisation.not_allowed"),
        (admin, Role.FINAL_REVIEWER, tree["HH"], "organisation.own_role"),
    ):
        with pytest.raises(MeizhenError) as error:
            require_granting(acting, person, role, unit)
        assert error.value.code == code


def test_refusals_stand_in_the_ledger(people: People) -> None:
    acting = people.standing(people.add("li", Role.VIEWER, "HH"))
    with people.database.write() as session:
        at = people.clock.now()
        record_refusal(session, people.keys, acting, Act.POST_SEND, "post:7", at=at, actor=acting.subject)
        (entry,) = entries_of(session, act="access")
    assert (entry.subject, entry.details) == ("post:7", {"act": "post.send", "person": "li"})
