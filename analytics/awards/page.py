"""What the award's HTML pages share: one file, no script, nothing from elsewhere, printable.

Everything that people or platforms wrote is escaped; `Html` is what is already.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path


@dataclass(frozen=True)
class Html:
    """Text that is HTML already."""

    text: str


Part = str | Html


def html(part: Part) -> str:
    """A part as HTML: plain text is escaped."""
    return part.text if isinstance(part, Html) else escape(part)


def tag(name: str, *parts: Part, **attributes: str) -> Html:
    """An element; `class_` stands for class."""
    told = "".join(f' {key.rstrip("_")}="{escape(value)}"' for key, value in attributes.items() if value)
    return Html(f"<{name}{told}>{''.join(map(html, parts))}</{name}>")


def joined(parts: Iterable[Part]) -> Html:
    """Parts one below the other."""
    return Html("\n".join(map(html, parts)))


def link(address: str, shown: str) -> Html:
    """A link that tells nobody where it was; anything but a web address is left as text."""
    if not address.startswith(("https://", "http://")):
        return Html(escape(shown))
    return tag("a", shown, href=address, rel="noopener noreferrer nofollow")


def table(
    head: Sequence[str], rows: Iterable[tuple[str, Sequence[Part]]], numbers: Sequence[int] = ()
) -> Html:
    """A table; each row has a class and its cells, `numbers` are the columns aligned to the right.

    The last cell of a row that is shorter than the head reaches to its end.
    """

    def cells(name: str, parts: Sequence[Part]) -> list[Part]:
        left = len(head) - len(parts)
        spans = {len(parts) - 1: str(left + 1)} if left > 0 else {}
        return [
            tag(name, part, class_="n" if place in numbers else "", colspan=spans.get(place, ""))
            for place, part in enumerate(parts)
        ]

    body = [tag("tr", *cells("td", parts), class_=kind) for kind, parts in rows]
    top = tag("thead", tag("tr", *cells("th", head))) if any(head) else Html("")
    return tag("table", top, tag("tbody", joined(body)))


def document(title: str, language: str, body: Html) -> str:
    """A whole page. Its policy allows its own style and nothing else: no script, no request."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        f'<!DOCTYPE html>\n<html lang="{"zh-CN" if language == "zh" else "en"}">\n<head>\n'
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n{body.text}\n</main>\n"
        "</body>\n</html>\n"
    )


@cache
def _style() -> str:
    return Path(__file__).with_name("page.css").read_text("utf-8")
