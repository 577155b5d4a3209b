"""What people ask of a run: is it sound, what differs, why this place, take this account out, put it up."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.clock import shanghai_day
from config.errors import MeizhenError
from config.messages import present_language, text
from meizhen.cli import _award_jury, _award_list, _award_objection
from meizhen.cli._award_explain import explain, pages
from meizhen.cli._award_papers import papers
from meizhen.cli._output import Cell, show_json, show_rows

if TYPE_CHECKING:
    from analytics.awards.comparison import Comparison
    from analytics.awards.run import AwardResult
    from analytics.awards.verification import Difference
    from meizhen.house import House

_Folder = Annotated[Path, typer.Argument(help=text("award.help_folder"))]
_Account = Annotated[str, typer.Argument(help=text("award.help_account"))]
_Category = Annotated[str, typer.Option("--category", help=text("award.help_category"))]
_AsJson = Annotated[bool, typer.Option("--json", help=text("award.help_json"))]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of a run to `meizhen award`."""
    app.command(help=text("award.help_verify"))(verify)
    app.command(help=text("award.help_diff"))(diff)
    app.command(help=text("award.help_explain"))(explain)
    app.command(help=text("award.help_pages"))(pages)
    app.command(help=text("award.help_exclude"))(exclude)
    app.command(help=text("award.help_notice"))(notice)
    app.command(help=text("papers.help_papers"))(papers)
    app.add_typer(_award_objection.app, name="objection")
    app.add_typer(_award_jury.app, name="jury")


def note(house: "House", act: str, result: "AwardResult", details: Mapping[str, object]) -> None:
    """Writes an act on a run into the ledger."""
    from organisation import record

    told = {"run_id": result.run_id, "number": result.number, **details}
    with house.database.write() as session:
        record(
            session,
            house.keys,
            at=house.clock.now(),
            actor=house.actor,
            act=act,
            subject=f"award:{result.rule.id}",
            details=told,
        )


def verify(folder: _Folder, as_json: _AsJson = False) -> None:
    from analytics.awards.verification import verify as verify_run

    found = verify_run(folder)
    if as_json:
        differences = [
            {
                "file": one.file,
                "kind": one.kind,
                "row": one.row,
                "column": one.column,
                "expected": one.expected,
                "received": one.received,
            }
            for one in found.differences
        ]
        show_json({"run_id": found.run_id, "files": found.files, "differences": differences})
    elif not found.differences:
        typer.echo(text("award.verified", run_id=found.run_id[:16], files=found.files))
    else:
        typer.echo(
            text("award.not_verified", run_id=found.run_id[:16], count=len(found.differences)), err=True
        )
        for one in found.differences:
            typer.echo(f"  {_difference(one)}", err=True)
    if found.differences:
        raise typer.Exit(1)


def _difference(one: "Difference") -> str:
    told = text(f"award.differs_{one.kind}", file=one.file)
    if one.row is None:
        return told
    cell = text(
        "award.differs_cell",
        row=one.row,
        column=one.column or "–",
        expected=one.expected,
        received=one.received,
    )
    return f"{told} {cell}"


def diff(
    first: _Folder,
    second: Annotated[Path, typer.Argument(help=text("award.help_other_folder"))],
    as_json: _AsJson = False,
) -> None:
    from analytics.awards.comparison import compare

    found = compare(first, second)
    if as_json:
        show_json(_comparison_json(found))
    else:
        _show_comparison(found)
    if not found.same:
        raise typer.Exit(1)


def _show_comparison(found: "Comparison") -> None:
    if found.same:
        typer.echo(text("award.same_runs", run_id=found.run_ids[0][:16]))
        return
    first, second = (run_id[:16] for run_id in found.run_ids)
    typer.echo(text("award.other_runs", first=first, second=second, inputs=", ".join(found.inputs) or "–"))
    rows: list[dict[str, Cell]] = [
        {
            "category": move.category,
            "track": move.track,
            "name": move.name,
            "place": " → ".join("–" if place is None else str(place) for place in move.places),
            "score": " → ".join("–" if score is None else str(score) for score in move.scores),
            "reason": "; ".join(reason[present_language()] for reason in move.reasons),
        }
        for move in found.moves
    ]
    columns = ("category", "track", "name", "place", "score", "reason")
    show_rows(rows, {column: text(f"award.title_{column}") for column in columns}, as_json=False)


def _comparison_json(found: "Comparison") -> dict[str, object]:
    return {
        "run_ids": list(found.run_ids),
        "same": found.same,
        "inputs": list(found.inputs),
        "moves": [
            {
                "category": move.category,
                "track": move.track,
                "handle": move.handle,
                "name": move.name,
                "places": list(move.places),
                "scores": list(move.scores),
                "reasons": [dict(reason) for reason in move.reasons],
            }
            for move in found.moves
        ],
    }


def exclude(
    folder: _Folder,
    account: _Account,
    out: Annotated[Path, typer.Option("--out", help=text("award.help_exclude_out"))],
    by: Annotated[str, typer.Option("--by", help=text("award.help_by"))],
    reason: Annotated[str, typer.Option("--reason", help=text("award.help_reason"))],
    category: _Category = "",
    as_json: _AsJson = False,
) -> None:
    from analytics.awards.exclusions import Exclusion, exclude_account
    from analytics.awards.folder import RunFolder
    from meizhen.house import open_house

    with open_house() as house:
        result = exclude_account(
            RunFolder(folder),
            RunFolder(out),
            Exclusion(account, by, reason, category),
            today=shanghai_day(house.clock.now()),
        )
        note(house, "award.exclude", result, {"account": account, "by": by, "reason": reason})
    if as_json:
        show_json(_award_list.result_json(result))
    else:
        _award_list.show(result, out)


def notice(
    folder: _Folder,
    on: Annotated[str, typer.Option("--on", help=text("award.help_on"))] = "",
) -> None:
    from analytics.awards.folder import RunFolder
    from analytics.awards.notice import put_up
    from analytics.awards.run import rule_of
    from meizhen.house import open_house
    from organisation import record

    run = RunFolder(folder)
    rule = rule_of(run)
    with open_house() as house:
        days = put_up(run, rule, _day(on) if on else shanghai_day(house.clock.now()))
        with house.database.write() as session:
            record(
                session,
                house.keys,
                at=house.clock.now(),
                actor=house.actor,
                act="award.notice",
                subject=f"award:{rule.id}",
                details={"put_up": days.put_up, "until": days.until},
            )
    typer.echo(text("award.notice_put_up", put_up=days.put_up, until=days.until, file=folder / "notice.csv"))


def _day(told: str) -> date:
    try:
        return date.fromisoformat(told)
    except ValueError:
        raise MeizhenError("award.not_a_day", received=told) from None
