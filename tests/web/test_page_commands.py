"""Whatever a page does, a command does too: every act of a page names its commands, or a reason why not."""

from pathlib import Path

from fastapi.routing import iter_route_contexts

from config import ManualClock
from config.database import connect
from config.secrets import KeyRing
from config.settings import load_settings
from meizhen.rules import RULES
from web.desk import Desk
from web.page_commands import COMMANDS, WITHOUT
from web.pages import pages_router

_LOOKS = {"GET", "HEAD"}


def acts(keys: KeyRing, clock: ManualClock, folder: Path) -> list[str]:
    """The addresses to which pages send what shall be done."""
    database = connect(f"sqlite:///{folder / 'empty.sqlite'}")
    settings = load_settings({"MEIZHEN_HOME": str(folder)})
    router = pages_router(Desk(settings, database, keys, clock, lambda: None))
    found = [one for one in iter_route_contexts(router.routes) if set(one.methods or ()) - _LOOKS]
    database.close()
    assert {method for one in found for method in one.methods or ()} - _LOOKS == {"POST"}
    return [str(one.path) for one in found]


def test_every_act_of_a_page_has_its_commands_or_a_reason(
    keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    assert sorted(acts(keys, clock, tmp_path)) == sorted([*COMMANDS, *WITHOUT])
    assert all(why.zh and why.en for why in WITHOUT.values())


def test_the_commands_of_pages_are_there() -> None:
    named = {command for commands in COMMANDS.values() for command in commands}
    assert all(COMMANDS.values())
    assert named <= {" ".join(path) for path in RULES}
