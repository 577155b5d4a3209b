"""Opens accounts for a publishing node: connector and access, kept for a short while."""

from collections.abc import Mapping, Sequence
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
            through = {account.via_id for account in accounts if account.via_id is not None}
            leading = (
                session.exec(select(Account).where(col(Account.id).in_(through))).all() if through else []
            )
            credentials = credentials_of(session, self._keys, [*accounts, *leading])
            vias = {one.known_id: one for one in leading}
            for account in accounts:
                self._opened.pop(account.known_id, None)
                try:
                    via = None if account.via_id is None else vias[account.via_id]
                    opened = self._open(account, via, credentials)
                    self._opened[account.known_id] = (now, *opened)
                except MeizhenError as error:
                    failed[account.known_id] = error
        return failed | {
            account_id: self._opened[account_id][1:]
            for account_id in account_ids
            if account_id in self._opened
        }

    def _open(
        self,
        account: Account,
        via: Account | None,
        credentials: Mapping[int, dict[str, str] | MeizhenError],
    ) -> tuple[Connector, Access]:
        leading = None if via is None else self._access(via, credentials, None)
        return connector_for(account.platform), self._access(account, credentials, leading)

    def _access(
        self, account: Account, credentials: Mapping[int, dict[str, str] | MeizhenError], via: Access | None
    ) -> Access:
        opened = credentials[account.known_id]
        if isinstance(opened, MeizhenError):
            raise opened
        return access_with(
            opened,
            self._database,
            self._keys,
            account,
            clock=self._clock,
            http=http_for(account.platform, self._settings),
            via=via,
        )
