"""指数 The shipped influence indices, and the index of one's own figures."""

from decimal import Decimal
from typing import Annotated

from fastapi import Path
from pydantic import Field

from analytics.indices import IndexDefinition, load_definition, load_shipped
from analytics.indices.computation import explain
from analytics.indices.definition import shipped
from config.errors import MeizhenError
from web.access import SIGNED_IN
from web.api.call import Asked
from web.api.noun import Noun
from web.api.texts import Body, Figure, Told

noun = Noun("indices")

IndexName = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,80}$")]


class Said(Told):
    """A name in both languages."""

    zh: str
    en: str


class IndexRow(Told):
    """A shipped index."""

    name: str
    id: str
    version: str
    label: Said
    platform: str
    standing: str
    variables: list[str]


class LevelShown(Told):
    """A level of an index."""

    id: str
    label: Said
    weight: Figure
    divide_by: list[str]


class IndexShown(IndexRow):
    """An index with its formula and its source."""

    formula: str
    power: Figure
    scale: Figure
    levels: list[LevelShown]
    meanings: dict[str, Said]
    source: str
    note: str


class IndexList(Told):
    """All shipped indices, by name."""

    items: list[IndexRow]


class Given(Body):
    """The figures of one account, by the index's variables."""

    variables: dict[str, Annotated[Decimal, Field(ge=0, max_digits=24, decimal_places=6)]] = Field(
        max_length=100
    )


class LevelValue(Told):
    """A level as computed; `defined` is false where a divisor was not above 0."""

    id: str
    value: Figure
    defined: bool


class Computed(Told):
    """The index of the figures given, with its levels."""

    name: str
    value: Figure
    total: Figure
    levels: list[LevelValue]


@noun.read("", SIGNED_IN)
def list_indices(asked: Asked) -> IndexList:
    """指数列表 Shipped indices; they are nobody's secret."""
    asked.everybody()
    return IndexList(items=[_row(one) for one in load_shipped()])


@noun.read("/{name}", SIGNED_IN)
def show(asked: Asked, name: IndexName) -> IndexShown:
    """一个指数 One index: formula, meanings, source."""
    asked.everybody()
    one = _found(name)
    return IndexShown(
        **_row(one).model_dump(),
        formula=one.formula,
        power=one.power,
        scale=one.scale,
        levels=[LevelShown.model_validate(level) for level in one.levels],
        meanings={key: Said.model_validate(said) for key, said in one.meanings.items()},
        source=one.source,
        note=one.note,
    )


@noun.write("POST", "/{name}/compute", SIGNED_IN)
def compute(asked: Asked, name: IndexName, body: Given) -> Computed:
    """计算 The index of the figures given; nothing is kept."""
    asked.everybody()
    found = explain(_found(name), body.variables)
    return Computed(
        name=name,
        value=found.value,
        total=found.total,
        levels=[LevelValue.model_validate(level) for level in found.levels],
    )


def _found(name: str) -> IndexDefinition:
    """Only shipped ones: a request never names a file."""
    if name not in shipped():
        raise MeizhenError("api.not_found")
    return load_definition(name)


def _row(one: IndexDefinition) -> IndexRow:
    return IndexRow(
        name=one.name,
        id=one.id,
        version=one.version,
        label=Said.model_validate(one.label),
        platform=one.platform,
        standing=one.standing,
        variables=list(one.variables),
    )
