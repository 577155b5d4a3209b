"""The rules from answer to next state."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import (
    Access,
    Connector,
    ConnectorError,
    CredentialField,
    Finding,
    Label,
    Limits,
    NeedsPerson,
    Outgoing,
    Receipt,
    ReceiptState,
    Reconcile,
    Refused,
    Throttled,
    Unauthorised,
    Uncertain,
    Unreachable,
)
from scheduler.deliveries import FOLLOWERS, State
from scheduler.outcomes import MAX_ATTEMPTS, Purpose, Standing, Verdict, backoff, judge

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


class _Declared(Connector):
    """A platform of which only the declarations matter."""

    platform = "declared"
    label = Label("声明", "declared")
    credential_fields: ClassVar[tuple[CredentialField, ...]] = ()
    limits = Limits()

    def __init__(self, reconcile: Reconcile, *, finds: bool) -> None:
        self.reconcile = reconcile  # type: ignore[misc]  # one class stands in for four platforms
        self.capabilities = frozenset({"publish", "find"} if finds else {"publish"})  # type: ignore[misc]

    def check(self, access: Access) -> tuple[Finding, ...]:
        return ()

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        raise Refused("never called")


LOOKUP = _Declared(Reconcile.LOOKUP, finds=True)
KEY_ONLY = _Declared(Reconcile.KEY, finds=False)
NOTHING = _Declared(Reconcile.NONE, finds=False)

ERRORS: list[ConnectorError] = [
    Refused("r"),
    NeedsPerson("p"),
    Unauthorised("u"),
    Throttled("t", until=NOW + timedelta(hours=1)),
    Unreachable("n"),
    Uncertain("?"),
]


def standing(purpose: Purpose, *, attempts: int = 1, looks: int = 0) -> Standing:
    since = None if purpose is Purpose.PUBLISH else NOW - timedelta(seconds=30)
    return Standing(purpose, attempts, looks, NOW - timedelta(seconds=5), since)


def receipt(state: ReceiptState) -> Receipt:
    return Receipt(state, "1")


FROM = {Purpose.PUBLISH: State.SENDING, Purpose.FIND: State.UNCERTAIN, Purpose.SETTLE: State.ACCEPTED}


@given(
    connector=st.sampled_from([LOOKUP, KEY_ONLY, NOTHING]),
    purpose=st.sampled_from(list(Purpose)),
    answer=st.sampled_from([None, *map(receipt, ReceiptState), *ERRORS]),
    attempts=st.integers(1, 12),
    looks=st.integers(0, 12),
)
def test_every_verdict_is_a_legal_transition_and_says_who_moves_it_on(
    connector: Connector,
    purpose: Purpose,
    answer: Receipt | ConnectorError | None,
    attempts: int,
    looks: int,
) -> None:
    verdict = judge(connector, standing(purpose, attempts=attempts, looks=looks), answer, NOW)
    before = FROM[purpose]
    assert verdict.state is before or verdict.state in FOLLOWERS[before]
    if verdict.state in (State.UNCERTAIN, State.ACCEPTED):
        assert verdict.needs_person or verdict.not_before > NOW
        assert verdict.waiting_since is not None
    if verdict.state in (State.FAILED, State.HANDED_OVER):
        assert verdict.needs_person


@given(
    connector=st.sampled_from([LOOKUP, NOTHING]),
    answer=st.sampled_from([Uncertain("?"), Unauthorised("u"), None]),
    attempts=st.integers(1, 12),
)
def test_what_may_have_gone_out_is_never_queued_again_without_key_or_look_up(
    connector: Connector, answer: ConnectorError | None, attempts: int
) -> None:
    assert (
        judge(connector, standing(Purpose.PUBLISH, attempts=attempts), answer, NOW).state is State.UNCERTAIN
    )


def test_a_doubt_on_a_platform_that_drops_repeats_is_repeated_under_the_same_key() -> None:
    assert judge(KEY_ONLY, standing(Purpose.PUBLISH), Uncertain("?"), NOW).state is State.QUEUED


def test_a_doubt_on_a_platform_that_cannot_be_asked_waits_for_a_person() -> None:
    verdict = judge(NOTHING, standing(Purpose.PUBLISH), Uncertain("?"), NOW)
    assert (verdict.state, verdict.needs_person) == (State.UNCERTAIN, True)


def test_proven_absence_queues_again_at_once_and_gives_up_after_many_attempts() -> None:
    assert judge(LOOKUP, standing(Purpose.FIND), None, NOW) == Verdict(State.QUEUED, "absent", NOW)
    worn = judge(LOOKUP, standing(Purpose.FIND, attempts=MAX_ATTEMPTS), None, NOW)
    assert (worn.state, worn.needs_person) == (State.FAILED, True)


def test_looking_ends_with_a_person_when_the_platform_never_tells() -> None:
    last = len(LOOKUP.looks) - 1
    verdict = judge(LOOKUP, standing(Purpose.FIND, looks=last), Uncertain("?"), NOW)
    assert (verdict.state, verdict.needs_person) == (State.UNCERTAIN, True)


def test_a_throttled_call_closes_the_lane_until_the_time_given() -> None:
    until = NOW + timedelta(minutes=7)
    verdict = judge(LOOKUP, standing(Purpose.PUBLISH), Throttled("t", until=until), NOW)
    assert (verdict.state, verdict.not_before, verdict.close_until) == (State.QUEUED, until, until)


def test_a_call_that_our_own_fence_stopped_counts_for_nothing_and_goes_again_at_once() -> None:
    """Else a node that was late a few times holds the account up for minutes, and then gives up."""
    fenced = Unreachable("f", platform_code=Unreachable.FENCED)
    verdict = judge(LOOKUP, standing(Purpose.PUBLISH, attempts=MAX_ATTEMPTS), fenced, NOW)
    assert (verdict.state, verdict.not_before, verdict.uncounted) == (State.QUEUED, NOW, True)
    assert (verdict.close_until, verdict.shut_until) == (None, None)


@pytest.mark.parametrize("account_wide", [True, False])
def test_a_platform_that_needs_a_person_pauses_the_account_only_where_all_of_it_is_meant(
    account_wide: bool,
) -> None:
    verdict = judge(LOOKUP, standing(Purpose.PUBLISH), NeedsPerson("p", account_wide=account_wide), NOW)
    assert (verdict.state, verdict.needs_person, verdict.pause) == (State.FAILED, True, account_wide)


def test_an_account_that_may_not_even_ask_says_nothing_of_the_post() -> None:
    """It was handed in: a token that died since then does not make it failed, certainly not out."""
    asked = judge(LOOKUP, standing(Purpose.SETTLE), NeedsPerson("p", account_wide=True), NOW)
    assert (asked.state, asked.pause, asked.needs_person) == (State.ACCEPTED, True, False)
    refused = judge(LOOKUP, standing(Purpose.SETTLE), NeedsPerson("p", account_wide=False), NOW)
    assert (refused.state, refused.pause, refused.needs_person) == (State.FAILED, False, True)


def test_a_hand_in_that_is_never_settled_becomes_a_doubt_for_a_person() -> None:
    old = Standing(Purpose.SETTLE, 1, 40, NOW, NOW - timedelta(hours=25))
    verdict = judge(LOOKUP, old, receipt(ReceiptState.ACCEPTED), NOW)
    assert (verdict.state, verdict.needs_person) == (State.UNCERTAIN, True)


@given(st.integers(0, 100))
def test_back_off_grows_within_its_cap_and_never_falls_below_half(attempts: int) -> None:
    assert timedelta(seconds=1) <= backoff(attempts) <= timedelta(seconds=300)
    assert backoff(100) >= timedelta(seconds=150)
