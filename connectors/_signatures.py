"""How WeChat signs and seals, and how signatures are compared. Checked against `signature-vectors.md`.

SHA-1 is the platform's choice, not ours.
"""

import hashlib
import hmac
import struct
from base64 import b64decode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_PADDING_BLOCK = 32  # WeChat pads to 32, not to AES' 16 (sheet section 7)
_RANDOM_BYTES = 16
_LENGTH_BYTES = 4


class BadSeal(ValueError):
    """A sealed message that cannot be opened: wrong key, wrong padding, wrong length. Says no more."""


def same(expected: str, received: str) -> bool:
    """Compares two signatures in constant time, whatever the received one holds."""
    return hmac.compare_digest(expected.encode(), received.encode())


def wechat_signature(*parts: str) -> str:
    """The hex SHA-1 over the sorted parts: token, timestamp, nonce and, in safe mode, Encrypt."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def wechat_open(encoding_aes_key: str, sealed: str) -> tuple[bytes, str]:
    """Opens `Encrypt`: gives the XML and the appid that was sealed with it; the caller compares the appid.

    AES-256-CBC with the key's first 16 bytes as IV; 16 random bytes, the length, the XML, the appid.
    Raises BadSeal.
    """
    try:
        key = b64decode(encoding_aes_key + "=", validate=True)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
        padded = decryptor.update(b64decode(sealed, validate=True)) + decryptor.finalize()
    except ValueError:
        raise BadSeal("the message cannot be decrypted") from None
    content = _unpadded(padded)[_RANDOM_BYTES:]
    if len(content) < _LENGTH_BYTES:
        raise BadSeal("the message is too short")
    (length,) = struct.unpack(">I", content[:_LENGTH_BYTES])
    xml, appid = content[_LENGTH_BYTES:][:length], content[_LENGTH_BYTES + length :]
    try:
        return xml, appid.decode("ascii")
    except UnicodeDecodeError:
        raise BadSeal("the appid is not text") from None


def _unpadded(padded: bytes) -> bytes:
    """PKCS#7 with blocks of 32: the last byte counts the padding, from 1 to 32, and every one says so."""
    count = padded[-1] if padded else 0
    if not 1 <= count <= _PADDING_BLOCK or padded[-count:] != bytes([count]) * count:
        raise BadSeal("the padding is wrong")
    return padded[:-count]
