"""People come in by a code, each good once, and go by handing over; nobody chooses another's password."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from people import PASSWORD, make_person, make_tree
from sqlmodel import Session, select

from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from organisation import (
    Person,
    Role,
    accept_code,
    add_person,
    charges_of,
    claim_house,
    disable_person,
    enable_person,
    find_person,
    grant_role,
    hand_over,
    in_charge,
    invite_person,
    list_people,
    owners,
    put_in_charge,
    reset_password,
    roles_of,
    rotate_second_factors,
    set_up_code,
    standing_of,
)
from organisation.ledger import entries_of
from organisation.one_time_codes import OneTimeCode
from organisation.people import secret_of
from organisation.second_factor import begin_second_factor, take_totp


class Hall:
    """One transaction a step, as commands and pages have it."""

    def __init__(self, database: Database, keys: KeyRing, clock: ManualClock) -> None:
        self.database, self.keys, self.clock = database, keys, clock

    def add(self, login: str = "li", name: str = "李雷", email: str = "") -> Person:
        with self.database.write() as session:
            return add_person(session, self.keys, login, name, email=email, at=self.clock.now(), actor="test")

    def invite(self, person: Person) -> str:
        with self.database.write() as session:
            return invite_person(session, self.keys, person, at=self.clock.now(), actor="test")[0]

    def accept(self, code: str, password: str = PASSWORD) -> Person:
        with self.database.write() as session:
            return accept_code(session, self.keys, code, password, at=self.clock.now())

    def set_up(self) -> str | None:
        with self.database.write() as session:
            found = set_up_code(session, at=self.clock.now())
        return None if found is None else found[0]

    def claim(self, code: str, login: str = "first", password: str = PASSWORD) -> Person:
        with self.database.write() as session:
            return claim_house(session, self.keys, code, login, "王芳", password, at=self.clock.now())


@pytest.fixture
def hall(database: Database, keys: KeyRing, clock: ManualClock) -> Hall:
    return Hall(database, keys, clock)


def code_of(error: pytest.ExceptionInfo[MeizhenError]) -> str:
    return error.value.code


def test_logins_are_one_whatever_their_spelling(hall: Hall) -> None:
    hall.add(" Ｌi.Lei ")
    with pytest.raises(MeizhenError) as error:
        hall.add("li.lei")
    assert code_of(error) == "person.there_already"
    with hall.database.read() as session:
        assert find_person(session, "LI.LEI").login == "li.lei"
        with pytest.raises(MeizhenError, match=r"li\.lei"):
            find_person(session, "li.le")


@pytest.mark.parametrize(
    ("login", "name", "email", "code"),
    [
        ("", "x", "", "bad_login"),
        ("a", "x", "", "bad_login"),
        ("-rm", "x", "", "bad_login"),
        ("a b", "x", "", "bad_login"),
        ("a:b", "x", "", "bad_login"),
        ("x" * 65, "x", "", "bad_login"),
        ("li", " ", "", "bad_name"),
        ("li", "a\nb", "", "bad_name"),
        ("li", "x", "nobody", "bad_email"),
        ("li", "x", "a@b@c", "bad_email"),
    ],
)
def test_what_is_no_login_name_or_address_is_refused(
    keys: KeyRing, clock: ManualClock, login: str, name: str, email: str, code: str
) -> None:
    from sqlmodel import create_engine

    with Session(create_engine("sqlite://")) as session, pytest.raises(MeizhenError) as error:
        add_person(session, keys, login, name, email=email, at=clock.now(), actor="test")
    assert code_of(error) == f"person.{code}"


# --- the first owner --------------------------------------------------------------------------------------


def test_a_new_house_has_nobody_and_one_code_makes_the_first_owner(hall: Hall) -> None:
    with hall.database.read() as session:
        assert session.exec(select(Person)).all() == []
    code, other = hall.set_up(), hall.set_up()  # two nodes started
    assert code and other and code != other
    first = hall.claim(code.upper())
    with hall.database.read() as session:
        assert [owner.login for owner in owners(session)] == ["first"]
        assert [(one.role, one.unit) for one in roles_of(session, first)] == [(Role.OWNER, "*")]
        assert [entry.act for entry in entries_of(session)] == ["house.claim", "role.grant", "person.add"]
    for used in (code, other):
        with pytest.raises(MeizhenError) as error:
            hall.claim(used, "second")
        assert code_of(error) == "person.bad_code"
    assert hall.set_up() is None


def test_a_set_up_code_ends_after_a_day(hall: Hall) -> None:
    code = hall.set_up() or ""
    hall.clock.advance(24 * 3600)
    with pytest.raises(MeizhenError) as error:
        hall.claim(code)
    assert code_of(error) == "person.bad_code"


def test_a_bad_password_does_not_use_up_the_code(hall: Hall) -> None:
    code = hall.set_up() or ""
    with pytest.raises(MeizhenError) as error:
        hall.claim(code, password="password123")
    assert code_of(error) == "person.password_common"
    assert hall.claim(code).login == "first"


def test_of_two_who_claim_at_once_one_is_owner(hall: Hall) -> None:
    codes = [hall.set_up() or "", hall.set_up() or ""]

    def claim(number: int) -> bool:
        try:
            return bool(hall.claim(codes[number], f"owner{number}"))
        except MeizhenError:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(claim, (0, 1))) == [False, True]
    with hall.database.read() as session:
        assert len(session.exec(select(Person)).all()) == 1


# --- invitations and resets -------------------------------------------------------------------------------


def test_an_invitation_is_good_once_and_kept_as_a_hash(hall: Hall) -> None:
    person = hall.add()
    void, code = hall.invite(person), hall.invite(person)
    assert re.fullmatch(r"([a-z2-9]{5}-){4}[a-z2-9]{5}", code)
    with hall.database.read() as session:
        assert all(code not in repr(row) for row in session.exec(select(OneTimeCode)))
        assert code not in repr(entries_of(session))
    for bad in (void, code[:-1], "", "x" * 500, "\ud800"):
        with pytest.raises(MeizhenError) as error:
            hall.accept(bad)
        assert code_of(error) == "person.bad_code"
    assert hall.accept(code).state == "active"
    with pytest.raises(MeizhenError):
        hall.accept(code)
    with pytest.raises(MeizhenError) as error:
        hall.invite(person)
    assert code_of(error) == "person.not_invitable"


def test_a_set_up_code_invites_nobody_and_an_invitation_sets_nothing_up(hall: Hall) -> None:
    set_up, invitation = hall.set_up() or "", hall.invite(hall.add())
    for use in (lambda: hall.accept(set_up), lambda: hall.claim(invitation)):
        with pytest.raises(MeizhenError) as error:
            use()
        assert code_of(error) == "person.bad_code"


def test_who_is_disabled_is_let_in_by_no_code(hall: Hall) -> None:
    person = hall.add()
    code = hall.invite(person)
    with hall.database.write() as session:
        disable_person(session, hall.keys, person, at=hall.clock.now(), actor="test")
    with pytest.raises(MeizhenError):
        hall.accept(code)
    with hall.database.write() as session:
        assert standing_of(session, person).held == ()
        with pytest.raises(MeizhenError, match="disabled"):
            grant_role(session, hall.keys, person, Role.VIEWER, None, at=hall.clock.now(), actor="x")
        enable_person(session, hall.keys, person, at=hall.clock.now(), actor="test")
        assert person.state == "invited"
    with pytest.raises(MeizhenError):
        hall.accept(code)


def test_a_reset_code_lets_the_person_choose_anew(hall: Hall) -> None:
    person = hall.accept(hall.invite(hall.add()))
    with hall.database.write() as session:
        code, until = reset_password(session, hall.keys, person, at=hall.clock.now(), actor="test")
        assert secret_of(session, person).password_hash == ""
    assert until == hall.clock.now() + timedelta(hours=24)
    hall.accept(code, "another one of mine")
    with hall.database.read() as session:
        assert secret_of(session, person).password_hash.startswith("$argon2id$")
        told = [entry.act for entry in entries_of(session, act="person")]
    assert told[:3] == ["person.password", "person.reset", "person.password"]


def test_the_second_factor_is_sealed_and_moves_to_a_new_master_key(hall: Hall) -> None:
    import pyotp

    person = hall.add()
    with hall.database.write() as session:
        enrolment = begin_second_factor(session, hall.keys, person)
        assert enrolment.secret.encode() not in (secret_of(session, person).totp_ciphertext or b"")
    master = dict(hall.keys._master)
    newer = KeyRing({**master, 2: b"\7" * 32}, hall.keys.ledger)
    with hall.database.write() as session:
        assert rotate_second_factors(session, newer) == 1
        assert rotate_second_factors(session, newer) == 0
    only_new = KeyRing({2: b"\7" * 32}, hall.keys.ledger)
    with hall.database.write() as session:
        now = hall.clock.now()
        code = pyotp.TOTP(enrolment.secret).at(now)
        assert take_totp(session, only_new, person, secret_of(session, person), code, now)


# --- handing over -----------------------------------------------------------------------------------------


def test_everything_a_person_answers_for_goes_to_another_in_one_step(hall: Hall) -> None:
    tree, at = make_tree(hall.database), hall.clock.now()
    roles: dict[Role, object] = {Role.EDITOR: tree["HH"], Role.PUBLISHER: None}
    leaving = make_person(hall.database, hall.keys, "leaving", at=at, roles=roles)  # type: ignore[arg-type]
    coming = make_person(hall.database, hall.keys, "coming", at=at, roles={Role.EDITOR: tree["HH"]})
    other = make_person(hall.database, hall.keys, "other", at=at)
    with hall.database.write() as session:
        put_in_charge(session, leaving, "account", [1, 2, 3], at=at)
        put_in_charge(session, leaving, "post", range(100, 150), at=at)
        put_in_charge(session, other, "account", [3, 4], at=at)
        assert charges_of(session, leaving) == {"account": 2, "post": 50}
    hall.clock.advance(60)
    with hall.database.write() as session:
        now = hall.clock.now()
        done = hand_over(session, hall.keys, leaving, coming, at=now, actor="test", roles=True)
        assert done.things == {"account": 2, "post": 50}
        assert [(one.role, one.unit) for one in done.roles] == [(Role.PUBLISHER, "*")]
        assert charges_of(session, leaving) == {} and charges_of(session, other) == {"account": 2}
        assert charges_of(session, coming) == {"account": 2, "post": 50}
        holder = in_charge(session, "post", 120)
        assert holder is not None and holder.login == "coming" and in_charge(session, "post", 1) is None
        (entry,) = entries_of(session, act="person.hand_over")
    assert entry.details == {
        "to": "coming",
        "things": {"account": 2, "post": 50},
        "roles": ["publisher@*"],
    }


def test_nothing_is_handed_to_who_cannot_take_it(hall: Hall) -> None:
    at = hall.clock.now()
    leaving = make_person(hall.database, hall.keys, "leaving", at=at)
    absent = make_person(hall.database, hall.keys, "absent", at=at, present=False)
    for to, code in ((absent, "person.not_active"), (leaving, "person.same")):
        with hall.database.write() as session, pytest.raises(MeizhenError) as error:
            hand_over(session, hall.keys, leaving, to, at=at, actor="test")
        assert code_of(error) == code


def test_people_are_listed_by_the_unit_they_belong_to(hall: Hall) -> None:
    tree, at = make_tree(hall.database), hall.clock.now()
    for login, code in (("a", "NM"), ("b", "HH-1"), ("c", "BJ")):
        make_person(hall.database, hall.keys, f"{login}{login}", at=at, unit=tree[code])
    hall.add("nowhere")
    with hall.database.read() as session:
        assert [(one.login, code) for one, code in list_people(session)] == [
            ("aa", "NM"),
            ("bb", "HH-1"),
            ("cc", "BJ"),
            ("nowhere", None),
        ]
        assert [one.login for one, _ in list_people(session, unit=tree["NM"])] == ["aa", "bb"]
        assert [one.login for one, _ in list_people(session, state="invited")] == ["nowhere"]
