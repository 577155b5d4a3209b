"""An account as its connector sees it: credentials opened, memory, the platform's way out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from config.clock import Clock
from config.database import Database
from config.secrets import KeyRing
from config.settings import Settings
from connectors import (
    Access,
    Connector,
    ConnectorError,
    Finding,
    Http,
    Label,
    Reach,
    Throttled,
    Unauthorised,
    Unreachable,
    connector_for,
)
from organisation.accounts import Account
from organisation.credentials import open_credentials
from organisation.memory import SealedMemory


def access_for(database: Database, keys: KeyRing, account: Account, *, clock: Clock, http: Http) -> Access:
    """Opens the account for its connector; may be used from any thread.

    Raises MeizhenError `secrets.wrong_key` where its credentials do not open.
    """
    with database.read() as session:
        credentials = open_credentials(session, keys, account)
        through = None if account.via_id is None else session.get_one(Account, account.via_id)
        opened = {} if through is None else open_credentials(session, keys, through)
    via = None
    if through is not None:
        beside = _http_beside(http, through.platform)
        via = access_with(opened, database, keys, through, clock=clock, http=beside)
    return access_with(credentials, database, keys, account, clock=clock, http=http, via=via)


def access_with(
    credentials: Mapping[str, str],
    database: Database,
    keys: KeyRing,
    account: Account,
    *,
    clock: Clock,
    http: Http,
    via: Access | None = None,
) -> Access:
    """The account for its connector with credentials that are open already; `via` leads to it."""
    # Renewing a token takes a call or two: within this time a living node has come back.
    lease = timedelta(seconds=2 * http.seconds + 10)
    return Access(
        account=account.stable_id,
        handle=account.handle,
        credentials=credentials,
        verified=account.verified,
        http=http,
        memory=SealedMemory(database, keys, account.known_id, clock=clock, lease=lease),
        now=clock.now,
        api_base=account.api_base,
        via=via,
    )


def http_for(platform: str, settings: Settings) -> Http:
    """The way out to a platform, one for all threads of this process."""
    return _http(platform, settings.call_seconds, settings.private_networks)


@cache
def _http_beside(http: Http, platform: str) -> Http:
    return Http(platform, seconds=http.seconds, reach=http.reach)


@cache
def _http(platform: str, seconds: float, private_networks: str) -> Http:
    return Http(platform, seconds=seconds, reach=Reach(private_networks))


@dataclass(frozen=True)
class Checked:
    """What is found of an account. `reached`: it is the platform's word, and worth keeping."""

    findings: tuple[Finding, ...]
    reached: bool

    @property
    def fine(self) -> bool:
        return all(finding.fine for finding in self.findings)


def check_account(access: Access, platform: str) -> Checked:
    """Asks the platform whether the account can do what it should; a call that fails is a finding too.

    A token that has run out is renewed once, as before any other call.
    """
    connector = connector_for(platform)
    try:
        return Checked(_asked(connector, access), reached=True)
    except ConnectorError as error:
        told = str(error)
        finding = Finding(False, Label(told, told), error.remedy)
        return Checked((finding,), reached=not isinstance(error, Unreachable | Throttled))


def _asked(connector: Connector, access: Access) -> tuple[Finding, ...]:
    try:
        return connector.check(access)
    except Unauthorised:
        connector.refresh(access)
        return connector.check(access)
