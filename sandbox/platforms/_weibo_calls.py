"""A call at Weibo's door: whose token, alive, and within the day's calls (sheet sections 1 and 6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.datastructures import UploadFile
from starlette.requests import Request

from sandbox.platforms._weibo_errors import ARTICLE_TEXTS, ArticleError, WeiboError
from sandbox.platforms._weibo_statuses import PLATFORM
from sandbox.world import BEIJING, SandboxAccount, World

DAILY_CALLS = 100
ARTICLE = "/proxy/article/publish.json"
_FIELD_BYTES = 4 * 1024 * 1024  # 90,000 characters of an article, percent-encoded twice
TOKEN_LIFE = timedelta(seconds=2_591_999)
_FREE = frozenset(
    {"/2/account/rate_limit_status.json"}
)  # answers when nothing is left: sheet section 7, 10023


@dataclass(frozen=True)
class Call:
    """A request as the handlers see it; `form` tells which fields came, `picture` the file's bytes."""

    world: World
    account: SandboxAccount
    path: str
    fields: Mapping[str, str]
    picture: bytes | None


@dataclass(frozen=True)
class Arrived:
    """A request before anyone knows whose it is."""

    method: str
    path: str
    token: str
    fields: Mapping[str, str]
    picture: bytes | None


async def arrive(request: Request, path: str) -> Arrived:
    """Reads query, form and file; the token stands in the header or in `access_token`."""
    async with request.form(max_part_size=_FIELD_BYTES) as form:
        given = {name: value for name, value in form.items() if isinstance(value, str)}
        upload = form.get("pic")
        picture = await upload.read() if isinstance(upload, UploadFile) else None
    fields = {**request.query_params, **given}
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != "OAuth2":
        token = fields.get("access_token", "")
    return Arrived(request.method, path, token, fields, picture)


def admit(world: World, arrived: Arrived) -> Call:
    """The call of the token's account, counted. Raises WeiboError where it may not go on."""
    account = _account(world, arrived.token)
    if arrived.path not in _FREE:
        _count(world, account)
    forced = account.switches.get("error_code", {}).get(arrived.path)
    if forced is not None:
        if arrived.path == ARTICLE and int(forced) in ARTICLE_TEXTS:
            raise ArticleError(int(forced), "content")
        raise WeiboError(int(forced))
    return Call(world, account, arrived.path, arrived.fields, arrived.picture)


def _account(world: World, token: str) -> SandboxAccount:
    if not token:
        raise WeiboError(10006)
    account = owner(world, token)
    if account is None:
        raise WeiboError(21332)
    if account.state.get("revoked"):
        raise WeiboError(21317)
    if token_ends(world, account) <= world.now():
        raise WeiboError(21327)
    return account


def owner(world: World, token: str) -> SandboxAccount | None:
    """The account that this token was given for, dead or alive."""
    accounts = (account for account in world.accounts.values() if account.platform == PLATFORM)
    return next((account for account in accounts if account.credentials.get("access_token") == token), None)


def token_ends(world: World, account: SandboxAccount) -> datetime:
    """The switch `expires_at` (ISO text or datetime); without it the token always has its full life."""
    given = account.switches.get("expires_at")
    if given is None:
        return world.now() + TOKEN_LIFE
    return given if isinstance(given, datetime) else datetime.fromisoformat(given)


def _count(world: World, account: SandboxAccount) -> None:
    if calls_left(world, account) <= 0:
        raise WeiboError(10023)
    day, used = _used(world, account)
    account.state["calls"] = (day, used + 1)


def calls_left(world: World, account: SandboxAccount) -> int:
    return daily_calls(account) - _used(world, account)[1]


def daily_calls(account: SandboxAccount) -> int:
    return int(account.switches.get("daily_calls", DAILY_CALLS))


def _used(world: World, account: SandboxAccount) -> tuple[str, int]:
    today = world.now().astimezone(BEIJING).date().isoformat()
    day, used = account.state.get("calls", (today, 0))
    return (today, used) if day == today else (today, 0)


def epoch(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp())
