"""A template and facts become a PDF: nothing of the machine, the day or the network goes into it."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from analytics.charts import font_file, printable
from config.errors import MeizhenError

if TYPE_CHECKING:
    from typst import Fonts

_MAIN = "main.typ"
_PACKAGE = re.compile(rb'"@[a-z]+/')
_PICTURE_PPI = 220.0
_DRAWING = "code"  # SVG, as it is
_PLACE = re.compile(r"┌─ (?P<path>.+?):(?P<line>\d+):\d+")


def press(
    templates: Mapping[str, bytes], paper: str, facts: Mapping[str, object], day: date, *, form: str = "pdf"
) -> list[bytes]:
    """Sets `paper`.typ with the facts as JSON in `data`: one PDF, or with `form="png"` a picture a page.

    `day` is the day that the PDF names as its own. Texts are made printable: characters that the font lacks
    are □, line ends are spaces. Raises MeizhenError that names file and line where a template is wrong.
    """
    import typst

    _refuse_packages(templates)
    told = json.dumps(printable_facts(facts), ensure_ascii=False)
    try:
        # Its stubs leave out the form that takes several files by name.
        content: bytes | list[bytes] = typst.compile(  # type: ignore[call-overload]
            {**templates, _MAIN: f'#include "{paper}.typ"'.encode()},
            format="png" if form == "png" else "pdf",
            ppi=_PICTURE_PPI,
            root=str(files("analytics.awards") / "templates"),  # no other file of the machine is read
            sys_inputs={"data": told},
            font_paths=_fonts(),
            timestamp=datetime.combine(day, time(), UTC),
        )
    except typst.TypstError as error:
        file, line = _place(error.diagnostic, templates, f"{paper}.typ")
        raise MeizhenError("papers.template_wrong", file=file, line=line, reason=error.message) from None
    return content if isinstance(content, list) else [content]


def _refuse_packages(templates: Mapping[str, bytes]) -> None:
    """Packages would be fetched from the network, and might be others tomorrow."""
    for name, content in templates.items():
        if name.endswith(".typ") and _PACKAGE.search(content):
            raise MeizhenError("papers.template_package", file=name)


def _place(diagnostic: str, templates: Mapping[str, bytes], paper: str) -> tuple[str, str]:
    found = _PLACE.search(diagnostic)
    name = found["path"].rsplit("/", 1)[-1] if found else ""
    return (name, found["line"]) if found and name in templates else (paper, "–")


def printable_facts(fact: object) -> object:
    """The same facts with every text printable."""
    if isinstance(fact, str):
        return printable(fact)
    if isinstance(fact, Mapping):
        return {name: value if name == _DRAWING else printable_facts(value) for name, value in fact.items()}
    if isinstance(fact, list | tuple):
        return [printable_facts(value) for value in fact]
    return fact


@cache
def _fonts() -> "Fonts":
    """The one font that comes with us: what the machine has would change the page."""
    from typst import Fonts

    return Fonts(False, False, [str(font_file().parent)])
