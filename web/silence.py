"""How long accounts have been silent: what the lights of pages are made of."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session

from analytics.articles import last_articles
from config.clock import SHANGHAI
from organisation import Account, AccountState, Act, accounts_of
from organisation.silence import RED_AFTER, YELLOW_AFTER, Silence, silence_of
from scheduler import agenda
from web.viewer import Viewer


@dataclass(frozen=True)
class Silent:
    """An account and its light; `days` is None where it was never seen to publish."""

    account: Account
    light: Silence
    days: int | None


@dataclass(frozen=True)
class Gap:
    """A day on which accounts have been silent for so long (a light) if nothing more is planned for them."""

    on: date
    light: Silence
    accounts: tuple[Account, ...]


def last_seen(session: Session, account_ids: Collection[int]) -> dict[int, datetime]:
    """When each account last published, by us or not; one that was never seen to is not named."""
    return agenda.last_seen(session, account_ids, last_articles)


def light_of(account: Account, last: datetime | None, now: datetime) -> Silent:
    """The account with its light."""
    days = None if last is None else (now - last) // timedelta(days=1)
    return Silent(account, silence_of(last, now), days)


def silent_accounts(session: Session, viewer: Viewer) -> list[Silent]:
    """The active accounts in reach whose light is not green, the longest silence first."""
    accounts = accounts_of(session, state=AccountState.ACTIVE, within=viewer.within(Act.ACCOUNT_READ))
    last = last_seen(session, [account.known_id for account in accounts])
    found = [light_of(account, last.get(account.known_id), viewer.now) for account in accounts]
    silent = [one for one in found if one.light is not Silence.GREEN]
    return sorted(silent, key=lambda one: (one.days is None, last.get(one.account.known_id, viewer.now)))


def gaps_between(
    accounts: Sequence[Account],
    last: Mapping[int, datetime],
    coming: Mapping[int, Sequence[datetime]],
    since: datetime,
    until: datetime,
) -> list[Gap]:
    """The days from `since` to `until` on which a light changes, with the accounts whose it is.

    `last` is when each last published, `coming` what is planned for it. One that never published has no gap:
    nothing of it is known.
    """
    found: dict[tuple[date, Silence], list[Account]] = defaultdict(list)
    for account in accounts:
        begun = last.get(account.known_id)
        if begun is None:
            continue
        for at, light in _changes([begun, *coming.get(account.known_id, ())]):
            if since <= at < until:
                found[at.astimezone(SHANGHAI).date(), light].append(account)
    return [Gap(on, light, tuple(some)) for (on, light), some in sorted(found.items())]


def _changes(dues: Sequence[datetime]) -> Iterator[tuple[datetime, Silence]]:
    for number, due in enumerate(dues):
        following = dues[number + 1] if number + 1 < len(dues) else None
        for after, light in ((YELLOW_AFTER, Silence.YELLOW), (RED_AFTER, Silence.RED)):
            if following is None or due + after < following:
                yield due + after, light
