"""Collecting figures for a house: accounts opened, platforms asked, publishing told. Wiring only."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from meizhen.house import House
from organisation.access import access_for, http_for
from organisation.accounts import Account
from scheduler.sharing import SharedWithPublishing

if TYPE_CHECKING:
    from analytics.collection import CollectionReport
    from analytics.plans import AccountPlan


def collect_figures(
    house: House,
    *,
    accounts: Sequence[Account] | None = None,
    since: date | None = None,
    until: date | None = None,
    account_days: bool = True,
    due_only: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> "CollectionReport":
    """Asks the platforms of `accounts` (all active ones without) for their figures (`analytics.collect`)."""
    from analytics import collect

    return collect(
        house.database,
        house.clock,
        access_for=lambda account: access_for(
            house.database,
            house.keys,
            account,
            clock=house.clock,
            http=http_for(account.platform, house.settings),
        ),
        accounts=accounts,
        since=since,
        until=until,
        account_days=account_days,
        due_only=due_only,
        progress=progress,
        sharing=SharedWithPublishing(),
    )


def plan_figures(house: House, accounts: Sequence[Account] | None = None) -> "list[AccountPlan]":
    """When the platforms of `accounts` are asked next, and for what (`analytics.plans.plan_accounts`)."""
    from analytics.plans import plan_accounts

    return plan_accounts(house.database, house.clock, accounts=accounts, sharing=SharedWithPublishing())
