"""What a platform is to us: what it declares, what it takes, what it gives back, how it fails.

A platform is one public file in this folder. It subclasses `Connector`, declares itself as data, and
exports one instance as `connector`. It knows nothing of our tables: the house hands it an `Access`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Protocol

from connectors._assistance import Assistance
from connectors._errors import CallbackRefused, Label, NeedsPerson, Uncertain
from connectors._http import Http


class Reconcile(StrEnum):
    """How a lost answer is settled (`../shared/platforms/README.md`, section A)."""

    KEY = "key"  # the platform drops repeats of our key: looked up where it can be, else repeated
    LOOKUP = "lookup"  # a natural key can be looked up, absence is proof
    LIST = "list"  # only recent posts can be compared: absence is no proof, a person decides
    NONE = "none"  # nothing can be asked: a person decides


class TextFormat(StrEnum):
    """How a post's text is written."""

    PLAIN = "plain"
    MARKDOWN = "markdown"
    HTML = "html"


class Unit(StrEnum):
    """What a figure counts. People and events are never added or ranked together."""

    PEOPLE = "people"
    EVENTS = "events"
    RATE = "rate"
    SECONDS = "seconds"
    HOURS = "hours"
    MONEY = "fen"


class Kind(StrEnum):
    """How a figure runs over time."""

    CUMULATIVE = "cumulative"  # since publishing: take the latest, never sum
    PER_DAY = "per_day"
    SNAPSHOT = "snapshot"  # as of now


@dataclass(frozen=True)
class CredentialField:
    """One field of the account's form. `pattern` is a full-match regular expression for its value."""

    name: str
    label: Label
    secret: bool = True
    required: bool = True
    pattern: str = ""


@dataclass(frozen=True)
class Limits:
    """What a post may be. None means no limit. `count_text` measures text the platform's way."""

    title_length: int | None = None
    text_length: int | None = None
    count_text: Callable[[str], int] = len
    pictures: int = 0
    picture_bytes: int | None = None
    picture_types: frozenset[str] = frozenset()
    title_required: bool = False
    picture_required: bool = False  # a picture, or a video where the platform takes one
    videos: int = 0
    video_bytes: int | None = None


@dataclass(frozen=True)
class Metric:
    """One common name (`../shared/platforms/metrics-map.md`) that the platform can deliver.

    `fields` are the platform's own names for it, which rules of awards may use as well.
    """

    name: str
    unit: Unit
    kind: Kind
    level: str = "article"  # article | account
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asking:
    """When and how often an account may be asked for its figures: what a plan of collecting is made of.

    From `ready_at` (Beijing) on, the figures of yesterday are there; a platform that only tells its counts of
    now is asked at any time. Articles are told for `days_back` days. One asking takes `calls` calls, and so
    many more a publishing day and an account day. `daily_calls` is what collecting may take of one account's
    day, None where the platform sets no limit. `one_quota`: publishing draws on the same calls, and the
    connector itself counts them in its memory under `counted_under`.
    """

    counted_under: ClassVar[str] = "calls-collecting"

    ready_at: time = time(0)
    days_back: int = 30
    calls: int = 1
    calls_a_publishing_day: int = 0
    calls_an_account_day: int = 1
    daily_calls: int | None = None
    one_quota: bool = False


@dataclass(frozen=True)
class Media:
    """A stored file of a post. `sha256` is of its bytes; `path` is read at sending."""

    path: Path
    sha256: str
    content_type: str
    file_name: str
    alt: str = ""


@dataclass(frozen=True)
class Outgoing:
    """One post for one account, as it shall go out.

    `key` is the delivery's stable id, made before the first call, at most 32 of [0-9a-zA-Z_-]; `seq` its
    place in the account's order. `options` holds what only one platform knows (`digest`, `author`, `link`,
    `mode` …), as declared in `Connector.options`.
    """

    FORMAT: ClassVar[str] = "format"  # the one option that belongs to no platform (`TextFormat`)

    key: str
    seq: int
    title: str
    text: str
    media: tuple[Media, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


class ReceiptState(StrEnum):
    """How far the platform has come."""

    PUBLISHED = "published"
    ACCEPTED = "accepted"  # the platform works on it: `settle` asks how it ended
    HANDED_OVER = "handed_over"  # a person finishes it: assisted


@dataclass(frozen=True)
class Receipt:
    """What the platform gave for a post. `remote_id` is text: ids pass 2^53.

    `detail` keeps what settling and statistics need later (publish_id, msg_data_id …), and under `LINK` what
    a person opens to finish the post; `note` tells staff of a difference, as when the platform changed the
    text.
    """

    LINK: ClassVar[str] = "link"

    state: ReceiptState
    remote_id: str
    url: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)
    note: Label | None = None


@dataclass(frozen=True)
class Figures:
    """Figures as of a day. A value that is not available is None or missing, never 0.

    `delayed`: the platform says they are not final. `endpoint`: where they came from.
    """

    as_of: date
    values: Mapping[str, int | Decimal | None]
    endpoint: str
    delayed: bool = False


@dataclass(frozen=True)
class ArticleFigures:
    """One article of the account, published by us or not, with its figures by day (oldest first).

    `position` counts from 1 inside one push (1 is the headline) and is None where the platform has none;
    `kind` is pushed, published, post, question, announcement …; `original` is None where unknown.
    """

    remote_id: str
    title: str
    published_at: datetime
    figures: tuple[Figures, ...]
    url: str = ""
    position: int | None = None
    kind: str = "post"
    original: bool | None = None


@dataclass(frozen=True)
class Finding:
    """One thing `check` saw: fine or not, and what a person must mend.

    `ends`: from then on nothing goes out unless a person signs in or asks for a new token. `left`: how many
    calls or posts the platform still takes today.
    """

    fine: bool
    told: Label
    remedy: Label | None = None
    ends: datetime | None = None
    left: int | None = None


class Memory(Protocol):
    """What a connector remembers of an account between calls and processes; kept encrypted by the house."""

    def get(self, key: str) -> str | None:
        """The value, or None when never put or past its `until`."""
        ...

    def put(self, key: str, value: str, *, until: datetime | None = None) -> None: ...

    def forget(self, key: str) -> None: ...

    def single_flight(self, key: str) -> AbstractContextManager[None]:
        """Held by one caller at a time for this account: the others wait, then look again.

        A `put` of the same key is its landing: write no value after it that others must not see half done.
        """
        ...

    def spend(self, key: str, amount: int, limit: int, until: datetime) -> bool:
        """Takes `amount` from a budget of `limit` that is new after `until`; False when it would not fit."""
        ...


@dataclass(frozen=True)
class Access:
    """An account as its connector sees it."""

    account: str  # our stable id: "wechat:handle"
    handle: str
    credentials: Mapping[str, str]
    verified: bool
    http: Http
    memory: Memory
    now: Callable[[], datetime]
    api_base: str = ""  # '' is the platform's own address
    via: "Access | None" = None  # the account through which this one is reached (`_authorising`)

    def __repr__(self) -> str:
        return f"Access({self.account})"


@dataclass(frozen=True)
class CallbackRequest:
    """What a platform sent to an account's callback address: hostile until the connector has checked it."""

    method: str  # GET | POST
    query: Mapping[str, str]
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)  # lower-case names


@dataclass(frozen=True)
class CallbackAnswer:
    """What to answer the platform, and what it told.

    `key` is the same for every repeat of the request's meaning. `remote_id` is the accepted post that has
    ended, as its receipt names it; '' where the request tells of none of ours. With `once` a second request
    of that key is refused.
    """

    body: str
    key: str
    name: str
    remote_id: str = ""
    once: bool = False


class Connector(ABC):
    """A platform. Class variables declare it; what it cannot do it does not override.

    Every call may raise the six errors. Reads never raise Uncertain.
    """

    platform: ClassVar[str]
    label: ClassVar[Label]
    default_api_base: ClassVar[str] = ""  # '' where every account names its own
    credential_fields: ClassVar[tuple[CredentialField, ...]]
    limits: ClassVar[Limits]
    # publish, settle, find, articles, account_day, assisted, callback, authorise
    capabilities: ClassVar[frozenset[str]]
    metrics: ClassVar[tuple[Metric, ...]] = ()
    asking: ClassVar[Asking] = Asking()
    # Days from which figures of the same name count differently: a period across one is marked.
    breaks: ClassVar[Mapping[date, Label]] = {}
    options: ClassVar[Mapping[str, Label]] = {}
    # How a text may be written beside plain; a post written otherwise arrives in plain words.
    formats: ClassVar[frozenset[TextFormat]] = frozenset()
    # How a person finishes what is handed over; None where nothing ever is.
    assistance: ClassVar[Assistance | None] = None
    reconcile: ClassVar[Reconcile]
    looks: ClassVar[tuple[int, ...]] = (10, 60, 300, 1800, 7200)  # seconds after the doubt to look at
    polls: ClassVar[tuple[int, ...]] = (5, 15, 60, 300)  # seconds between settling; the last repeats
    settle_hours: ClassVar[float] = 24.0  # accepted for longer than this is uncertain

    @abstractmethod
    def check(self, access: Access) -> tuple[Finding, ...]:
        """Can this account do what it should? Rights, quota, token life."""

    @abstractmethod
    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        """Sends the post, once."""

    def gate(self, access: Access) -> str:
        """What shares the platform's limits: accounts with the same gate wait together when it is shut.

        At most 160 characters and no secret. By itself all accounts of the platform at one address.
        """
        return f"{self.platform} {access.api_base}"[:160]

    def explain(self, code: str) -> Label | None:
        """What a code of the platform's means to a person; None where that is not known."""
        return None

    def limits_for(self, options: Mapping[str, str]) -> Limits:
        """The limits of a post with these options: a long article may be more than a short post."""
        return self.limits

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        """What the platform would refuse, seen without asking it; () is fine."""
        return ()

    def preview(self, outgoing: Outgoing, address_of: Callable[[Media], str]) -> str | None:
        """The HTML as it is sent, but for the pictures' addresses; None where the platform takes plain text.

        Calls nobody. The post has no `problems`.
        """
        return None

    def settle(self, access: Access, receipt: Receipt) -> Receipt:
        """How an accepted post stands now: the same receipt while the platform still works on it."""
        return receipt

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        """Is the post there, sent at or after `since`? None is proof that it is not.

        Raises Uncertain where the platform cannot prove absence.
        """
        raise Uncertain("this platform cannot be asked", platform_code="no-lookup")

    def refresh(self, access: Access) -> None:
        """Gets a new token, single-flight. Raises NeedsPerson where only a person can."""
        raise NeedsPerson("this platform's token cannot be renewed", platform_code="no-refresh")

    def callback(self, access: Access, request: CallbackRequest) -> CallbackAnswer:
        """Checks and reads what came to the account's callback address; calls nobody.

        Raises CallbackRefused for what is not the platform's, not for this account, or too old.
        """
        raise CallbackRefused("no-callback")

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        """Every article published from `since` to `until` (Beijing days, both included) with its figures."""
        return iter(())

    def account_day(self, access: Access, day: date) -> Figures | None:
        """The account's own figures of a day; None where the platform has none for that day."""
        return None
