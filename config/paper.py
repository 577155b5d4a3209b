"""Paper: a typst template and facts become pages, in the one font that we bring, alike on any machine."""

import io
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typst import Fonts

_MISSING = "□"
_DRAWING = "code"  # the name under which facts hold SVG: it stays as it is
_PICTURE_PPI = 220.0


def font_file() -> Path:
    """The one font of all pictures and pages."""
    from pylopdf_fonts_zh_cn import sans_path

    return Path(sans_path())


@cache
def known_characters() -> frozenset[int]:
    """The code points that the font can show."""
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(font_file())).get_charmap())


def printable(content: str) -> str:
    """The text on one line, with □ for what the font cannot show."""
    known = known_characters()
    line = " ".join(content.split())
    return "".join(character if ord(character) in known else _MISSING for character in line)


def printable_facts(fact: object) -> object:
    """The same facts with every text printable."""
    if isinstance(fact, str):
        return printable(fact)
    if isinstance(fact, Mapping):
        return {name: value if name == _DRAWING else printable_facts(value) for name, value in fact.items()}
    if isinstance(fact, list | tuple):
        return [printable_facts(value) for value in fact]
    return fact


def typeset(
    source: bytes | Mapping[str, bytes],
    facts: object,
    at: datetime,
    *,
    root: str | None = None,
    form: str = "pdf",
) -> list[bytes]:
    """Sets a template, or files by name of which `main.typ` is the first, with the facts as JSON in `data`.

    One PDF, or with `form="png"` a picture a page. `at` is the time that a PDF names as its own: no clock is
    asked. Of the machine's files only those below `root` are read. Raises typst.TypstError.
    """
    import typst

    told = json.dumps(facts, ensure_ascii=False)
    # Its stubs leave out the form that takes several files by name.
    content: bytes | list[bytes] = typst.compile(  # type: ignore[call-overload]
        source if isinstance(source, bytes) else dict(source),
        format="png" if form == "png" else "pdf",
        ppi=_PICTURE_PPI,
        root=root,
        sys_inputs={"data": told},
        font_paths=_fonts(),
        timestamp=at.replace(microsecond=0),
    )
    return content if isinstance(content, list) else [content]


def code_svg(told: str) -> str:
    """The QR code of a text as SVG, with its quiet zone; level M, so that a stain does no harm."""
    import segno

    drawing = io.BytesIO()
    code = segno.make_qr(told, error="m", boost_error=False)
    code.save(drawing, kind="svg", xmldecl=False, nl=False, dark="#1B2733", border=4, scale=4)
    return drawing.getvalue().decode()


@cache
def _fonts() -> "Fonts":
    """What the machine has would change the page."""
    from typst import Fonts

    return Fonts(False, False, [str(font_file().parent)])
