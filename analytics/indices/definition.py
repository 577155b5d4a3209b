"""What an index is: a TOML file with levels and terms, read into frozen values.

    value = (Σ level.weight × level) ^ power × scale
    level = Σ term.weight × ln(term.times × x + 1)      formula "levels"
    level = Σ term.weight × term.times × x              formula "linear"

x is the variable, divided by every variable of `divide_by`. Keys beyond
`shared/influence/index-definition.example.toml`, all optional, which published indices need:

    divide_by = ["a", "b"]      more than one divisor
    term.ceiling                the logarithm is measured against ln(ceiling × ceiling_times + 1), where
    term.ceiling_times          `ceiling_times` names a variable (days) and is 1 without one
    term.decimals               the term (weight included) is rounded first
    term.cap                    the term (weight included) gives at most this
    [variables]                 what each variable means; source, note: texts for people
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path

import config
from analytics.indices.document import Document, Label, Section, nearest
from config.errors import InputError, Problem

SCHEMA = 1
FORMULAS = ("levels", "linear")
STANDINGS = ("published", "unofficial copy", "own")
# Words with their own meaning in a table of inputs or results.
PLACES_COLUMN = "avg_decimals"
VALUE_COLUMN = "value"
MOST_PLACES = 12
_ONE = Decimal(1)


@dataclass(frozen=True)
class Term:
    """One variable of a level. `decimals` and `cap` act on weight × logarithm, in this order."""

    variable: str
    weight: Decimal
    times: Decimal = _ONE
    ceiling: Decimal | None = None
    ceiling_times: str = ""
    decimals: int | None = None
    cap: Decimal | None = None


@dataclass(frozen=True)
class Level:
    """One level: its variables divided by those of `divide_by`. Without a divisor above 0 the level is 0."""

    id: str
    label: Label
    weight: Decimal
    divide_by: tuple[str, ...]
    terms: tuple[Term, ...]


@dataclass(frozen=True, eq=False)
class IndexDefinition:
    """An index. `name` is its file's name without `.toml`; `standing` says how far the source is trusted."""

    name: str
    path: Path
    id: str
    version: str
    label: Label
    platform: str
    standing: str
    formula: str
    power: Decimal
    scale: Decimal
    average_decimals: int | None
    levels: tuple[Level, ...]
    meanings: dict[str, Label]
    source: str
    note: str

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """The variables it needs, each once, in the order of the file."""
        names: dict[str, None] = {}
        for level in self.levels:
            for term in level.terms:
                names[term.variable] = None
                if term.ceiling_times:
                    names[term.ceiling_times] = None
            names.update(dict.fromkeys(level.divide_by))
        return tuple(names)


def shipped_folder() -> Path:
    """Where the shipped definitions lie."""
    return Path(config.__file__).parent / "defaults" / "indices"


@cache
def shipped() -> tuple[str, ...]:
    """The names of the shipped definitions, sorted."""
    return tuple(sorted(path.stem for path in shipped_folder().glob("*.toml")))


def load_definition(path_or_name: str | Path) -> IndexDefinition:
    """Reads a definition: a shipped one by its name, another by a path that ends in `.toml`.

    Raises InputError naming file, key, what was expected and received, and the remedy.
    """
    if isinstance(path_or_name, str) and path_or_name in shipped():
        return _shipped(path_or_name)
    path = Path(path_or_name)
    if isinstance(path_or_name, str) and path.suffix != ".toml" and not path.is_file():
        params = {"received": path_or_name, "near": nearest(path_or_name, shipped()) or "–"}
        raise InputError(path_or_name, [Problem("index.not_shipped", params=params)])
    return read_definition(Document.open(path), path.stem, path)


@cache
def _shipped(name: str) -> IndexDefinition:
    path = shipped_folder() / f"{name}.toml"
    return read_definition(Document.open(path), name, path)


def load_shipped() -> tuple[IndexDefinition, ...]:
    """All shipped definitions, sorted by name."""
    return tuple(load_definition(name) for name in shipped())


def read_definition(document: Document, name: str, path: Path) -> IndexDefinition:
    """The definition in a document. Raises InputError with every problem of the file."""
    root = document.root
    root.schema(SCHEMA)
    index_id = root.text("id", most=80)
    average = root.integer("average_decimals", 0, least=0, most=MOST_PLACES)
    definition = IndexDefinition(
        name=name,
        path=path,
        id=index_id,
        version=root.text("version", most=80),
        label=root.label("label", index_id or "–"),
        platform=root.text("platform", "any", most=80),
        standing=root.choice("standing", STANDINGS, "own"),
        formula=root.choice("formula", FORMULAS),
        power=root.decimal("power", _ONE, least=Decimal("0.01"), most=Decimal(10)),
        scale=root.decimal("scale", _ONE),
        average_decimals=average if root.has("average_decimals") else None,
        levels=tuple(_level(section) for section in root.sections("level")),
        meanings=_meanings(root),
        source=root.text("source", "", most=2000),
        note=root.text("note", "", most=2000),
    )
    _refuse_repeated(root, [level.id for level in definition.levels])
    for variable in definition.meanings:
        if variable not in definition.variables:
            root.refuse(f"variables.{variable}", "index.key_unknown", known=", ".join(definition.variables))
    root.close()
    document.finish()
    return definition


def _meanings(root: Section) -> dict[str, Label]:
    section = root.section("variables")
    if section is None:
        return {}
    return {name: section.label(name, name) for name in section.names()}


def _refuse_repeated(root: Section, ids: list[str]) -> None:
    for number, level_id in enumerate(ids, start=1):
        if level_id and level_id in ids[: number - 1]:
            root.refuse(f"level[{number}].id", "index.key_repeated", received=level_id)


def _level(section: Section) -> Level:
    level_id = section.text("id", most=80)
    level = Level(
        id=level_id,
        label=section.label("label", level_id or "–"),
        weight=section.decimal("weight"),
        divide_by=section.texts("divide_by", single=True),
        terms=tuple(_term(term) for term in section.sections("terms")),
    )
    for variable in level.divide_by:
        _refuse_reserved(section, "divide_by", variable)
    section.close()
    return level


def _term(section: Section) -> Term:
    ceiling = section.decimal("ceiling", _ONE, least=Decimal("0.001"))
    decimals = section.integer("decimals", 0, least=0, most=MOST_PLACES)
    cap = section.decimal("cap", Decimal(0))
    term = Term(
        variable=section.text("variable", most=80),
        weight=section.decimal("weight"),
        times=section.decimal("times", _ONE, least=Decimal(0)),
        ceiling=ceiling if section.has("ceiling") else None,
        ceiling_times=section.text("ceiling_times", "", most=80),
        decimals=decimals if section.has("decimals") else None,
        cap=cap if section.has("cap") else None,
    )
    if term.ceiling_times and term.ceiling is None:
        section.refuse("ceiling", "index.key_missing")
    _refuse_reserved(section, "variable", term.variable)
    section.close()
    return term


def _refuse_reserved(section: Section, key: str, variable: str) -> None:
    if variable in (PLACES_COLUMN, VALUE_COLUMN):
        section.refuse(key, "index.reserved_variable", received=variable)
