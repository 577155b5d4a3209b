"""How Bilibili signs a call; MD5 is its choice. Checked against `signature-vectors.md`."""

import hashlib
import hmac
from collections.abc import Mapping


def bilibili_headers(
    client_id: str, client_secret: str, body: bytes, *, nonce: str, timestamp: int
) -> Mapping[str, str]:
    """The six signed headers and `Authorization` of a call (Bilibili sheet section 2).

    `body` is exactly what is sent; b"" for GET, multipart and calls without a body.
    """
    signed = {
        "x-bili-accesskeyid": client_id,
        "x-bili-content-md5": hashlib.md5(body, usedforsecurity=False).hexdigest(),
        "x-bili-signature-method": "HMAC-SHA256",
        "x-bili-signature-nonce": nonce,
        "x-bili-signature-version": "2.0",
        "x-bili-timestamp": str(timestamp),
    }
    lines = "\n".join(f"{name}:{value}" for name, value in sorted(signed.items()))
    digest = hmac.new(client_secret.encode(), lines.encode(), hashlib.sha256).hexdigest()
    return {**signed, "Authorization": digest}
