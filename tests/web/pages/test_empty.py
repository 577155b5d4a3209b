"""A new house: every room says what it is for and gives the first act."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from console import Console, consoles
from people import make_person

from config import ManualClock
from config.database import connect
from config.secrets import KeyRing
from organisation import Role
from organisation.sessions import open_session
from web.rail import ROOMS

# What can never be empty: the ledger tells of the first owner already, settings are there.
_FULL = {"/ledger", "/settings"}
_MORE = (
    "/tasks",
    "/figures/gaps",
    "/figures/missing",
    "/figures/conflicts",
    "/figures/reports",
    "/figures/week",
)
# An act is a button that opens a dialog, or one that leads to a page; the same holds of a list's rest.
_ACT = re.compile(
    r'<div class="mz-empty">.*?(?:<a class="btn btn-primary" href="/|data-dialog=).*?</div>', re.S
)


@pytest.fixture
def owner(_sqlite_template: Path, tmp_path: Path, keys: KeyRing, clock: ManualClock) -> Iterator[Console]:
    shutil.copy(_sqlite_template, tmp_path / "new.sqlite")
    database = connect(f"sqlite:///{tmp_path / 'new.sqlite'}")
    person = make_person(database, keys, "quan", at=clock.now(), roles={Role.OWNER: None})
    with database.write() as session:
        token = open_session(session, person, at=clock.now(), address="127.0.0.1")
    with consoles(database, keys, clock, tmp_path) as there:
        console = there.browser()
        console.client.cookies.set("meizhen-language", "zh")
        console.client.cookies.set("meizhen-session", token)
        yield console
    database.close()


def test_every_room_of_a_new_house_gives_its_first_act(owner: Console) -> None:
    pages = [room.address for room in ROOMS if room.address not in {*_FULL, "/", "/figures"}] + [*_MORE]
    without = [path for path in pages if not _ACT.search(owner.get(path).html)]
    assert without == []
    today = owner.get("/")
    assert "从这里开始" in today.words and 'href="/accounts/new"' in today.html


def test_the_first_unit_is_entered_from_the_console(owner: Console) -> None:
    wrong = owner.post("/organisation", {"code": "N M", "kind": "region", "name_zh": "某区"})
    assert wrong.status == 422 and "还没有单位" in owner.get("/organisation").words
    told = owner.post("/organisation", {"code": "NM", "kind": "region", "name_zh": "某区"})
    assert "新增 1" in told.words and "建组织 已完成" in owner.get("/").words
    rows = "code,parent,kind,name_zh\nHH,NM,league,某盟\nBT,XX,league,某市\n"
    refused = _send(owner, rows)
    assert "XX" in refused and "某盟" not in owner.get("/organisation").words
    assert "新增 2" in _send(owner, rows.replace("XX", "NM"))
    assert {"某盟", "某市"} <= set(owner.get("/organisation").words.split())


def _send(console: Console, rows: str) -> str:
    answer = console.client.post(
        "/organisation/import",
        data={"_token": console.token},
        files={"file": ("units.csv", rows.encode())},
    )
    return answer.text
