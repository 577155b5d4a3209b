"""What a person needs who publishes by hand: where, what to look at, which addresses their post may have."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from connectors._errors import Label

_LONGEST = 1000


@dataclass(frozen=True)
class Pasted:
    """An address that a person pasted and that fits; `remote_id` is the platform's id in it, '' for none."""

    url: str
    remote_id: str


@dataclass(frozen=True)
class Assistance:
    """How a post gets out by hand.

    `links` are full-match regular expressions of a public address, with a group `id` where it holds the
    platform's id; without any, the address lies under the account's own. `longest_edge` is the most points
    of a picture's longer side: larger ones are made smaller for the person.
    """

    where: Label
    links: tuple[str, ...] = ()
    checklist: tuple[Label, ...] = ()
    longest_edge: int | None = None
    example: str = ""  # an address as it may look

    def pasted(self, told: str, api_base: str) -> Pasted | None:
        """The address a person pasted; None where no post of this platform has such a one.

        `api_base` is the account's own address, for what has no pattern. Nothing is asked of anybody.
        """
        url = told.strip()
        if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or " " in url:
            return None
        for pattern in self.links:
            found = re.fullmatch(pattern, url)
            if found is not None:
                return Pasted(url, found.groupdict().get("id") or "")
        return None if self.links else _under(url, api_base)


def _under(url: str, api_base: str) -> Pasted | None:
    """An address below the account's own, and not that one itself."""
    try:
        asked, own = urlsplit(url), urlsplit(api_base)
        ports = asked.port, own.port
    except ValueError:
        return None
    if asked.scheme not in ("http", "https") or not own.hostname or asked.username is not None:
        return None
    beneath = asked.path.startswith(own.path.rstrip("/") + "/") and asked.path.strip("/") != own.path.strip(
        "/"
    )
    return Pasted(url, "") if asked.hostname == own.hostname and ports[0] == ports[1] and beneath else None


def checks(*pairs: tuple[str, str]) -> tuple[Label, ...]:
    """A checklist of pairs, Chinese and English."""
    return tuple(Label(zh, en) for zh, en in pairs)
