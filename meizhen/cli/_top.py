"""`meizhen figures top`: one question of years of figures, asked of the engine chosen."""

from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, cast

import typer

from config.messages import text
from meizhen.cli._days import day_of
from meizhen.cli._output import Cell, show_json, show_rows
from meizhen.house import House, open_house

if TYPE_CHECKING:
    from analytics.engines.question import Plan
    from analytics.engines.top import Answer
    from analytics.selection import FigureKind


def top(
    metric: Annotated[str, typer.Option("--metric", help=text("engine.option_metric"))],
    since: Annotated[str | None, typer.Option("--since", help=text("engine.option_since"))] = None,
    until: Annotated[str | None, typer.Option("--until", help=text("engine.option_until"))] = None,
    platform: Annotated[str | None, typer.Option("--platform", help=text("figures.option_platform"))] = None,
    unit: Annotated[str | None, typer.Option("--unit", help=text("figures.option_unit"))] = None,
    by: Annotated[str, typer.Option("--by", help=text("engine.option_by"))] = "account",
    age: Annotated[int | None, typer.Option("--age", min=0, help=text("engine.option_age"))] = None,
    level: Annotated[str | None, typer.Option("--level", help=text("engine.option_level"))] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help=text("engine.option_limit"))] = 20,
    engine: Annotated[str, typer.Option("--engine", help=text("engine.option_engine"))] = "duckdb",
    archive: Annotated[Path | None, typer.Option("--archive", help=text("engine.option_archive"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("figures.option_json"))] = False,
) -> None:
    from analytics.engines.registry import Means
    from analytics.engines.top import answer, require_ranked
    from config.clock import shanghai_day

    require_ranked(by)
    with open_house() as house:
        yesterday = shanghai_day(house.clock.now()) - timedelta(days=1)
        last = day_of("--until", until) or yesterday
        first = day_of("--since", since) or last - timedelta(days=364)
        began = perf_counter()
        found = answer(
            house.database,
            metric=metric,
            since=first,
            until=last,
            platform=platform,
            unit=unit,
            by=by,
            age=age,
            limit=limit or None,
            engine=engine,
            archive=archive or house.settings.archive_folder,
            level=_level(level),
            means=Means(
                memory=house.settings.duckdb_memory,
                threads=house.settings.duckdb_threads,
                spill=house.settings.temporary_folder,
                spark_master=house.settings.spark_master,
            ),
        )
        seconds = perf_counter() - began
        titles = _titles(house, found)
    if as_json:
        _show_json(found, titles)
    else:
        _show_table(found, titles, seconds)


def _level(told: str | None) -> "FigureKind | None":
    from config.errors import InputError, Problem

    if told in (None, "articles", "account_days"):
        return cast("FigureKind | None", told)
    raise InputError("--level", [Problem("engine.unknown_level", params={"received": told})])


def _titles(house: House, found: "Answer") -> dict[str, str]:
    """The names people know accounts and units by."""
    from sqlmodel import select

    from analytics.engines.question import By
    from organisation.accounts import Account
    from organisation.units import Unit

    by = found.plan.question.by
    with house.database.read() as session:
        if by is By.ACCOUNT:
            accounts = session.exec(select(Account))
            return {f"{account.platform}:{account.handle}": account.name for account in accounts}
        if by is By.UNIT:
            return {unit.code: unit.name_zh for unit in session.exec(select(Unit))}
    return {}


def _show_json(found: "Answer", titles: dict[str, str]) -> None:
    question = found.plan.question
    show_json(
        {
            "metric": question.metric,
            "level": question.level,
            "since": question.since,
            "until": question.until,
            "by": question.by,
            "age": question.age,
            "together": found.plan.together,
            "engine": found.engine,
            "rows": [
                {
                    "place": row.place,
                    "platform": row.platform,
                    question.by.value: row.name,
                    "title": titles.get(row.name, ""),
                    "counts": row.counts,
                    "value": row.value,
                    "figures": row.figures,
                }
                for row in found.rows
            ],
        }
    )


def _show_table(found: "Answer", titles: dict[str, str], seconds: float) -> None:
    question = found.plan.question
    if not found.rows:
        typer.echo(text("engine.nothing"))
        return
    typer.echo(_rule(found.plan))
    rows: list[dict[str, Cell]] = [
        {
            "place": row.place,
            "platform": row.platform,
            "name": row.name,
            "title": titles.get(row.name, ""),
            "value": f"{row.value:,}",
            "counts": text(f"engine.counts_{row.counts}"),
            "figures": row.figures,
        }
        for row in found.rows
    ]
    columns = {"place": text("engine.place"), "platform": text("engine.platform")}
    if question.by.value != "platform":
        columns["name"] = text(f"engine.by_{question.by}")
    if titles:
        columns["title"] = text("engine.title")
    columns |= {
        "value": text("engine.value"),
        "counts": text("engine.counts"),
        "figures": text(f"engine.figures_{question.level}"),
    }
    show_rows(rows, columns, as_json=False)
    told = {"files": found.files, "live": found.live_rows, "seconds": f"{seconds:.1f}"}
    typer.echo(text("engine.took", engine=found.engine, **told))


def _rule(plan: "Plan") -> str:
    """In words, how the values came about."""
    question = plan.question
    told: dict[str, object] = {
        "metric": question.metric,
        "since": question.since,
        "until": question.until,
    }
    if plan.together != "sum":
        return text(f"engine.told_{plan.together}", **told)
    if plan.choice == "last":
        return text("engine.told_last", **told)
    if "as_of" in plan.entity:
        return text("engine.told_days", **told)
    if question.age is not None:
        return text("engine.told_age", age=question.age, **told)
    return text("engine.told_newest", **told)
