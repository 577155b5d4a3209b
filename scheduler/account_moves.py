"""Pausing, resuming and retiring an account, and waking what waits for it."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from config.errors import MeizhenError
from config.messages import text
from config.secrets import KeyRing
from organisation.accounts import Account, pause_account, resume_account, retire_account
from scheduler import lanes


class AccountMove(StrEnum):
    """What a person does to an account."""

    PAUSE = "pause"
    RESUME = "resume"
    RETIRE = "retire"


_MOVES: dict[AccountMove, Callable[..., bool]] = {
    AccountMove.PAUSE: pause_account,
    AccountMove.RESUME: resume_account,
    AccountMove.RETIRE: retire_account,
}


def move_account(
    session: Session,
    keys: KeyRing,
    account: Account,
    move: AccountMove,
    *,
    at: datetime,
    actor: str,
    reason: str = "",
) -> None:
    """Moves the account. Raises MeizhenError `account.not_moved` from a state that does not allow it."""
    if not _MOVES[move](session, keys, account, at=at, actor=actor, reason=reason):
        state = text(f"account.state_{account.state}")
        raise MeizhenError("account.not_moved", account=account.stable_id, state=state)
    # A lane that found its account paused sleeps until somebody tells it otherwise.
    lanes.wake(session, [account.known_id], at)
