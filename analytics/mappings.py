"""Which column of a platform's exported file is which figure: mapping files, shipped and people's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import config
from analytics.figures import Meaning
from analytics.indices.document import Document, Label, Section
from config.errors import InputError, Problem
from connectors import Kind, Unit

_METRIC_LENGTH = 40


@dataclass(frozen=True)
class FigureColumn:
    """One column of figures: its heading, and what it counts."""

    column: str
    meaning: Meaning


@dataclass(frozen=True)
class FileMapping:
    """A platform's export: the columns that name the article, and those that hold figures.

    `not_taken` are columns known and left out on purpose.
    """

    name: str
    label: Label
    platform: str
    title: str
    published: str
    url: str
    figures: tuple[FigureColumn, ...]
    not_taken: tuple[str, ...] = ()

    def fits(self, columns: Sequence[str]) -> bool:
        """Is this the header of such a file? Title and day must be there, and at least one figure."""
        known = set(columns)
        return {self.title, self.published} <= known and any(
            figure.column in known for figure in self.figures
        )

    def known(self) -> set[str]:
        """Every column the mapping knows."""
        return {
            self.title,
            self.published,
            self.url,
            *self.not_taken,
            *(figure.column for figure in self.figures),
        }


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
        params = {"expected": expected, "received": ", ".join(columns)}
        raise InputError(source, [Problem("figures.no_mapping", 1, params=params)])
    return max(fitting, key=lambda mapping: len(mapping.known() & set(columns)))


def _read(document: Document, name: str) -> FileMapping:
    root = document.root
    root.schema(1)
    figures = [_figure(section) for section in root.sections("figure")]
    mapping = FileMapping(
        name=name,
        label=root.label("label", name),
        platform=root.text("platform", most=32),
        title=root.text("title"),
        published=root.text("published"),
        url=root.text("url", ""),
        figures=tuple(figures),
        not_taken=root.texts("not_taken"),
    )
    root.close()
    _refuse_twice(document, [mapping.title, mapping.published, *(figure.column for figure in figures)])
    _refuse_twice(document, [figure.meaning.name for figure in figures])
    document.finish()
    return mapping


def _figure(section: Section) -> FigureColumn:
    column = section.text("column")
    meaning = Meaning(
        section.text("metric", most=_METRIC_LENGTH),
        section.choice("unit", [unit.value for unit in Unit]),
        section.choice("kind", [kind.value for kind in Kind]),
    )
    section.close()
    return FigureColumn(column, meaning)


def _refuse_twice(document: Document, names: Sequence[str]) -> None:
    for name in sorted({name for name in names if name and names.count(name) > 1}):
        document.refuse("figure", "figures.mapped_twice", name=name)
