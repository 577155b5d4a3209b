"""Weibo's way with text: how long it is, which links it holds, what of it a reader finds again."""

import re
import unicodedata
from urllib.parse import urlsplit

LINK_BYTES = 20  # every link becomes http://t.cn/A6aBcDeF
_LINK = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.IGNORECASE)
_TOPIC = re.compile(r"#[^#]+#")
_HEADLINE = 40


def chinese_length(text: str) -> int:
    """Length in Chinese characters: half its bytes in GBK, rounded up, each link at its shortened 20 bytes.

    A character that GBK lacks (emoji, rare hanzi) counts the 4 bytes it has in GB18030, GBK's superset, as
    the sheet names no rule: never less than Weibo may count. Source: sheet section 2, WeiboContentChecker.
    """
    links = len(_LINK.findall(text))
    rest = len(_LINK.sub("", text).encode("gb18030", "replace"))
    return (rest + links * LINK_BYTES + 1) // 2


def has_link(text: str) -> bool:
    return _LINK.search(text) is not None


def has_link_on(text: str, domains: str) -> bool:
    """Is there a link to one of `domains` (comma list) or below it?

    Whether Weibo takes subdomains of a safe domain is not documented: it answers 10017 where it does not.
    """
    safe = [domain.strip().lower().rstrip(".") for domain in domains.split(",") if domain.strip()]
    hosts = [_host(link) for link in _LINK.findall(text)]
    return any(host == domain or host.endswith(f".{domain}") for host in hosts for domain in safe)


def _host(link: str) -> str:
    try:
        return (urlsplit(link).hostname or "").rstrip(".")
    except ValueError:
        return ""


def plain(text: str) -> str:
    """The normal form for comparing: without links, NFC, blanks run together, trimmed."""
    return " ".join(unicodedata.normalize("NFC", _LINK.sub(" ", text)).split())


def same_post(ours: str, theirs: str) -> bool:
    """Is it the same text, but for links and the `#topics#` that Weibo takes out of share texts?

    A text of nothing else is like every other such text: no post is known by it.
    """
    words = _without_topics(ours)
    return words != "" and words == _without_topics(theirs)


def _without_topics(text: str) -> str:
    return plain(_TOPIC.sub(" ", plain(text)))


def headline(text: str) -> str:
    """What stands for a title in lists: posts have none."""
    return plain(text)[:_HEADLINE]
