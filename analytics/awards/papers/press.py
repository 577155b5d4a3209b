"""A template and facts become a PDF: nothing of the machine, the day or the network goes into it."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from importlib.resources import files

from config.errors import MeizhenError
from config.paper import printable_facts, typeset

_MAIN = "main.typ"
_PACKAGE = re.compile(rb'"@[a-z]+/')
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
    root = str(files("analytics.awards") / "templates")
    whole = {**templates, _MAIN: f'#include "{paper}.typ"'.encode()}
    try:
        return typeset(
            whole, printable_facts(facts), datetime.combine(day, time(), UTC), root=root, form=form
        )
    except typst.TypstError as error:
        file, line = _place(error.diagnostic, templates, f"{paper}.typ")
        raise MeizhenError("papers.template_wrong", file=file, line=line, reason=error.message) from None


def _refuse_packages(templates: Mapping[str, bytes]) -> None:
    """Packages would be fetched from the network, and might be others tomorrow."""
    for name, content in templates.items():
        if name.endswith(".typ") and _PACKAGE.search(content):
            raise MeizhenError("papers.template_package", file=name)


def _place(diagnostic: str, templates: Mapping[str, bytes], paper: str) -> tuple[str, str]:
    found = _PLACE.search(diagnostic)
    name = found["path"].rsplit("/", 1)[-1] if found else ""
    return (name, found["line"]) if found and name in templates else (paper, "–")
