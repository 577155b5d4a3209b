"""What platforms last said of accounts that somebody writes for: asked once, known to this node for a while.

Each asking takes calls of the account's day, so that typing never asks: whoever chooses an account does.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.clock import Clock
from config.database import Database
from config.errors import MeizhenError
from config.secrets import KeyRing
from config.settings import Settings
from connectors import Finding, Label, connector_for, platforms
from organisation.access import access_for, check_account, http_for
from organisation.accounts import Account

KNOWN_FOR = timedelta(minutes=10)
_AT_ONCE = 4
_NOT_CONNECTED = Label("账号还没有接上平台。", "The account is not connected yet.")
_CONNECT = Label("请在账号页填好平台的凭据。", "Fill in the platform's credentials on the account's page.")


@dataclass(frozen=True)
class _Said:
    at: datetime
    findings: tuple[Finding, ...]


class Checkups:
    """The last word of each account's platform. From any thread."""

    def __init__(self, database: Database, keys: KeyRing, settings: Settings, clock: Clock) -> None:
        self._database, self._keys, self._settings, self._clock = database, keys, settings, clock
        self._said: dict[int, _Said] = {}
        self._asking: dict[int, Future[None]] = {}
        self._threads = ThreadPoolExecutor(_AT_ONCE, "checkup")

    def known(self, accounts: Sequence[Account]) -> dict[int, tuple[Finding, ...]]:
        """What is known of these accounts and fresh; one that is to be asked is left out."""
        oldest = self._clock.now() - KNOWN_FOR
        said = {account.known_id: self._said.get(account.known_id) for account in accounts}
        return {id_: one.findings for id_, one in said.items() if one is not None and one.at > oldest}

    def ask(self, accounts: Sequence[Account], seconds: float) -> None:
        """Asks the platforms of those not known, waiting so long at most; late answers are kept too."""
        known = self.known(accounts)
        for account in accounts:
            under_way = self._asking.get(account.known_id)
            if account.known_id not in known and (under_way is None or under_way.done()):
                self._asking[account.known_id] = self._threads.submit(self._ask, account)
        begun = [self._asking[one.known_id] for one in accounts if one.known_id in self._asking]
        for ended in wait(begun, seconds).done:
            ended.result()

    def _ask(self, account: Account) -> None:
        self._said[account.known_id] = _Said(self._clock.now(), self._findings(account))

    def _findings(self, account: Account) -> tuple[Finding, ...]:
        if account.platform not in platforms():
            return ()
        http = http_for(account.platform, self._settings)
        try:
            access = access_for(self._database, self._keys, account, clock=self._clock, http=http)
        except MeizhenError as error:
            return (Finding(False, Label(error.told("zh"), error.told("en"))),)
        fields = connector_for(account.platform).credential_fields
        if any(field.required and not access.credentials.get(field.name) for field in fields):
            return (Finding(False, _NOT_CONNECTED, _CONNECT),)
        return check_account(access, account.platform)


def ends_before(findings: Sequence[Finding], due: datetime) -> datetime | None:
    """When the account's right to publish ends, where that is before `due`; else None."""
    ends = [one.ends for one in findings if one.ends is not None and one.ends < due]
    return min(ends, default=None)
