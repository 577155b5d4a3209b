"""Checkups: the platform's last word of an account, kept until it is asked again or signed in anew."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenery import make_account

from config import Database
from config.secrets import KeyRing, add_master_key, load_key_file
from connectors import Finding, Label
from organisation import rotate_credentials, store_credentials
from organisation.accounts import AccountState
from organisation.checkups import (
    Checkup,
    checkups_of,
    days_left,
    due_for_checkup,
    keep_checkup,
    warning_of,
)

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=20)
FOUND = (
    Finding(True, Label("令牌有效", "works"), ends=LATER + timedelta(days=1), left=9),
    Finding(False, Label("授权", "authorised"), Label("重新登录", "sign in"), ends=LATER, left=3),
    Finding(True, Label("没有说", "says nothing")),
)


def test_what_was_found_is_kept_as_told_with_the_first_end_and_the_least_left(
    database: Database, keys: KeyRing
) -> None:
    account = make_account(database, keys, "webhook", "a")
    for found in ((), FOUND):
        with database.write() as session:
            keep_checkup(session, account.known_id, found, at=NOW)
    with database.read() as session:
        kept = checkups_of(session, [account.known_id, 999])[account.known_id]
        assert (kept.fine, kept.ends, kept.left, kept.checked_at) == (False, LATER, 3, NOW)
        assert [(one.fine, one.told, one.remedy) for one in kept.told()] == [
            (one.fine, one.told, one.remedy) for one in FOUND
        ]


def test_what_is_left_holds_for_the_day_it_was_told_on_in_beijing() -> None:
    kept = Checkup(account_id=1, checked_at=NOW, fine=True, findings=[], left=0)  # 09:00 in Beijing
    assert kept.left_at(NOW + timedelta(hours=14)) == 0
    assert kept.left_at(NOW + timedelta(hours=15)) is None


def test_accounts_are_due_once_a_day_the_longest_waiting_first(database: Database, keys: KeyRing) -> None:
    _never, old, older, fresh = (make_account(database, keys, "webhook", name) for name in "abcd")
    resting = make_account(database, keys, "webhook", "e")
    unknown = make_account(database, keys, "webhook", "f")
    with database.write() as session:
        for account, hours in ((old, 21), (older, 90), (fresh, 19)):
            keep_checkup(session, account.known_id, FOUND, at=NOW - timedelta(hours=hours))
        for account, change in ((resting, {"state": AccountState.PAUSED}), (unknown, {"platform": "gone"})):
            session.merge(account).sqlmodel_update(change)
    with database.read() as session:
        due = [account.handle for account in due_for_checkup(session, NOW)]
        assert due == ["a", "c", "b"]
        assert [account.handle for account in due_for_checkup(session, NOW, limit=1)] == ["a"]


def test_a_new_sign_in_forgets_what_was_found_and_a_new_master_key_does_not(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    account = make_account(database, keys, "webhook", "a")
    with database.write() as session:
        keep_checkup(session, account.known_id, FOUND, at=NOW)
    add_master_key(tmp_path / "keys.json")
    newer = load_key_file(tmp_path / "keys.json")
    with database.write() as session:
        assert rotate_credentials(session, newer) == 1
        assert checkups_of(session, [account.known_id])
    with database.write() as session:
        store_credentials(session, newer, account, {"secret": "x" * 32})
    with database.read() as session:
        assert checkups_of(session, [account.known_id]) == {}


@pytest.mark.parametrize(
    ("hours", "warning"),
    [(169, None), (168, 7), (73, 7), (72, 3), (25, 3), (24, 1), (0.1, 1), (0, 0), (-5, 0)],
)
def test_the_warning_is_at_seven_three_and_one_days(hours: float, warning: int | None) -> None:
    assert warning_of(NOW + timedelta(hours=hours), NOW) == warning


@given(seconds=st.integers(-(10**7), 10**7))
def test_a_warning_never_promises_more_days_than_there_are(seconds: int) -> None:
    ends = NOW + timedelta(seconds=seconds)
    warning, days = warning_of(ends, NOW), days_left(ends, NOW)
    if warning is None:
        assert days >= 7
    else:
        assert days <= warning
