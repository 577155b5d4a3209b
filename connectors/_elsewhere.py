"""Addresses that a platform's answer names: followed to its own hosts only, since our token goes with us."""

from urllib.parse import urlsplit

from connectors._contract import Access
from connectors._errors import Label, NeedsPerson

_STRANGE = Label(
    "平台给的上传地址不在它自己的域名下，没有传任何东西：请运维人员看一下。",
    "The upload address is outside the platform's own domain; nothing was sent: have it looked at.",
)


def at_home(access: Access, url: object, domain: str) -> str:
    """The address where it is https at `domain` or below, or below the account's own `api_base`.

    Raises NeedsPerson for any other.
    """
    if isinstance(url, str) and len(url) < 4096 and url.isascii() and url.isprintable():
        if access.api_base and url.startswith(access.api_base.rstrip("/") + "/"):
            return url
        if not access.api_base and _below(url, domain):
            return url
    raise NeedsPerson("a strange upload address", platform_code="endpoint", remedy=_STRANGE)


def _below(url: str, domain: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    plain = parts.scheme == "https" and port in (None, 443) and "@" not in parts.netloc and "\\" not in url
    return plain and (host == domain or host.endswith(f".{domain}"))
