"""The demo's newsroom: people to sign in as, drafts at every stage, a day and a half of posts."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from sqlmodel import Session, select

from config.clock import SHANGHAI, ManualClock, shanghai_day
from config.settings import load_settings
from config.table_files import read_table
from meizhen.demo.accounts import demo_accounts, write_accounts_file
from meizhen.demo.newsroom import open_newsroom
from meizhen.house import House, make_house, open_house
from organisation.account_import import import_accounts
from organisation.signing_in import SignIn, sign_in
from organisation.unit_import import import_units
from scheduler.campaign_board import read_board
from scheduler.campaign_tables import Phase
from scheduler.deliveries import Delivery, State
from scheduler.review_tables import Planned, Submission


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """The demo's organisation, with nothing published."""
    clock = ManualClock(datetime(2027, 1, 10, 9, 0, tzinfo=SHANGHAI))
    settings = load_settings({"MEIZHEN_HOME": str(tmp_path / "home"), "MEIZHEN_ACTOR": "demo"})
    make_house(settings, clock)
    with open_house(settings, clock) as opened:
        with as_file(files("meizhen.demo") / "units.csv") as units_file:
            units = read_table(units_file)
        write_accounts_file(demo_accounts(units, "http://127.0.0.1:1"), tmp_path / "accounts.csv")
        with opened.database.write() as session:
            _import(session, opened, tmp_path, units_file)
        yield opened


def _import(session: Session, house: House, folder: Path, units_file: Path) -> None:
    at, keys = house.clock.now(), house.keys
    import_units(session, keys, read_table(units_file), at=at, actor="demo")
    import_accounts(session, keys, read_table(folder / "accounts.csv"), at=at, actor="demo")


def test_a_campaign_is_over_and_waits_to_be_closed(house: House) -> None:
    open_newsroom(house)
    with house.database.read() as session:
        board = read_board(session, 1, shanghai_day(house.clock.now()))
    assert (board.phase, len(board.rows), len(board.items)) == (Phase.OVER, 6, 7)
    assert [one.headline[:4] for one in board.register] == ["主题班会"] * 2 + ["召开主题"]
    assert board.done == 3


def test_everybody_signs_in_and_every_stage_of_review_has_a_post(house: House) -> None:
    newsroom = open_newsroom(house)
    for login, name in newsroom.people:
        given = SignIn(login, newsroom.password, "127.0.0.1")
        assert sign_in(house.database, house.keys, house.clock, given).person.name == name
    with house.database.read() as session:
        submitted = session.exec(select(Submission)).all()
        planned = set(session.exec(select(Planned.post_id)))
        queued = session.exec(select(Delivery)).all()
    assert {(one.signed, one.state) for one in submitted} == {(0, "open"), (2, "open"), (3, "approved")}
    assert len(planned) == 4  # one of them is not handed in yet
    assert {one.state for one in queued} == {State.QUEUED}
    assert {bool(one.approved_hash) for one in queued} == {True, False}
    latest = house.clock.now() + timedelta(hours=36)
    assert all(house.clock.now() < one.due < latest for one in queued)


def test_the_password_is_stored_nowhere(house: House) -> None:
    newsroom = open_newsroom(house)
    assert len(newsroom.password) >= 12
    assert newsroom.password not in (house.settings.home / "meizhen.sqlite").read_bytes().decode("latin-1")
