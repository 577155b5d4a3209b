"""A platform's answer: its JSON, what its status means, and what may be shown of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote_plus

from connectors._errors import ConnectorError, Label, NeedsPerson, Refused, Throttled
from connectors._json import line, strict_json

_LONGEST_WAIT = 86_400  # seconds: a platform that asks for more is asked again the next day
WRONG_RIGHTS = Label(
    "平台不接受这个账号的凭据或权限，请检查后重新填写。",
    "The platform does not accept the account's credentials or rights: check them and enter them again.",
)
WRONG_ADDRESS = Label(
    "请检查这个账号的接口地址（api_base）和证书。",
    "Check the account's API address (api_base) and its certificate.",
)
OUT_OF_REACH = Label(
    "这个地址不在公网上，没有连接。确是本单位内网的，请运维人员把那个网段写进设置 private_networks。",
    "The address is not a public one; no connection was made. If it is in a network of your own, have the "
    "operator name that network in the setting private_networks.",
)


@dataclass(frozen=True)
class Answer:
    """A platform's answer, whole and within bounds. `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    seconds: float
    _doubt: type[ConnectorError]
    _sent: tuple[object, ...] = field(default=(), repr=False)  # what an answer may echo

    def json(self) -> Any:
        """The body as JSON: UTF-8 whatever its label, no NaN, no duplicate key, no deep nesting.

        Fractions come as Decimal, whole numbers as int of any size.

        Raises Uncertain after a write and Unreachable after a read where it is anything else: an answer
        that cannot be read says nothing about what was done.
        """
        try:
            return strict_json(self.content)
        except ValueError as error:
            told = f"HTTP {self.status}, not JSON ({type(error).__name__}): {self.excerpt()}"
            raise self._doubt(told, platform_code="bad-answer") from None

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object; anything else raises like `json`."""
        value = self.json()
        if not isinstance(value, dict):
            raise self.bad("expected a JSON object")
        return value

    def bad(self, told: str) -> ConnectorError:
        """The error of an answer that says nothing: Uncertain after a write, Unreachable after a read."""
        return self._doubt(f"HTTP {self.status}: {told}", platform_code="bad-answer")

    def excerpt(self, length: int = 120) -> str:
        """The beginning of the body for people, without what we sent: error pages echo tokens."""
        shown = self.content[:4096].decode("utf-8", "replace")
        for secret in sorted(set(_texts(self._sent)), key=len, reverse=True):
            shown = shown.replace(secret, "…").replace(quote_plus(secret), "…")
        return line(shown, length)

    def retry_at(self, now: datetime) -> datetime:
        """When `Retry-After` (seconds or a date) allows the next call; in a minute where it says nothing."""
        said = self.headers.get("retry-after", "").strip()
        if said.isascii() and said.isdigit():
            return now + timedelta(seconds=min(int(said), _LONGEST_WAIT))
        try:
            at = parsedate_to_datetime(said).astimezone(UTC)
        except (ValueError, OverflowError):
            return now + timedelta(seconds=60)
        return min(max(at, now), now + timedelta(seconds=_LONGEST_WAIT))

    def failure(self, now: datetime, told: str = "", code: str = "") -> ConnectorError:
        """What an unhappy status means by HTTP's own rules; `told` and `code` are the platform's words."""
        told = told or self.excerpt()
        code = code or str(self.status)
        if self.status in (401, 403):
            return NeedsPerson(told, platform_code=code, remedy=WRONG_RIGHTS)
        if self.status == 404:
            return NeedsPerson(told, platform_code=code, remedy=WRONG_ADDRESS)
        if self.status in (425, 429, 503):
            # HTTP's own "slow down" is the site's, whichever account called.
            return Throttled(told, platform_code=code, until=self.retry_at(now), app_wide=True)
        if 400 <= self.status < 500 and self.status not in (408, 409):
            return Refused(told, platform_code=code)
        return self._doubt(told, platform_code=code)


def _texts(sent: object) -> Iterator[str]:
    """Every text in what was sent that is long enough to be a secret; "Bearer x" gives x."""
    if isinstance(sent, Mapping):
        sent = tuple(sent.values())
    if isinstance(sent, str):
        yield from (word for word in sent.split() if len(word) >= 6)
    elif isinstance(sent, (tuple, list)):
        for part in sent:
            yield from _texts(part)
