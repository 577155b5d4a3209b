"""Pausing, resuming and retiring an account, with its lane told of it."""

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session

from config.errors import MeizhenError
from config.messages import text
from config.secrets import KeyRing
from organisation import Account, pause_account, resume_account, retire_account
from scheduler import lanes

MOVES: dict[str, Callable[..., bool]] = {
    "pause": pause_account,
    "resume": resume_account,
    "retire": retire_account,
}


def move_account(
    session: Session,
    keys: KeyRing,
    account: Account,
    verb: str,
    *,
    at: datetime,
    actor: str,
    reason: str = "",
) -> None:
    """`verb` is one of `MOVES`. Raises MeizhenError `account.not_moved` where its state does not allow it."""
    if not MOVES[verb](session, keys, account, at=at, actor=actor, reason=reason):
        state = text(f"account.state_{account.state}")
        raise MeizhenError("account.not_moved", account=account.stable_id, state=state)
    # A lane that found its account paused sleeps until somebody tells it otherwise.
    lanes.wake(session, [account.known_id], at)
