"""Accounts asked how they stand: what their platforms say is kept, and what ends soon is told."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime

from sqlmodel import Session

from config.clock import Clock
from config.database import Database
from config.errors import MeizhenError
from config.secrets import KeyRing
from config.settings import Settings
from connectors import Finding, Label, connector_for, platforms
from organisation.access import Checked, access_for, check_account, http_for
from organisation.accounts import Account
from organisation.checkups import checkups_of, is_fresh, keep_checkup, warning_of
from scheduler import notices

_NOT_CONNECTED = Label("账号还没有接上平台。", "The account is not connected yet.")
_CONNECT = Label("请在账号页填好平台的凭据。", "Fill in the platform's credentials on the account's page.")


def note(session: Session, account_id: int, checked: Checked, at: datetime) -> None:
    """Keeps what was found. Nothing changes where the platform could not be asked.

    What ends within seven days is told as a notice, and anew at three days and at one.
    """
    if not checked.reached:
        return
    row = keep_checkup(session, account_id, checked.findings, at=at)
    if row.ends is not None:
        notices.of_end(session, account_id, row.ends, warning_of(row.ends, at), at)
    elif row.fine:
        notices.end_of_end(session, account_id, at)


class Examiner:
    """Asks platforms of accounts, so many side by side. From any thread."""

    def __init__(
        self, database: Database, keys: KeyRing, settings: Settings, clock: Clock, *, at_once: int
    ) -> None:
        self._database, self._keys, self._settings, self._clock = database, keys, settings, clock
        self._threads = ThreadPoolExecutor(at_once, "checkup")
        self._asking: dict[int, Future[Checked]] = {}

    def ask(self, accounts: Sequence[Account], seconds: float | None = None) -> dict[int, Checked]:
        """What is found of each, within so many seconds; an answer that comes later is kept all the same."""
        begun = {account.known_id: self._begun(account) for account in accounts}
        wait(begun.values(), seconds)
        return {id_: asked.result() for id_, asked in begun.items() if asked.done()}

    def ask_unknown(self, accounts: Sequence[Account], seconds: float) -> None:
        """Asks of those of which nothing is known that is still fresh."""
        with self._database.read() as session:
            known = checkups_of(session, [account.known_id for account in accounts])
        now = self._clock.now()
        self.ask([one for one in accounts if not is_fresh(known.get(one.known_id), now)], seconds)

    def close(self) -> None:
        """Waits for what is under way."""
        self._threads.shutdown()

    def _begun(self, account: Account) -> Future[Checked]:
        under_way = self._asking.get(account.known_id)
        if under_way is None or under_way.done():
            under_way = self._asking[account.known_id] = self._threads.submit(self._asked, account)
        return under_way

    def _asked(self, account: Account) -> Checked:
        checked = self._checked(account)
        with self._database.write() as session:
            note(session, account.known_id, checked, self._clock.now())
        return checked

    def _checked(self, account: Account) -> Checked:
        if account.platform not in platforms():
            return Checked((), reached=False)
        http = http_for(account.platform, self._settings)
        try:
            access = access_for(self._database, self._keys, account, clock=self._clock, http=http)
        except MeizhenError as error:
            return Checked((Finding(False, Label(error.told("zh"), error.told("en"))),), reached=False)
        fields = connector_for(account.platform).credential_fields
        lacking = any(field.required and not access.credentials.get(field.name) for field in fields)
        if lacking and access.via is None:  # one that authorised us has no credentials of its own
            return Checked((Finding(False, _NOT_CONNECTED, _CONNECT),), reached=True)
        return check_account(access, account.platform)
