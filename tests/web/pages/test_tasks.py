"""手动发布: a task from the list to its link, by whoever answers for it and nobody else."""

from datetime import timedelta
from pathlib import Path

import pytest
from desk_house import DeskHouse
from PIL import Image
from scenery import make_account, make_node, queue_posts, run_until_idle
from sqlalchemy import update
from sqlmodel import select

from organisation import Role, put_in_charge
from scheduler.assisted_pictures import qr_of
from scheduler.assisted_tasks import Task
from scheduler.deliveries import State
from scheduler.media import store_media
from scheduler.posts import Post

LINK = "https://www.xiaohongshu.com/explore/65f0c0de000000001203a1b2"


@pytest.fixture
def handed(house: DeskHouse, tmp_path: Path) -> DeskHouse:
    """Two tasks (1 and 2) of an account of the region; `li` answers for it, and has no role at all."""
    room = house.newsroom
    room.demand("NM", "none")
    account = make_account(house.database, room.keys, "xiaohongshu", "us")
    picture = tmp_path / "cover.png"
    Image.new("RGB", (3000, 4000)).save(picture)
    room.person("quan", Role.OWNER, None)
    answering = room.person("li")
    with house.database.write() as session:
        kept = store_media(session, tmp_path / "media", picture, now=house.clock.now())
        put_in_charge(session, answering, "account", [account.known_id], at=house.clock.now())
    texts = ["志愿周<b>开始</b>", "第二篇"]
    queue_posts(house.database, account, texts, due=house.clock.now(), media=[kept.sha256])
    run_until_idle(
        make_node(house.database, room.keys, house.clock, tmp_path / "media"), timedelta(seconds=5)
    )
    return house


def states(house: DeskHouse) -> list[str]:
    with house.database.read() as session:
        return [one.state for one in session.exec(select(Task).order_by(Task.id))]  # type: ignore[arg-type]


def test_who_answers_takes_it_copies_it_and_pastes_the_link(handed: DeskHouse) -> None:
    li = handed.browser("li")
    assert "由我负责" in li.get("/tasks").words
    page = li.get("/tasks/1")
    assert "志愿周<b>" not in page.html and 'data-copy="志愿周&lt;b&gt;' in page.html
    picture = li.client.get("/tasks/1/files/1")
    assert picture.headers["content-type"] == "image/jpeg" or picture.content[:4] == b"\x89PNG"
    assert li.get("/tasks/1/files/2").status == 404
    assert "已认领" in li.post("/tasks/1/open").words
    assert li.post("/tasks/1/open").status == 422  # somebody has it
    wrong = li.post("/tasks/1/done", {"link": "https://example.org/x"})
    assert wrong.status == 422 and "task.bad_link" in wrong.html and states(handed)[0] == "opened"
    assert "已记为发布" in li.post("/tasks/1/done", {"link": LINK}).words
    assert li.post("/tasks/2/done", {"link": LINK}).status == 422  # that of the other post
    assert "task.needs_reason" in li.post("/tasks/2/refuse", {"reason": " "}).html
    assert "退回" in li.post("/tasks/2/refuse", {"reason": "图片不清楚"}).words
    assert states(handed) == ["done", "refused"]
    assert [one.state for one in handed.deliveries([1, 2])] == [State.PUBLISHED, State.FAILED]
    assert "没有要手动发布的稿件" in li.get("/tasks").words and LINK in li.get("/tasks/1").html
    assert "/tasks/1" in li.get("/tasks?ended=true").html


def test_others_see_and_do_what_their_roles_at_its_unit_say(handed: DeskHouse) -> None:
    owner = handed.browser("quan")
    assert "其他人的" in owner.get("/tasks").words and "去发布" in owner.get("/").words
    elsewhere = handed.browser("wen")  # editor of a league below
    assert "/tasks/1" not in elsewhere.get("/tasks").html
    for path in ("/tasks/1", "/tasks/1/qr.svg", "/tasks/1/files/1", "/tasks/99"):
        assert elsewhere.get(path).status == 404, path
    assert elsewhere.post("/tasks/1/refuse", {"reason": "x"}).status == 404
    handed.newsroom.person("du", Role.VIEWER, "NM")
    reader = handed.browser("du")
    assert "已发布</button>" not in reader.get("/tasks/1").html
    assert reader.post("/tasks/1/open").status == 403 and states(handed) == ["waiting", "waiting"]


def test_the_code_for_the_phone_opens_the_task_and_holds_no_key(handed: DeskHouse) -> None:
    drawn = handed.browser("li").client.get("/tasks/1/qr.svg")
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert drawn.text == qr_of("http://127.0.0.1:8765/tasks/1")


def test_what_is_not_what_was_approved_is_withheld_and_can_be_refused(house: DeskHouse) -> None:
    room = house.newsroom
    post = room.draft()
    room.submit(post)
    room.approve(post, "yi", "er", "san")
    room.send(post)
    house.clock.advance(3600)
    (job,) = room.turn()
    room.end(job, "handed_over")
    publisher = house.browser("fa")
    assert "五四青年节" in publisher.get("/tasks/1").words
    assert 'href="/tasks/1"' in publisher.get(f"/posts/{post}").html
    room.tamper(update(Post).values(text="别的"))
    shown = publisher.get("/tasks/1")
    assert "task.not_approved" in shown.html and "别的" not in shown.words
    assert publisher.get("/tasks/1/files/1").status == 422
    assert "退回" in publisher.post("/tasks/1/refuse", {"reason": "改过了"}).words
    assert states(house) == ["refused"]
