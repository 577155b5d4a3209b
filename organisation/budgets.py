"""Budgets of many accounts at once: what a plan takes ahead, and gives back what it did not need.

The rows are those of `memory.AccountBudget`: a connector that counts call by call and a plan that takes a
hundred at once never pass the limit together.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from config.batch import BatchStatement
from organisation.memory import AccountBudget

_TAKE = BatchStatement(
    "INSERT INTO account_budget AS budget (account_id, key, spent, until) "
    "SELECT account_id, :key, amount, until FROM {rows} AS wanted WHERE amount <= :most "
    "ON CONFLICT (account_id, key) DO UPDATE SET "
    "spent = CASE WHEN budget.until <= :now THEN excluded.spent ELSE budget.spent + excluded.spent END, "
    "until = CASE WHEN budget.until <= :now THEN excluded.until ELSE budget.until END "
    "WHERE budget.until <= :now OR budget.spent + excluded.spent <= :most RETURNING account_id",
    {"account_id": "integer", "amount": "integer", "until": "time"},
)
_GIVE_BACK = BatchStatement(
    "UPDATE account_budget SET spent = account_budget.spent - unused.amount FROM {rows} AS unused "
    "WHERE account_budget.account_id = unused.account_id AND account_budget.key = :key "
    "AND account_budget.until = unused.until AND account_budget.spent >= unused.amount",
    {"account_id": "integer", "amount": "integer", "until": "time"},
)


def take_budgets(
    session: Session, key: str, wanted: Mapping[int, int], *, limit: int, until: datetime, now: datetime
) -> set[int]:
    """Takes so much of each account's budget of `limit`, new after `until`; gives those it fits for."""
    if not wanted:
        return set()
    rows = [(account_id, amount, until) for account_id, amount in sorted(wanted.items())]
    taken = _TAKE.run(session.connection(), rows, key=key, most=limit, now=now)
    return {row[0] for row in taken}


def give_back(session: Session, key: str, unused: Mapping[int, tuple[int, datetime]]) -> None:
    """Gives back what was taken and not spent: by account the amount, and the `until` it was taken with."""
    rows = [(account_id, amount, until) for account_id, (amount, until) in sorted(unused.items()) if amount]
    if rows:
        _GIVE_BACK.run(session.connection(), rows, key=key)


def spent_of(session: Session, key: str, account_ids: Sequence[int], now: datetime) -> dict[int, int]:
    """What is spent of the present period, by account; one that has spent nothing is left out."""
    rows = session.exec(
        select(AccountBudget.account_id, AccountBudget.spent).where(
            AccountBudget.key == key,
            AccountBudget.until > now,
            col(AccountBudget.account_id).in_(account_ids),
        )
    )
    return dict(iter(rows))
