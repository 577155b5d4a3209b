"""Requests as WeChat sends them in safe mode, sealed by hand: `from wechat_callback import sealed_post`."""

import hashlib
import struct
from base64 import b64decode, b64encode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

APPID = "wx9f2c61d0a7b3e845"
TOKEN = "juzhenToken01"
AES_KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"


def signature(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def seal(xml: bytes, appid: str = APPID) -> str:
    """`Encrypt` of this inner XML."""
    key = b64decode(AES_KEY + "=")
    plain = b"0123456789abcdef" + struct.pack(">I", len(xml)) + xml + appid.encode()
    count = 32 - len(plain) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return b64encode(encryptor.update(plain + bytes([count]) * count) + encryptor.finalize()).decode()


def sealed_post(
    inside: str | bytes, stamp: int, *, appid: str = APPID, nonce: str = "847362"
) -> tuple[dict[str, str], bytes]:
    """The query and body of a POST that holds this inner XML."""
    encrypt = seal(inside if isinstance(inside, bytes) else inside.encode(), appid)
    query = {
        "timestamp": str(stamp),
        "nonce": nonce,
        "signature": signature(TOKEN, str(stamp), nonce),
        "msg_signature": signature(TOKEN, str(stamp), nonce, encrypt),
    }
    return query, f"<xml><ToUserName/><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>".encode()


def finished(number: str, created: int = 1790000300, name: str = "PUBLISHJOBFINISH") -> str:
    """The event of a publication that ended well."""
    return (
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>oSys</FromUserName>"
        f"<CreateTime>{created}</CreateTime><MsgType>event</MsgType><Event><![CDATA[{name}]]></Event>"
        f"<PublishEventInfo><publish_id>{number}</publish_id><publish_status>0</publish_status>"
        "</PublishEventInfo></xml>"
    )
