"""WeChat's safe-mode callback: from a hostile request to a typed event (sheet sections 5, 6.3 and 7).

Pure functions; the web route answers `success` within five seconds and remembers the event's key: events come
twice, or before the answer they belong to. What counts is what `settle` says afterwards.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from connectors._contract import Access, CallbackAnswer, CallbackRequest, Receipt
from connectors._errors import CallbackRefused, ConnectorError
from connectors._signatures import BadSeal, same, wechat_open, wechat_signature
from connectors._wechat_outcome import MassSend, Publication, mass_outcome, publication_outcome

MOST_BYTES = 64 * 1024
_LONGEST_ECHO = 128
WINDOW_SECONDS = 300
_PUBLISH_EVENTS = frozenset({"PUBLISHJOBFINISH", "FREEPUBLISHJOBFINISH"})  # both names are in the field
_MASS_EVENT = "MASSSENDJOBFINISH"
_MOST_ARTICLES = 8


@dataclass(frozen=True)
class CallbackKeys:
    """What an account's console says of its callback."""

    appid: str
    token: str
    encoding_aes_key: str

    def __repr__(self) -> str:
        return f"CallbackKeys({self.appid})"


@dataclass(frozen=True)
class Event:
    """Something WeChat tells of an account. `key` is the same for every repeat of it.

    `job` is a finished publication or mass send, None for events that are none of ours.
    """

    key: str
    name: str
    created_at: datetime
    job: Publication | MassSend | None


def answer(access: Access, request: CallbackRequest) -> CallbackAnswer:
    """Reads a request to the account's callback address. Raises CallbackRefused."""
    # Messages of an account that authorised a third-party platform are sealed with that platform's keys.
    owner, name = (access, "appid") if access.via is None else (access.via, "component_appid")
    keys = CallbackKeys(
        owner.credentials.get(name, ""),
        owner.credentials.get("callback_token", ""),
        owner.credentials.get("encoding_aes_key", ""),
    )
    if not (keys.token and keys.encoding_aes_key):
        raise CallbackRefused("not-set-up")
    if request.method == "GET":
        told = echo(keys, request.query, access.now())
        # Whoever saw one signed address could else have anything signed shown here for five minutes.
        nonce = f"echo|{request.query.get('timestamp', '')}|{request.query.get('nonce', '')}"
        return CallbackAnswer(told, _digest(nonce), "echo", once=True)
    event = receive(keys, request.query, request.body, access.now())
    job = event.job
    remote_id = "" if job is None else job.publish_id if isinstance(job, Publication) else job.msg_id
    return CallbackAnswer("success", _digest(event.key), event.name[:64], remote_id)


def _digest(key: str) -> str:
    """Keys hold ids of people and have no length of their own."""
    return hashlib.sha256(key.encode()).hexdigest()


def echo(keys: CallbackKeys, query: Mapping[str, str], now: datetime) -> str:
    """What to answer to WeChat's GET that verifies the address: the raw echostr. Raises CallbackRefused."""
    expected = wechat_signature(keys.token, query.get("timestamp", ""), query.get("nonce", ""))
    if not same(expected, query.get("signature", "")):
        raise CallbackRefused("signature")
    _check_age(query, now)
    told = query.get("echostr", "")
    if len(told) > _LONGEST_ECHO:
        raise CallbackRefused("echostr")
    return told


def receive(keys: CallbackKeys, query: Mapping[str, str], body: bytes, now: datetime) -> Event:
    """Reads a POST in safe mode. Raises CallbackRefused."""
    return _event(opened(keys, query, body, now))


def opened(keys: CallbackKeys, query: Mapping[str, str], body: bytes, now: datetime) -> Element:
    """Opens a POST in safe mode: what was sealed, as XML. Raises CallbackRefused.

    `msg_signature` protects the body; the plain `signature`, which is there as well, does not. A plain body
    is refused: the account must be set to safe mode.
    """
    if len(body) > MOST_BYTES:
        raise CallbackRefused("too-large")
    sealed = child(_parse(body), "Encrypt")
    expected = wechat_signature(keys.token, query.get("timestamp", ""), query.get("nonce", ""), sealed)
    if not sealed or not same(expected, query.get("msg_signature", "")):
        raise CallbackRefused("msg_signature")
    _check_age(query, now)
    try:
        xml, appid = wechat_open(keys.encoding_aes_key, sealed)
    except BadSeal:
        raise CallbackRefused("seal") from None
    if not same(keys.appid, appid):
        raise CallbackRefused("appid")
    return _parse(xml)


def outcome(job: Publication | MassSend, detail: Mapping[str, str]) -> Receipt | ConnectorError:
    """How the delivery of a job ended, exactly as polling would tell it; `detail` is its receipt's.

    A failure should be fetched with `settle`: it also clears the way for a retry.
    """
    if isinstance(job, Publication):
        return publication_outcome(job, detail)
    return mass_outcome(job, detail)


def _check_age(query: Mapping[str, str], now: datetime) -> None:
    stamp = whole(query.get("timestamp", ""))
    if stamp is None or abs(now.timestamp() - stamp) > WINDOW_SECONDS:
        raise CallbackRefused("timestamp")


def _parse(xml: bytes) -> Element:
    try:
        root: Element = fromstring(xml, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise CallbackRefused("xml") from None
    return root


def _event(root: Element) -> Event:
    name = child(root, "Event") or child(root, "MsgType")
    created = whole(child(root, "CreateTime")) or 0
    job: Publication | MassSend | None = None
    if name.upper() in _PUBLISH_EVENTS:
        job = _publication(root)
    elif name.upper() == _MASS_EVENT:
        job = _mass_send(root)
    number = child(root, "MsgID") or child(root, "MsgId")
    if isinstance(job, Publication):
        number = job.publish_id
    key = "|".join((child(root, "FromUserName"), str(created), name, number))
    return Event(key, name, datetime.fromtimestamp(min(created, 2**33), UTC), job)


def _publication(root: Element) -> Publication:
    """One `<item>` or several, one `<fail_idx>` or several: both are read as lists."""
    info = root.find("PublishEventInfo")
    if info is None:
        raise CallbackRefused("event")
    status = whole(child(info, "publish_status"))
    publish_id = child(info, "publish_id")
    if status is None or not publish_id:
        raise CallbackRefused("event")
    failed = (whole(_text(place)) for place in info.findall("fail_idx")[:_MOST_ARTICLES])
    return Publication(
        publish_id=publish_id,
        status=status,
        article_id=child(info, "article_id"),
        addresses=_addresses(info, "article_detail/item", "article_url"),
        failed=tuple(place for place in failed if place is not None),
    )


def _mass_send(root: Element) -> MassSend:
    msg_id = child(root, "MsgID")
    if not msg_id:
        raise CallbackRefused("event")
    return MassSend(
        msg_id=msg_id,
        status=child(root, "Status"),
        addresses=_addresses(root, "ArticleUrlResult/ResultList/item", "ArticleUrl"),
        sent=whole(child(root, "SentCount")),
        failed=whole(child(root, "ErrorCount")),
    )


def _addresses(parent: Element, path: str, name: str) -> tuple[str, ...]:
    found = (child(item, name) for item in parent.findall(path)[:_MOST_ARTICLES])
    return tuple(address for address in found if address)


def child(parent: Element, name: str) -> str:
    """The text of a child without the blanks around it; '' where there is none."""
    found = parent.find(name)
    return "" if found is None else _text(found)


def _text(element: Element) -> str:
    return (element.text or "").strip()


def whole(written: str) -> int | None:
    """A number that is not absurdly long; None for anything else."""
    return int(written) if written.isascii() and written.isdigit() and len(written) <= 18 else None
