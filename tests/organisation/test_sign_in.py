"""Signing in: counted by all nodes, told alike whatever is wrong, ended by what ends it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pyotp
import pytest
from people import PASSWORD, make_person
from pwdlib import PasswordHash
from sqlalchemy import event
from sqlmodel import func, select

from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from organisation import (
    Ages,
    Person,
    SignedIn,
    SignIn,
    Welcome,
    begin_second_factor,
    change_password,
    check_own_password,
    confirm_second_factor,
    disable_person,
    drop_second_factor,
    enable_person,
    end_session,
    entries_of,
    find_session,
    recovery_codes_left,
    reset_password,
    sign_in,
    sign_out,
    sweep_sessions,
    sweep_throttle,
    touch_session,
    wants_touch,
)
from organisation.throttle import PAIR, Limit, SignInThrottle

HERE = "192.0.2.7"
WRONG = "wrong wrong wrong"
REFUSED = "person.sign_in_refused"


class Door:
    """Where people of a test come in."""

    def __init__(self, database: Database, keys: KeyRing, clock: ManualClock) -> None:
        self.database, self.keys, self.clock = database, keys, clock

    def enter(
        self, login: str = "li", password: str = PASSWORD, *, address: str = HERE, code: str = ""
    ) -> Welcome:
        given = SignIn(login, password, address, code=code, agent="test")
        return sign_in(self.database, self.keys, self.clock, given)

    def refused(self, login: str, password: str = WRONG, **how: str) -> MeizhenError:
        with pytest.raises(MeizhenError) as error:
            self.enter(login, password, **how)
        return error.value

    def holds(self, token: str) -> bool:
        with self.database.read() as session:
            return find_session(session, token, now=self.clock.now()) is not None


@pytest.fixture
def door(database: Database, keys: KeyRing, clock: ManualClock) -> Door:
    return Door(database, keys, clock)


@pytest.fixture
def li(door: Door) -> Person:
    return make_person(door.database, door.keys, "li", at=door.clock.now())


@contextmanager
def acts(door: Door) -> Iterator[list[tuple[str, str]]]:
    """Act and subject of what the ledger gains within, oldest first."""
    with door.database.read() as session:
        before = len(entries_of(session, limit=1000))
    gained: list[tuple[str, str]] = []
    yield gained
    with door.database.read() as session:
        entries = entries_of(session, limit=1000)
    gained += [(entry.act, entry.subject) for entry in reversed(entries[: len(entries) - before])]


def test_the_right_password_opens_a_session_that_the_database_knows_only_as_a_hash(
    door: Door, li: Person
) -> None:
    with acts(door) as told:
        welcome = door.enter(" LI ")
    assert welcome.person.id == li.id and len(welcome.token) >= 43
    assert told == [("person.sign_in", "person:li")]
    with door.database.read() as session:
        row = session.exec(select(SignedIn)).one()
    assert welcome.token not in repr(row) and welcome.token not in repr(welcome) and door.holds(welcome.token)


def test_every_refusal_is_told_alike_and_costs_one_verification(
    door: Door, li: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such person, not yet here, disabled, wrong password: one text, one path, one verification each."""
    make_person(door.database, door.keys, "new", at=door.clock.now(), present=False)
    gone = make_person(door.database, door.keys, "gone", at=door.clock.now())
    with door.database.write() as session:
        disable_person(session, door.keys, gone, at=door.clock.now(), actor="test")
    verified, statements = [0], [0]
    real = PasswordHash.verify_and_update

    def counting(self: PasswordHash, password: str | bytes, stored: str) -> tuple[bool, str | None]:
        verified[0] += 1
        return real(self, password, stored)

    monkeypatch.setattr(PasswordHash, "verify_and_update", counting)

    event.listen(
        door.database.engine, "before_cursor_execute", lambda *_: statements.__setitem__(0, statements[0] + 1)
    )
    costs, told = set(), set()
    for login, password in (
        ("li", WRONG),
        ("nobody", PASSWORD),
        ("new", PASSWORD),
        ("gone", PASSWORD),
    ):
        verified[0] = statements[0] = 0
        error = door.refused(login, password)
        costs.add((verified[0], statements[0]))
        told.add((error.code, str(error)))
    assert len(told) == 1 and len(costs) == 1 and next(iter(costs))[0] == 1


def test_what_was_typed_where_the_login_belongs_is_written_nowhere(door: Door) -> None:
    door.refused("my secret password")
    with door.database.read() as session:
        (entry,) = entries_of(session)
        rows = session.exec(select(SignInThrottle)).all()
    assert (entry.act, entry.subject, entry.actor) == (
        REFUSED,
        "person:?",
        f"address:{HERE}",
    )
    assert "my secret" not in repr((entry, rows))


def test_the_eleventh_try_from_one_address_waits_even_with_the_right_password(door: Door, li: Person) -> None:
    for _ in range(PAIR.tries):
        assert door.refused("li").code == REFUSED
    throttled = door.refused("li", PASSWORD)
    assert (throttled.code, throttled.params["seconds"]) == ("person.throttled", 901)
    door.clock.advance(901)
    assert door.enter().person.id == li.id


def test_tries_are_counted_for_logins_that_are_nobodys_just_the_same(door: Door) -> None:
    codes = [door.refused("nobody").code for _ in range(PAIR.tries + 1)]
    assert codes == [REFUSED] * PAIR.tries + ["person.throttled"]


def test_one_address_gets_no_further_by_changing_the_login(
    door: Door, li: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("organisation.signing_in.verify_password", lambda *_: (False, None))
    monkeypatch.setattr("organisation.throttle.ADDRESS", Limit(8, timedelta(hours=1)))
    for number in range(8):
        assert door.refused(f"guess{number}", address="2001:db8::1").code == REFUSED
    assert door.refused("li", address="2001:db8::ffff").code == "person.throttled"  # the same network
    assert door.refused("li", address="2001:db8:0:1::1").code == REFUSED


def test_others_cannot_lock_out_who_signed_in_here_before(
    door: Door, li: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("organisation.throttle.ACCOUNT", Limit(6, timedelta(hours=1)))
    door.enter()
    with monkeypatch.context() as quick:
        quick.setattr("organisation.signing_in.verify_password", lambda *_: (False, None))
        codes = {door.refused("li", address=f"198.51.100.{number}").code for number in range(8)}
    assert codes == {REFUSED, "person.throttled"}
    assert door.refused("li", PASSWORD, address="203.0.113.9").code == "person.throttled"
    assert door.enter().person.id == li.id


def test_nodes_that_try_at_once_count_together(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("organisation.signing_in.verify_password", lambda *_: (False, None))
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: door.refused("nobody").code, range(16)))
    assert codes.count(REFUSED) == PAIR.tries


def test_ended_counts_are_swept_and_trust_is_kept(door: Door, li: Person) -> None:
    door.enter()
    door.clock.advance(2 * 3600)
    with door.database.write() as session:
        sweep_throttle(session, door.clock.now())
        assert session.exec(select(func.count()).select_from(SignInThrottle)).one() == 1


# --- what ends a session ----------------------------------------------------------------------------------


def test_signing_in_again_ends_the_session_that_the_browser_came_with(door: Door, li: Person) -> None:
    old = door.enter().token
    given = SignIn("li", PASSWORD, HERE, replaces=old)
    new = sign_in(door.database, door.keys, door.clock, given).token
    assert new != old and not door.holds(old) and door.holds(new)


def test_signing_out_ends_it_and_is_recorded(door: Door, li: Person) -> None:
    token = door.enter().token
    with acts(door) as told, door.database.write() as session:
        assert sign_out(session, door.keys, token, at=door.clock.now())
        assert not sign_out(session, door.keys, token, at=door.clock.now())
        assert not end_session(session, "no such token")
    assert told == [("person.sign_out", "person:li")] and not door.holds(token)


def test_disabling_ends_all_sessions_and_enabling_brings_none_back(door: Door, li: Person) -> None:
    tokens = [door.enter().token, door.enter(address="192.0.2.8").token]
    with door.database.write() as session:
        assert disable_person(session, door.keys, li, at=door.clock.now(), actor="test", reason="离职")
        assert not disable_person(session, door.keys, li, at=door.clock.now(), actor="test")
        assert enable_person(session, door.keys, li, at=door.clock.now(), actor="test")
    assert not any(door.holds(token) for token in tokens)
    assert door.enter().person.id == li.id


def test_a_new_password_ends_all_other_sessions(door: Door, li: Person) -> None:
    here, elsewhere = door.enter().token, door.enter(address="192.0.2.8").token
    with door.database.write() as session:
        change_password(session, door.keys, li, "a new one of mine", at=door.clock.now(), but=here)
    assert (door.holds(here), door.holds(elsewhere)) == (True, False)
    assert door.refused("li", PASSWORD).code == REFUSED
    assert door.enter("li", "a new one of mine").person.id == li.id


def test_a_reset_ends_the_password_and_all_sessions_at_once(door: Door, li: Person) -> None:
    token = door.enter().token
    with door.database.write() as session:
        code, until = reset_password(session, door.keys, li, at=door.clock.now(), actor="test")
    assert until - door.clock.now() == timedelta(hours=24) and len(code) == 29
    assert not door.holds(token) and door.refused("li", PASSWORD).code == REFUSED


def test_a_session_ends_when_it_is_not_used_and_when_it_is_old(door: Door, li: Person) -> None:
    idle, used = door.enter().token, door.enter().token
    for _ in range(24):  # seven days, seven hours at a time
        door.clock.advance(7 * 3600)
        with door.database.write() as session:
            found = find_session(session, used, now=door.clock.now())
            if found is None:
                break
            assert wants_touch(found[0], door.clock.now())
            touch_session(session, found[0], door.clock.now())
        assert door.holds(used)
    assert not door.holds(used) and not door.holds(idle)
    with door.database.write() as session:
        assert sweep_sessions(session, door.clock.now()) == 2


def test_ages_can_be_set(door: Door, li: Person) -> None:
    token = door.enter().token
    door.clock.advance(120)
    ages = Ages(timedelta(minutes=1), timedelta(days=1))
    with door.database.read() as session:
        assert find_session(session, token, now=door.clock.now(), ages=ages) is None


# --- the second factor ------------------------------------------------------------------------------------


def enrol(door: Door, person: Person) -> tuple[pyotp.TOTP, list[str]]:
    now = door.clock.now()
    with door.database.write() as session:
        enrolment = begin_second_factor(session, door.keys, person)
    totp = pyotp.TOTP(enrolment.secret)
    assert enrolment.secret not in repr(enrolment) and enrolment.secret in enrolment.address
    with door.database.write() as session:
        code = totp.at(now)
        return totp, confirm_second_factor(session, door.keys, person, code, at=now, actor=person.subject)


def test_with_a_second_factor_the_password_alone_opens_nothing(door: Door, li: Person) -> None:
    totp, _ = enrol(door, li)
    door.clock.advance(30)
    assert door.refused("li", PASSWORD).code == "person.code_needed"
    assert door.refused("li", PASSWORD, code="000000").code == REFUSED
    assert door.refused("li", code=totp.at(door.clock.now())).code == REFUSED
    assert door.enter(code=totp.at(door.clock.now())).factor == "totp"


def test_a_code_is_good_once_and_so_are_older_ones(door: Door, li: Person) -> None:
    totp, _ = enrol(door, li)
    assert door.refused("li", PASSWORD, code=totp.at(door.clock.now())).code == REFUSED
    before = totp.at(door.clock.now())
    door.clock.advance(30)
    door.enter(code=totp.at(door.clock.now()))
    assert door.refused("li", PASSWORD, code=totp.at(door.clock.now())).code == REFUSED
    assert door.refused("li", PASSWORD, code=before).code == REFUSED


def test_of_two_who_give_one_code_at_once_one_comes_in(door: Door, li: Person) -> None:
    totp, _ = enrol(door, li)
    door.clock.advance(30)
    code = totp.at(door.clock.now())

    def attempt(number: int) -> bool:
        try:
            return bool(door.enter(address=f"192.0.2.{number}", code=code))
        except MeizhenError:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(10, 14))) == 1


def test_a_telephone_half_a_minute_off_is_let_in_and_one_a_minute_off_is_not(door: Door, li: Person) -> None:
    totp, _ = enrol(door, li)
    door.clock.advance(120)
    now = door.clock.now()
    assert door.refused("li", PASSWORD, code=totp.at(now - timedelta(seconds=60))).code == REFUSED
    assert door.enter(code=totp.at(now - timedelta(seconds=30))).factor == "totp"
    assert door.enter(code=totp.at(now + timedelta(seconds=30))).factor == "totp"


def test_a_recovery_code_stands_in_once(door: Door, li: Person) -> None:
    _, codes = enrol(door, li)
    assert len(set(codes)) == 10
    assert door.enter(code=codes[3].upper()).factor == "recovery"
    assert door.refused("li", PASSWORD, code=codes[3]).code == REFUSED
    with door.database.read() as session:
        assert recovery_codes_left(session, li) == 9


def test_a_dropped_factor_is_asked_for_no_more(door: Door, li: Person) -> None:
    enrol(door, li)
    with door.database.write() as session:
        with pytest.raises(MeizhenError, match="second factor already"):
            begin_second_factor(session, door.keys, li)
        assert drop_second_factor(session, door.keys, li, at=door.clock.now(), actor="test")
        assert not drop_second_factor(session, door.keys, li, at=door.clock.now(), actor="test")
    assert door.enter().factor is None


def test_no_factor_counts_before_a_code_of_it_was_given(door: Door, li: Person) -> None:
    with door.database.write() as session:
        begin_second_factor(session, door.keys, li)
    with door.database.write() as session, pytest.raises(MeizhenError, match="does not fit"):
        confirm_second_factor(session, door.keys, li, "123456", at=door.clock.now(), actor="x")
    assert door.enter().factor is None


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_rfc_6238(second: int, code: str) -> None:
    """Appendix B, SHA-1; ours are its last six digits."""
    import base64
    from datetime import UTC, datetime

    from organisation.second_factor import _fitting_step

    secret = base64.b32encode(b"12345678901234567890").decode()
    at = datetime.fromtimestamp(second, UTC)
    assert _fitting_step(secret, code[-6:], at) == second // 30
    assert _fitting_step(secret, code[:6], at) is None


# --- once more before a dangerous act ---------------------------------------------------------------------


def test_the_password_is_asked_once_more_and_counted(door: Door, li: Person) -> None:
    check_own_password(door.database, door.keys, door.clock, li, PASSWORD, HERE)
    with acts(door) as told:
        for _ in range(PAIR.tries):
            with pytest.raises(MeizhenError, match="not right"):
                check_own_password(door.database, door.keys, door.clock, li, WRONG, HERE)
        with pytest.raises(MeizhenError, match="Too many"):
            check_own_password(door.database, door.keys, door.clock, li, PASSWORD, HERE)
    assert set(told) == {(REFUSED, "person:li")}
