"""How Douyin signs webhooks and share links; SHA-1 and MD5 are its choice. See `signature-vectors.md`."""

import hashlib


def douyin_webhook_signature(client_secret: str, body: bytes) -> str:
    """`X-Douyin-Signature`: hex SHA-1 over the secret and the raw body (Douyin sheet section 4)."""
    return hashlib.sha1(client_secret.encode() + body, usedforsecurity=False).hexdigest()


def douyin_share_signature(ticket: str, nonce: str, timestamp: int) -> str:
    """The signature of a share link: hex MD5 over three keys in alphabetical order (section 3)."""
    line = f"nonce_str={nonce}&ticket={ticket}&timestamp={timestamp}"
    return hashlib.md5(line.encode(), usedforsecurity=False).hexdigest()
