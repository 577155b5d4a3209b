"""Posts: writing and queueing them, when they are due, and their story."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenery import make_account, make_node, run_until_idle
from sqlalchemy import event
from sqlmodel import select

from config import Database, ManualClock, MeizhenError
from config.clock import SHANGHAI
from config.secrets import KeyRing
from organisation.accounts import find_account
from organisation.ledger import LedgerEntry
from scheduler.deliveries import Delivery, State
from scheduler.posts import (
    Draft,
    Post,
    Variant,
    add_post,
    deliveries_of,
    list_deliveries,
    parse_due,
    parse_moment,
    queue_post,
    story_of,
)
from scheduler.wording import Wording, effective

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Beijing


def refusal(told: str) -> str:
    with pytest.raises(MeizhenError) as error:
        parse_due(told, NOW)
    assert str(error.value)
    return error.value.code


# --- when -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "beijing"),
    [
        ("2026-03-02T09:30+08:00", "2026-03-02T09:30"),
        ("2026-03-02T01:30Z", "2026-03-02T09:30"),
        ("2026-03-02T09:30", "2026-03-02T09:30"),
        (" 2026-03-02 09:30:05 ", "2026-03-02T09:30:05"),
        ("20260302T0930", "2026-03-02T09:30"),
        ("2026-03-03", "2026-03-03T00:00"),
        ("2026/3/2 9:30", "2026-03-02T09:30"),
        ("2026/12/31 23:59:59", "2026-12-31T23:59:59"),
        ("2026/3/3", "2026-03-03T00:00"),
        ("2026-03-01T20:30-05:00", "2026-03-02T09:30"),
        ("now", "2026-03-02T09:00"),
        ("NOW", "2026-03-02T09:00"),
    ],
)
def test_due_is_iso_8601_beijing_without_a_zone(told: str, beijing: str) -> None:
    due = parse_due(told, NOW)
    assert due == datetime.fromisoformat(beijing).replace(tzinfo=SHANGHAI)
    assert due.tzinfo is UTC


@pytest.mark.parametrize(
    "told",
    [
        "", "tomorrow", "09:30", "2026-02-30", "2026-13-01T00:00", "2026/2/30 9:30", "2026-03-02T25:00",
        "２０２６-03-02", "0001-01-01T00:00", "0001-01-01T00:00+23:00", "9999-12-31T23:59-23:00",
        "3000-01-01", "1772413200", "2026-03-02T09:30+08:00\n2026", "now!",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(told: str) -> None:
    assert refusal(told) == "input.not_a_moment"


def test_a_due_time_may_be_a_minute_past_and_no_more() -> None:
    assert parse_due("2026-03-02T08:59:00", NOW) == NOW - timedelta(minutes=1)
    assert refusal("2026-03-02T08:58:59") == "post.due_past"
    assert parse_moment("2026-03-02T08:58:59", NOW) == NOW - timedelta(seconds=61)


# Hypothesis wants the bounds of its datetimes without a zone.
SOON, FAR = (NOW + timedelta(days=days) for days in (2, 350_000))
BOUNDS = {"min_value": SOON.replace(tzinfo=None), "max_value": FAR.replace(tzinfo=None)}
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(
    st.datetimes(**BOUNDS, timezones=zones),
    st.sampled_from(["auto", "seconds", "milliseconds", "microseconds"]),
    st.sampled_from("T "),
)
def test_any_iso_moment_comes_back_as_the_same_moment(at: datetime, precision: str, separator: str) -> None:
    parsed = parse_due(at.isoformat(separator, precision), NOW)
    assert timedelta(0) <= at - parsed < timedelta(seconds=1)
    assert parsed == at or precision in ("seconds", "milliseconds")
    assert parsed.tzinfo is UTC


@given(st.datetimes(**BOUNDS))
def test_a_moment_without_a_zone_is_beijings(naive: datetime) -> None:
    assert parse_due(naive.isoformat(), NOW) == naive.replace(tzinfo=SHANGHAI)


@given(
    st.one_of(st.text(max_size=30), st.from_regex(r"\d{1,5}[-/]\d{1,2}[-/]\d{1,2}[ T]\d{1,2}:\d{2}.{0,8}"))
)
def test_any_words_are_a_moment_or_refused(told: str) -> None:
    try:
        assert parse_due(told, NOW) >= NOW - timedelta(minutes=1)
    except MeizhenError as error:
        assert error.code in ("input.not_a_moment", "post.due_past")


# --- words ------------------------------------------------------------------------------------------------


def test_a_variant_says_only_what_differs() -> None:
    own = Wording("标题", "正文", {"author": "张", "digest": "摘要"})
    assert effective(own, None) == ("标题", "正文", {"author": "张", "digest": "摘要"})
    assert effective(own, Wording()) == effective(own, None)
    assert effective(own, Wording(text="短")) == ("标题", "短", {"author": "张", "digest": "摘要"})
    assert effective(own, Wording(title="", options={"digest": "另"})) == (
        "",
        "正文",
        {"author": "张", "digest": "另"},
    )


def test_a_post_and_its_variants_are_stored_as_given(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    account = make_account(database, keys, "webhook", "site")
    with database.write() as session:
        post = add_post(
            session,
            title="标题",
            text="正文",
            media=["a" * 64],
            options={"author": "张"},
            variants={account.known_id: Wording(text="短")},
            lateness_hours=0.5,
            now=clock.now(),
            actor="li",
        )
    with database.read() as session:
        stored = session.get_one(Post, post.id)
        (variant,) = session.exec(select(Variant)).all()
        assert session.exec(select(Delivery)).all() == []
    assert (stored.media, stored.options, stored.lateness_hours) == (["a" * 64], {"author": "张"}, 0.5)
    assert (stored.created_at, stored.created_by) == (clock.now(), "li")
    assert (variant.title, variant.text, variant.options) == (None, "短", None)
    assert effective(stored, variant) == ("标题", "短", {"author": "张"})


def test_a_queued_post_has_a_delivery_an_account_and_one_ledger_entry(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    accounts = [make_account(database, keys, "webhook", handle) for handle in ("a", "b")]
    due = clock.now() + timedelta(hours=1)
    with database.write() as session:
        queued = queue_post(
            session,
            keys,
            Draft("标题", "正文", lateness_hours=0.25),
            accounts,
            due=due,
            lateness_hours=2,
            now=clock.now(),
            actor="li",
        )
    with database.read() as session:
        deliveries = deliveries_of(session, queued.post_id)
        (entry,) = session.exec(select(LedgerEntry)).all()
    assert tuple(delivery.id for delivery in deliveries) == queued.delivery_ids
    assert [delivery.account_id for delivery in deliveries] == [account.known_id for account in accounts]
    assert {(one.due, one.late_after, one.state) for one in deliveries} == {
        (due, due + timedelta(minutes=15), "queued")
    }
    assert (entry.act, entry.subject, entry.actor) == ("post.add", f"post:{queued.post_id}", "li")
    assert entry.details == {"due": due.isoformat(), "accounts": ["webhook:a", "webhook:b"]}


# --- lists and stories ------------------------------------------------------------------------------------


def queue(
    database: Database, keys: KeyRing, draft: Draft, handles: list[str], due: datetime, now: datetime = NOW
) -> int:
    with database.read() as session:
        accounts = [find_account(session, handle) for handle in handles]
    with database.write() as session:
        return queue_post(
            session, keys, draft, accounts, due=due, lateness_hours=2, now=now, actor="li"
        ).post_id


def test_a_list_is_in_due_order_by_one_statement(
    database: Database, keys: KeyRing, clock: ManualClock
) -> None:
    first = make_account(database, keys, "webhook", "a")
    make_account(database, keys, "webhook", "b")
    hours = {
        name: clock.now() + timedelta(hours=number) for number, name in enumerate(("one", "two", "three"))
    }
    late = queue(database, keys, Draft("", "第三\n" + "很" * 100), ["a"], hours["three"])
    soon = queue(database, keys, Draft("第一", "正文"), ["a", "b"], hours["one"])
    middle = queue(database, keys, Draft("第二", "正文"), ["b"], hours["two"])
    with database.write() as session:
        session.add(Variant(post_id=soon, account_id=first.known_id, title="变"))

    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: statements.append(str(given[2])))
    with database.read() as session:
        listed = list_deliveries(session)
        assert len([one for one in statements if one.lstrip().startswith("SELECT")]) == 1
        assert [(one.post, one.account) for one in listed] == [
            (soon, "webhook:a"),
            (soon, "webhook:b"),
            (middle, "webhook:b"),
            (late, "webhook:a"),
        ]
        assert [one.headline for one in listed[:3]] == ["变", "第一", "第二"]
        assert listed[3].headline.startswith("第三 很") and len(listed[3].headline) == 60
        assert [one.post for one in list_deliveries(session, limit=2)] == [soon, soon]
        of_first = list_deliveries(session, account_id=first.known_id)
        assert [one.post for one in of_first] == [soon, late]
        between = list_deliveries(session, since=hours["two"], until=hours["two"])
        assert [one.post for one in between] == [middle]
        assert list_deliveries(session, state=State.FAILED) == []


def test_a_story_has_every_event_and_call_of_every_account(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    # Nothing listens on port 9: certainly not sent, until it is too late.
    make_account(database, keys, "webhook", "a", api_base="http://127.0.0.1:9")
    make_account(database, keys, "webhook", "b", api_base="http://127.0.0.1:9")
    post_id = queue(database, keys, Draft("标题", "正文", lateness_hours=0.0001), ["a", "b"], clock.now())
    run_until_idle(make_node(database, keys, clock, tmp_path))
    with database.read() as session:
        story = story_of(session, post_id)
    assert [one.account for one in story.deliveries] == ["webhook:a", "webhook:b"]
    for one in story.deliveries:
        assert one.delivery.state == "missed"
        assert [happened.to_state for happened in one.events] == ["queued", "sending", "queued", "missed"]
        assert [(call.number, call.outcome) for call in one.attempts] == [(1, "unreachable")]


def test_a_post_that_is_not_there_is_named(database: Database, keys: KeyRing, clock: ManualClock) -> None:
    make_account(database, keys, "webhook", "a")
    other = make_account(database, keys, "webhook", "b")
    post_id = queue(database, keys, Draft("标题", "正文"), ["a"], clock.now())
    with database.read() as session:
        for ask in (story_of, deliveries_of):
            with pytest.raises(MeizhenError) as error:
                ask(session, post_id + 1)
            assert error.value.code == "post.not_found" and str(post_id + 1) in str(error.value)
        with pytest.raises(MeizhenError) as error:
            deliveries_of(session, post_id, [other])
        assert error.value.code == "post.no_delivery" and "webhook:b" in str(error.value)
