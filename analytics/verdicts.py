"""What an asking means for its account: when it is asked next, and whom else it concerns."""

from datetime import datetime

from analytics.asking import BUDGET, Answer
from analytics.plans import next_asking
from analytics.turns import Outcome, pause_after
from connectors import NeedsPerson, Refused, Throttled


def outcome_of(answer: Answer, at: datetime) -> Outcome:
    """The same rules as for publishing: a person is waited for, a closed window too; the rest is tried again.

    What was refused for good is asked with the next day; what left holes otherwise after a growing pause.
    """
    task = answer.task
    account_id, coming = task.account.known_id, next_asking(task.connector, at)
    code, told = (answer.failures[0].code, answer.failures[0].told) if answer.failures else ("", "")
    need = account_need(answer)
    if need is not None:
        return Outcome(
            account_id,
            asked_at=at,
            next_at=need.until,
            open_from=need.until,
            paused=need.until is None,
            failures=task.failures + 1,
            code=need.platform_code,
            told=need.platform_text,
        )
    throttled = [error for error in answer.errors if isinstance(error, Throttled)]
    if throttled:
        own = [error.until for error in throttled if not error.app_wide]
        return Outcome(
            account_id,
            asked_at=at,
            next_at=max(error.until for error in throttled),
            open_from=max(own, default=None),
            failures=task.failures + 1,
            code=code,
            told=told,
        )
    has_holes = answer.article_hole is not None or answer.day_holes or answer.has_delayed
    if has_holes and not (answer.errors and all(isinstance(error, Refused) for error in answer.errors)):
        failures = task.failures + 1
        return Outcome(account_id, at, at + pause_after(failures), failures=failures, code=code, told=told)
    return Outcome(account_id, at, coming if task.whole else task.next_at, code=code, told=told)


def account_need(answer: Answer) -> NeedsPerson | None:
    """The error that stops the whole account until a person has acted."""
    needs = (error for error in answer.errors if isinstance(error, NeedsPerson) and error.account_wide)
    return next(needs, None)


def shut_gate(answer: Answer) -> Throttled | None:
    """What the platform said to all accounts behind the answer's gate."""
    shut = [error for error in answer.errors if isinstance(error, Throttled) and error.app_wide]
    return max(shut, key=lambda error: error.until, default=None)


def closed_for_publishing(answer: Answer) -> datetime | None:
    """Until when the account's one quota is used up, as the platform said; not by our own planning."""
    if not answer.task.connector.asking.one_quota:
        return None
    said = [
        error.until
        for error in answer.errors
        if isinstance(error, Throttled) and not error.app_wide and error.platform_code != BUDGET
    ]
    return max(said, default=None)
