"""Opens accounts for a publishing node: connector and access, kept for a short while."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from config.clock import Clock
from config.database import Database
from config.errors import MeizhenError
from config.secrets import KeyRing
from config.settings import Settings
from connectors import Access, Connector, connector_for
from organisation.access import access_with, http_for
from organisation.accounts import Account
from organisation.credentials import credentials_of
from scheduler.holding import Opened

# New credentials or another address are obeyed within this time.
_KEPT = timedelta(seconds=30)


class OpenedAccounts:
    """The accounts that a node sends for; opened when a lane is taken, opened anew after a while."""

    def __init__(self, database: Database, keys: KeyRing, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._settings = settings
        self._opened: dict[int, tuple[datetime, Connector, Access]] = {}

    def open(self, session: Session, account_ids: Sequence[int]) -> dict[int, Opened]:
        """Connector and access by account id; the error of an account whose credentials do not open."""
        failed: dict[int, Opened] = {}
        now = self._clock.now()
        old = [
            account_id
            for account_id in account_ids
            if account_id not in self._opened or not now - _KEPT <= self._opened[account_id][0] <= now
        ]
        if old:
            accounts = session.exec(select(Account).where(col(Account.id).in_(old))).all()
            credentials = credentials_of(session, self._keys, accounts)
            for account in accounts:
                self._opened.pop(account.known_id, None)
                try:
                    opened = self._open(account, credentials[account.known_id])
                    self._opened[account.known_id] = (now, *opened)
                except MeizhenError as error:
                    failed[account.known_id] = error
        return failed | {
            account_id: self._opened[account_id][1:]
            for account_id in account_ids
            if account_id in self._opened
        }

    def _open(self, account: Account, credentials: dict[str, str] | MeizhenError) -> tuple[Connector, Access]:
        if isinstance(credentials, MeizhenError):
            raise credentials
        access = access_with(
            credentials,
            self._database,
            self._keys,
            account,
            clock=self._clock,
            http=http_for(account.platform, self._settings),
        )
        return connector_for(account.platform), access
