"""审核登记表: one page that says who signed what and when, and a code that leads back to it."""

import io
import json
from pathlib import Path

import pytest
import zxingcpp
from newsroom import Newsroom, make_newsroom
from PIL import Image

from config import Database, ManualClock
from config.secrets import KeyRing
from organisation import Role
from scheduler import review
from scheduler.review_form import form_facts, review_form
from scheduler.review_views import shown

pytestmark = pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)


@pytest.fixture
def room(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Newsroom:
    return make_newsroom(database, keys, clock, tmp_path)


def facts(room: Newsroom, post: int) -> dict[str, object]:
    with room.database.read() as session:
        return form_facts(session, shown(session, room.latest(post)), room.clock.now())


def picture(room: Newsroom, post: int) -> Image.Image:
    with room.database.read() as session:
        content = review_form(session, shown(session, room.latest(post)), now=room.clock.now(), form="png")
    return Image.open(io.BytesIO(content))


def remark(room: Newsroom, post: int, login: str, said: str) -> None:
    person = room.who(login)
    with room.database.write() as session:
        review.comment(
            session, room.keys, post, person, start=0, end=4, told=said, now=room.clock.now(), actor="x"
        )


def test_the_form_says_who_signed_what_and_when(room: Newsroom) -> None:
    post = room.draft()
    submission = room.submit(post)
    remark(room, post, "yi", "日期要核对")
    room.approve(post, "yi", "er")
    told = facts(room, post)
    stages = told["stages"]
    assert isinstance(stages, list)
    assert [(one["outcome"], one["person"], one["at"]) for one in stages] == [
        ("通过", "姓名yi（yi）", "2026-03-02 09:00"),
        ("通过", "姓名er（er）", "2026-03-02 09:00"),
        ("待审", "", ""),
    ]
    assert told["hash"] == submission.content_hash and told["authors"] == "姓名wen（wen）"
    assert told["remarks"] == [{"by": "yi", "quoted": "五四青年", "told": "日期要核对"}]
    assert told["accounts"] == "webhook:hh"
    room.approve(post, "san")
    assert "通过" in str(facts(room, post)["outcome"]) or "审定" in str(facts(room, post)["outcome"])


def test_a_return_stands_there_with_its_reason(room: Newsroom) -> None:
    post = room.draft()
    room.submit(post)
    room.send_back(post, "yi", "写明地点")
    told = facts(room, post)
    stages = told["stages"]
    assert isinstance(stages, list)
    assert [one["outcome"] for one in stages] == ["退回", "待审", "待审"]
    assert "写明地点" in str(told["outcome"])


def test_the_code_on_the_paper_leads_back_to_the_post_and_its_content(room: Newsroom) -> None:
    post = room.draft()
    submission = room.submit(post)
    page = picture(room, post)
    (code,) = zxingcpp.read_barcodes(page)
    assert json.loads(code.text) == {"post": post, "submission": 1, "hash": submission.content_hash}
    width, height = page.size
    assert abs(height / width - 297 / 210) < 0.01


def test_the_longest_of_everything_stays_on_one_page(room: Newsroom) -> None:
    accounts = [room.account, *(room.open_account("HH", f"a{number}-" + "x" * 40) for number in range(12))]
    post = room.draft("草原上的云走得很慢呢。" * 400, accounts=accounts)
    room.person("zhong", Role.FIRST_REVIEWER)
    room.submit(post, urgent="汛情" * 200)
    for number in range(9):
        remark(room, post, "yi", f"{number}" + "这一段要再核实" * 60)
    room.send_back(post, "yi", "请改" * 400)
    # `review_form` takes exactly one page: a second one would not unpack.
    assert picture(room, post).size[0] > 1000
    told = facts(room, post)
    assert told["more"] and str(told["accounts"]).endswith("另 7 个")


def test_the_same_moment_prints_the_same_bytes(room: Newsroom) -> None:
    post = room.draft("#let x = panic() *粗体* `代码` <label> @ref")
    room.submit(post)
    with room.database.read() as session:
        seen = shown(session, room.latest(post))
        first, second = (review_form(session, seen, now=room.clock.now()) for _ in range(2))
    assert first == second and first.startswith(b"%PDF-")
