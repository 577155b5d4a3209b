"""`meizhen award objection`: filed, answered, listed; every act in the ledger too."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.clock import shanghai_day
from config.messages import text
from meizhen.cli._output import Cell, show_json, show_rows

if TYPE_CHECKING:
    from analytics.awards.objections import Objection
    from analytics.awards.rule import Rule
    from meizhen.house import House

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=text("award.help_objection"))

_Folder = Annotated[Path, typer.Argument(help=text("award.help_folder"))]
_By = Annotated[str, typer.Option("--by", help=text("award.help_by"))]
_Text = Annotated[str, typer.Option("--text", help=text("award.help_text"))]


@app.command("file", help=text("award.help_objection_file"))
def file_(
    folder: _Folder,
    by: _By,
    about: _Text,
    account: Annotated[str, typer.Option("--account", help=text("award.help_account"))] = "",
) -> None:
    from analytics.awards.folder import RunFolder
    from analytics.awards.objections import file_objection
    from analytics.awards.run import rule_of
    from meizhen.house import open_house

    run = RunFolder(folder)
    rule = rule_of(run)
    with open_house() as house:
        today = shanghai_day(house.clock.now())
        filed = file_objection(run, rule, by=by, account=account, text=about, today=today)
        _note(house, rule, "award.objection", filed, {"by": by, "account": account, "text": about})
    typer.echo(text("award.objection_filed", number=filed.number, due=filed.due))


@app.command(help=text("award.help_objection_answer"))
def answer(
    folder: _Folder,
    number: Annotated[int, typer.Argument(help=text("award.help_number"))],
    by: _By,
    told: _Text,
    upheld: Annotated[bool, typer.Option("--upheld", help=text("award.help_upheld"))] = False,
) -> None:
    from analytics.awards.folder import RunFolder
    from analytics.awards.objections import answer_objection
    from analytics.awards.run import rule_of
    from meizhen.house import open_house

    run = RunFolder(folder)
    rule = rule_of(run)
    with open_house() as house:
        today = shanghai_day(house.clock.now())
        answered = answer_objection(run, number, by=by, text=told, upheld=upheld, today=today)
        _note(house, rule, "award.answer", answered, {"by": by, "text": told, "upheld": upheld})
    typer.echo(text("award.objection_is_answered", number=number))


@app.command("list", help=text("award.help_objection_list"))
def list_(
    folder: _Folder, as_json: Annotated[bool, typer.Option("--json", help=text("award.help_json"))] = False
) -> None:
    from analytics.awards.folder import RunFolder
    from analytics.awards.objections import objections

    rows: list[dict[str, Cell]] = [
        {
            "number": one.number,
            "day": one.day,
            "by": one.by,
            "account": one.account,
            "text": one.text,
            "due": one.due,
            "answer": one.answer.text if one.answer else None,
            "answered": one.answer.day if one.answer else None,
            "answered_by": one.answer.by if one.answer else None,
            "upheld": one.answer.upheld if one.answer else None,
        }
        for one in objections(RunFolder(folder))
    ]
    if as_json:
        show_json(rows)
        return
    columns = ("number", "day", "by", "account", "text", "due", "answer", "answered", "upheld")
    show_rows(rows, {column: text(f"award.title_{column}") for column in columns}, as_json=False)


def _note(
    house: "House", rule: "Rule", act: str, objection: "Objection", details: Mapping[str, object]
) -> None:
    from analytics.awards.acts import note_act

    told = {"number": objection.number, **details}
    with house.database.write() as session:
        note_act(session, house.keys, rule, act, told, at=house.clock.now(), actor=house.actor)
