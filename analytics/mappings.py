"""Which column of a file is which figure: mapping files, shipped and people's own."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

import config
from analytics.figures import Meaning
from analytics.indices.document import Document, Label, Section
from config.errors import InputError, Problem
from connectors import Kind, Unit

ARTICLE, ACCOUNT = "article", "account"
_METRIC_LENGTH = 40
_SHOWN_COLUMNS, _SHOWN_CHARACTERS = 40, 40

Headings: TypeAlias = tuple[str, ...]
"""The headings under which one column is known, () where a file has no such column."""


@dataclass(frozen=True)
class FigureColumn:
    """One column of figures: its headings, and what it counts."""

    headings: Headings
    meaning: Meaning


@dataclass(frozen=True)
class FileMapping:
    """A kind of file: the columns that name account, day and article, and those that hold figures.

    `platform` is '' where the column `account` names accounts of any platform: then a name counts what the
    platform says it counts, else what stands here. Rows without a title are the account's own figures of
    `day`. `cut_titles` is for texts that serve as titles. `not_taken` are columns known and left out on
    purpose.
    """

    name: str
    label: Label
    platform: str
    account: Headings
    day: Headings
    title: Headings
    published: Headings
    url: Headings
    figures: tuple[FigureColumn, ...]
    cut_titles: bool = False
    not_taken: Headings = ()

    def needed(self, columns: Collection[str]) -> tuple[Headings, ...]:
        """What must be there besides figures: those of accounts need a day, those of articles a title."""
        there = [figure for figure in self.figures if not set(figure.headings).isdisjoint(columns)]
        levels = {figure.meaning.level for figure in there or self.figures}
        wanted = [
            () if self.platform else self.account,
            self.day if ACCOUNT in levels else (),
            self.title if ARTICLE in levels else (),
            self.published if ARTICLE in levels else (),
        ]
        return tuple(headings for headings in wanted if headings)

    def fits(self, columns: Sequence[str]) -> bool:
        """Is this the header of such a file? What is needed must be there, and at least one figure."""
        known = set(columns)
        return all(known.intersection(headings) for headings in self.needed(known)) and any(
            known.intersection(figure.headings) for figure in self.figures
        )

    def known(self) -> set[str]:
        """Every heading the mapping knows."""
        named = (self.account, self.day, self.title, self.published, self.url, self.not_taken)
        return {heading for headings in named for heading in headings} | {
            heading for figure in self.figures for heading in figure.headings
        }


@dataclass(frozen=True)
class Layout:
    """A mapping as one file has it: the heading of each column, '' where it is not there."""

    account: str
    day: str
    title: str
    published: str
    url: str
    figures: tuple[tuple[str, Meaning], ...]
    left_out: tuple[str, ...]


def lay_out(mapping: FileMapping, source: str, columns: Sequence[str]) -> Layout:
    """Finds the mapping's columns in a header.

    Raises InputError naming a column that is missing, or there under two of its headings.
    """
    problems: list[Problem] = []

    def one(headings: Headings) -> str:
        there = [heading for heading in headings if heading in columns]
        if len(there) > 1:
            problems.append(Problem("figures.same_column", 1, params={"columns": ", ".join(there)}))
        return there[0] if there else ""

    received = _listed(columns)
    for headings in mapping.needed(columns):
        if not any(heading in columns for heading in headings):
            params = {"column": " / ".join(headings), "received": received}
            problems.append(Problem("input.missing_column", 1, params=params))
    figures = tuple((one(figure.headings), figure.meaning) for figure in mapping.figures)
    taken = tuple((heading, meaning) for heading, meaning in figures if heading)
    if not taken:
        expected = ", ".join(" / ".join(figure.headings) for figure in mapping.figures)
        problems.append(Problem("figures.no_columns", 1, params={"expected": expected, "received": received}))
    account, day = one(mapping.account), one(mapping.day)
    title, published, url = one(mapping.title), one(mapping.published), one(mapping.url)
    if problems:
        raise InputError(source, problems)
    used = {account, day, title, published, url, *(heading for heading, _ in taken)}
    left_out = tuple(column for column in columns if column and column not in used)
    return Layout(account, day, title, published, url, taken, left_out)


def load_mapping(path: Path) -> FileMapping:
    """Reads a mapping file. Raises InputError naming every key that is wrong."""
    return _read(Document.open(path), path.stem)


@cache
def shipped_mappings() -> tuple[FileMapping, ...]:
    """The mappings that come with Meizhen, by name."""
    folder = Path(config.__file__).parent / "defaults" / "imports"
    return tuple(load_mapping(path) for path in sorted(folder.glob("*.toml")))


def mapping_for(source: str, columns: Sequence[str]) -> FileMapping:
    """The shipped mapping that knows most of these columns. Raises InputError where none fits."""
    fitting = [mapping for mapping in shipped_mappings() if mapping.fits(columns)]
    if not fitting:
        expected = "; ".join(mapping.label.told() for mapping in shipped_mappings())
        params = {"expected": expected, "received": _listed(columns)}
        raise InputError(source, [Problem("figures.no_mapping", 1, params=params)])
    return max(fitting, key=lambda mapping: len(mapping.known() & set(columns)))


ROLES = ("account", "day", "title", "published", "url")
"""What a column may be besides a figure, whose role is `figure:` and its heading's place in the mapping."""


def roles_of(mapping: FileMapping, columns: Sequence[str]) -> dict[str, str]:
    """What each column of a header is taken for; '' for one that is left out."""
    known = {heading: role for role in ROLES for heading in getattr(mapping, role)}
    known |= {
        heading: f"figure:{place}"
        for place, figure in enumerate(mapping.figures)
        for heading in figure.headings
    }
    return {column: known.get(column, "") for column in columns}


def with_roles(mapping: FileMapping, roles: Mapping[str, str]) -> FileMapping:
    """The mapping as a person reads one header: each role's column, and no others."""
    columns: dict[str, Headings] = {}
    for column, role in roles.items():
        columns[role] = (*columns.get(role, ()), column)
    figures = tuple(
        replace(figure, headings=columns[f"figure:{place}"])
        for place, figure in enumerate(mapping.figures)
        if f"figure:{place}" in columns
    )
    return replace(
        mapping,
        account=columns.get("account", ()),
        day=columns.get("day", ()),
        title=columns.get("title", ()),
        published=columns.get("published", ()),
        url=columns.get("url", ()),
        figures=figures or mapping.figures,
        not_taken=columns.get("", ()),
    )


def mapping_text(mapping: FileMapping) -> str:
    """The mapping as a file that `load_mapping` reads."""
    label = f"{{ zh = {_quoted(mapping.label.zh)}, en = {_quoted(mapping.label.en)} }}"
    lines = ["schema = 1", f"label = {label}"]
    if mapping.platform:
        lines.append(f"platform = {_quoted(mapping.platform)}")
    for name in (*ROLES, "not_taken"):
        headings: Headings = getattr(mapping, name)
        if headings:
            lines.append(f"{name} = [{', '.join(map(_quoted, headings))}]")
    if mapping.cut_titles:
        lines.append("cut_titles = true")
    for figure in mapping.figures:
        meaning = figure.meaning
        lines += [
            "",
            "[[figure]]",
            f"column = [{', '.join(map(_quoted, figure.headings))}]",
            f"metric = {_quoted(meaning.name)}",
            f"unit = {_quoted(meaning.unit)}",
            f"kind = {_quoted(meaning.kind)}",
            f"level = {_quoted(meaning.level)}",
        ]
    return "\n".join(lines) + "\n"


def _quoted(told: str) -> str:
    """A TOML string: JSON's escapes are TOML's."""
    return json.dumps(told, ensure_ascii=False).replace("\x7f", "\\u007f")


def _listed(columns: Sequence[str]) -> str:
    """A header for people: somebody else's, so it may be of any length."""
    shown = ", ".join(column[:_SHOWN_CHARACTERS] for column in columns[:_SHOWN_COLUMNS])
    return shown if len(columns) <= _SHOWN_COLUMNS else f"{shown}, …"


def _read(document: Document, name: str) -> FileMapping:
    root = document.root
    root.schema(1)
    figures = [_figure(section) for section in root.sections("figure")]
    mapping = FileMapping(
        name=name,
        label=root.label("label", name),
        platform=root.text("platform", "", most=32),
        account=root.texts("account", single=True),
        day=root.texts("day", single=True),
        title=root.texts("title", single=True),
        published=root.texts("published", single=True),
        url=root.texts("url", single=True),
        figures=tuple(figures),
        cut_titles=root.truth("cut_titles", False),
        not_taken=root.texts("not_taken"),
    )
    _require(root, mapping)
    root.close()
    columns = (mapping.account, mapping.day, mapping.title, mapping.published, mapping.url)
    _refuse_twice(document, [name for names in columns for name in names] + _headings(figures))
    _refuse_twice(document, [f"{figure.meaning.level} {figure.meaning.name}" for figure in figures])
    document.finish()
    return mapping


def _require(root: Section, mapping: FileMapping) -> None:
    levels = {figure.meaning.level for figure in mapping.figures}
    needed = {
        "platform": not mapping.platform and not mapping.account,
        "day": ACCOUNT in levels and not mapping.day,
        "title": ARTICLE in levels and not mapping.title,
        "published": ARTICLE in levels and not mapping.published,
    }
    for key, missing in needed.items():
        if missing:
            root.refuse(key, "index.key_missing")


def _headings(figures: Sequence[FigureColumn]) -> list[str]:
    return [heading for figure in figures for heading in figure.headings]


def _figure(section: Section) -> FigureColumn:
    headings = section.texts("column", single=True)
    if not headings:
        section.refuse("column", "index.key_missing")
    meaning = Meaning(
        section.text("metric", most=_METRIC_LENGTH),
        section.choice("unit", [unit.value for unit in Unit]),
        section.choice("kind", [kind.value for kind in Kind]),
        section.choice("level", [ARTICLE, ACCOUNT], ARTICLE),
    )
    section.close()
    return FigureColumn(headings, meaning)


def _refuse_twice(document: Document, names: Sequence[str]) -> None:
    for name in sorted({name for name in names if name and names.count(name) > 1}):
        document.refuse("figure", "figures.mapped_twice", name=name)
