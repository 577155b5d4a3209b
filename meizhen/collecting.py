"""Collecting figures for a house: accounts opened, platforms asked. Wiring only."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from meizhen.house import House
from organisation.access import access_for, http_for
from organisation.accounts import Account

if TYPE_CHECKING:
    from analytics.collection import CollectionReport


def collect_figures(
    house: House,
    *,
    accounts: Sequence[Account] | None = None,
    since: date | None = None,
    until: date | None = None,
    account_days: bool = True,
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
        progress=progress,
    )
