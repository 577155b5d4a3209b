"""`meizhen index`: the shipped influence indices, and an index of one's own figures. Needs no home folder."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from analytics.indices import IndexDefinition, Level, Term, compute_table, load_definition, load_shipped
from config.errors import MeizhenError
from config.messages import text
from meizhen.cli._output import show_json, show_rows

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=text("cli.index"))


_AsJson = Annotated[bool, typer.Option("--json", help=text("index.help_json"))]


@app.command("list", help=text("index.help_list"))
def list_(as_json: _AsJson = False) -> None:
    columns = ("name", "label", "version", "platform")
    titles = {column: text(f"index.title_{column}") for column in columns}
    if as_json:
        show_json([_facts(definition) for definition in load_shipped()])
        return
    rows = [
        {
            "name": definition.name,
            "label": definition.label.told(),
            "version": definition.version,
            "platform": definition.platform,
        }
        for definition in load_shipped()
    ]
    show_rows(rows, titles, as_json=False)


@app.command(help=text("index.help_show"))
def show(
    name: Annotated[str, typer.Argument(help=text("index.help_name"))], as_json: _AsJson = False
) -> None:
    definition = load_definition(name)
    if as_json:
        levels = [_level_facts(level) for level in definition.levels]
        facts = _facts(definition) | {
            "power": definition.power,
            "scale": definition.scale,
            "average_decimals": definition.average_decimals,
            "levels": levels,
            "meanings": {key: {"zh": said.zh, "en": said.en} for key, said in definition.meanings.items()},
            "source": definition.source,
            "note": definition.note,
        }
        show_json(facts)
        return
    typer.echo(f"{definition.name}  {definition.label.told()} {definition.version}")
    typer.echo(f"{definition.platform}, {definition.standing}: {definition.source}")
    typer.echo()
    typer.echo(formula(definition))
    typer.echo()
    for variable in definition.variables:
        said = definition.meanings.get(variable)
        typer.echo(f"  {variable:<10}  {said.told() if said else ''}".rstrip())
    if definition.note:
        typer.echo(f"\n{definition.note}")


@app.command(help=text("index.help_compute"))
def compute(
    definition: Annotated[str, typer.Option("--definition", help=text("index.help_definition"))],
    inputs: Annotated[Path, typer.Option("--inputs", help=text("index.help_inputs"))],
    output: Annotated[Path | None, typer.Option("--output", help=text("index.help_output"))] = None,
) -> None:
    result = compute_table(load_definition(definition), inputs)
    if output is None:
        typer.echo(result, nl=False)
        return
    try:
        output.write_bytes(result.encode("utf-8"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MeizhenError("index.not_written", path=output, reason=reason) from None


def formula(definition: IndexDefinition) -> str:
    """The definition as people write it, a line a level."""
    lines = [f"({' + '.join(level.id for level in definition.levels)})"]
    if definition.power != 1:
        lines[0] += f"^{definition.power}"
    if definition.scale != 1:
        lines[0] += f" × {definition.scale}"
    for level in definition.levels:
        terms = " + ".join(_term_formula(definition, level, term) for term in level.terms)
        lines.append(f"  {level.id} = {level.weight} × ({terms})    {level.label.told()}")
    return "\n".join(lines)


def _term_formula(definition: IndexDefinition, level: Level, term: Term) -> str:
    x = "/".join([term.variable, *level.divide_by])
    if term.times != 1:
        x = f"{term.times}·{x}"
    if definition.formula == "levels":
        x = f"ln({x} + 1)"
    if term.ceiling is not None:
        top = f"{term.ceiling}·{term.ceiling_times}" if term.ceiling_times else f"{term.ceiling}"
        x += f" / ln({top} + 1)" if definition.formula == "levels" else f" / ({top})"
    said = x if term.weight == 1 else f"{term.weight} {x}"
    if term.decimals is not None:
        said = f"round({said}, {term.decimals})"
    return said if term.cap is None else f"min({said}, {term.cap})"


def _facts(definition: IndexDefinition) -> dict[str, object]:
    return {
        "name": definition.name,
        "id": definition.id,
        "version": definition.version,
        "label": {"zh": definition.label.zh, "en": definition.label.en},
        "platform": definition.platform,
        "standing": definition.standing,
        "formula": definition.formula,
        "variables": list(definition.variables),
        "path": str(definition.path),
    }


def _level_facts(level: Level) -> dict[str, object]:
    terms: list[dict[str, Decimal | int | str | None]] = [
        {
            "variable": term.variable,
            "weight": term.weight,
            "times": term.times,
            "ceiling": term.ceiling,
            "ceiling_times": term.ceiling_times or None,
            "decimals": term.decimals,
            "cap": term.cap,
        }
        for term in level.terms
    ]
    return {
        "id": level.id,
        "label": {"zh": level.label.zh, "en": level.label.en},
        "weight": level.weight,
        "divide_by": list(level.divide_by),
        "terms": terms,
    }
