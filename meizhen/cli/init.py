"""`meizhen init`: makes the home folder, or brings its tables up to date."""

import typer

from config.messages import text

app = typer.Typer(help=text("cli.init"), add_completion=False)


@app.command(help=text("cli.init"))
def init() -> None:
    from config.settings import load_settings
    from meizhen.house import KEY_FILE, make_house

    settings = load_settings()
    made = make_house(settings)
    key = "house.made" if made else "house.already_made"
    typer.echo(text(key, home=settings.home, keys=settings.home / KEY_FILE))
