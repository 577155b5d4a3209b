"""Events in safe mode, ready to be posted to an account's callback (sheet sections 5, 6.3, 7 and 12.5).

Switches: `callback` = {"token", "aes_key"} turns them on, with "url" they are carried there
(`_wechat_courier`); `events` is how often each is made (1; 2: twice, 0: never); `event_name` is the name of a
publication's event, which has two.
"""

import hashlib
import struct
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sandbox.world import SandboxAccount

_BLOCK = 32


@dataclass(frozen=True)
class EventPost:
    """One POST to the callback: its query and its body."""

    query: dict[str, str]
    body: bytes


def events_of(account: SandboxAccount) -> list[EventPost]:
    """What was made for this account, oldest first."""
    found: list[EventPost] = account.state.get("events", [])
    return list(found)


def publish_event(
    account: SandboxAccount,
    number: int,
    ends_as: int | str,
    addresses: list[str],
    article_id: str,
    at: datetime,
) -> None:
    """`article_id` comes with line breaks around it, as in a sample; failures repeat `fail_idx`."""
    items = "".join(
        f"<item><idx>{idx}</idx><article_url><![CDATA[{address}]]></article_url></item>"
        for idx, address in enumerate(addresses, 1)
    )
    detail = (
        f"<article_id>\n<![CDATA[{article_id}]]>\n</article_id>"
        f"<article_detail><count>{len(addresses)}</count>{items}</article_detail>"
    )
    _make(
        account,
        account.switches.get("event_name", "PUBLISHJOBFINISH"),
        f"<PublishEventInfo><publish_id>{number}</publish_id><publish_status>{ends_as}</publish_status>"
        f"{detail if addresses else '<fail_idx>1</fail_idx>'}</PublishEventInfo>",
        at,
    )


def mass_event(
    account: SandboxAccount,
    number: int,
    ends_as: int | str,
    addresses: list[str],
    article_id: str,
    at: datetime,
) -> None:
    items = "".join(
        f"<item><ArticleIdx>{idx}</ArticleIdx><ArticleUrl><![CDATA[{address}]]></ArticleUrl></item>"
        for idx, address in enumerate(addresses, 1)
    )
    sent = account.followers if addresses else 0
    _make(
        account,
        "MASSSENDJOBFINISH",
        f"<MsgID>{number}</MsgID><Status><![CDATA[{ends_as}]]></Status><TotalCount>{account.followers}</TotalCount>"
        f"<FilterCount>{sent}</FilterCount><SentCount>{sent}</SentCount><ErrorCount>0</ErrorCount>"
        f"<ArticleUrlResult><Count>{len(addresses)}</Count><ResultList>{items}</ResultList></ArticleUrlResult>",
        at,
    )


def _make(account: SandboxAccount, name: str, inside: str, at: datetime) -> None:
    keys = account.switches.get("callback")
    if not keys:
        return
    stamp = int(at.timestamp())
    xml = (
        "<xml><ToUserName><![CDATA[gh_sandbox]]></ToUserName><FromUserName><![CDATA[oSysSandbox]]></FromUserName>"
        f"<CreateTime>{stamp}</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        f"<Event><![CDATA[{name}]]></Event>{inside}</xml>"
    )
    post = sealed_event(keys, xml, account.credentials.get("appid", ""), stamp)
    posts = account.state.setdefault("events", [])
    posts.extend([post] * int(account.switches.get("events", 1)))


def sealed_event(keys: dict[str, str], xml: str, appid: str, stamp: int) -> EventPost:
    """An event in safe mode, sealed with the callback's keys."""
    sealed = _seal(keys["aes_key"], xml.encode(), appid)
    nonce = str(stamp % 1_000_000)
    query = {
        "timestamp": str(stamp),
        "nonce": nonce,
        "signature": _signed(keys["token"], str(stamp), nonce),
        "encrypt_type": "aes",
        "msg_signature": _signed(keys["token"], str(stamp), nonce, sealed),
    }
    body = (
        f"<xml><ToUserName><![CDATA[gh_sandbox]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    )
    return EventPost(query, body.encode())


def _signed(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def _seal(aes_key: str, xml: bytes, appid: str) -> str:
    key = b64decode(aes_key + "=")
    plain = b"0123456789abcdef" + struct.pack(">I", len(xml)) + xml + appid.encode()
    count = _BLOCK - len(plain) % _BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return b64encode(encryptor.update(plain + bytes([count]) * count) + encryptor.finalize()).decode()
