"""Tasks: a delivery in a person's hands, from the hand-over to the link that comes back."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
import zxingcpp
from newsroom import make_newsroom
from people import make_person
from PIL import Image
from scenery import delivery, make_account, make_node, queue_posts, run_until_idle, story
from sqlalchemy import update
from sqlmodel import col, select

from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from connectors import Media
from organisation import Account, Act, Standing, Unit, entries_of, put_in_charge, standing_of
from organisation.leaving import DEPUTY
from scheduler import cancel, resolve, retry
from scheduler.assisted import Reminder, finish_task, open_task, refuse_task, remind, set_robot
from scheduler.assisted_pictures import picture_of, qr_of, task_address
from scheduler.assisted_tasks import Task, TaskEvent, TaskState, require_task
from scheduler.assisted_views import Listed, list_tasks, show_task, unfinished_tasks
from scheduler.deliveries import State
from scheduler.media import examine
from scheduler.notices import Kind, open_notices
from scheduler.posts import Post

LINK = "https://zhuanlan.zhihu.com/p/680000001"


class Desk:
    """An account whose posts a person publishes, and what that person does."""

    def __init__(self, database: Database, keys: KeyRing, clock: ManualClock, folder: Path) -> None:
        self.database, self.keys, self.clock, self.folder = database, keys, clock, folder
        self.account = self.open_account("zhihu", "us")

    def open_account(self, platform: str, handle: str, api_base: str = "") -> Account:
        return make_account(self.database, self.keys, platform, handle, api_base=api_base)

    def hand_over(self, words: str = "正文", **more: object) -> tuple[int, int]:
        """A post that came due; gives its delivery and its task."""
        account = more.pop("account", self.account)
        assert isinstance(account, Account)
        (id_,) = queue_posts(self.database, account, [words], due=self.clock.now(), **more)  # type: ignore[arg-type]
        self.run()
        return id_, self.tasks(account=account)[-1].task

    def run(self) -> None:
        run_until_idle(make_node(self.database, self.keys, self.clock, self.folder), timedelta(seconds=5))

    def act(self, act: Callable[..., object], *told: object) -> None:
        with self.database.write() as session:
            act(session, self.keys, *told, now=self.clock.now(), actor="person:li")

    def refused(self, code: str, act: Callable[..., object], *told: object) -> None:
        with pytest.raises(MeizhenError) as error:
            self.act(act, *told)
        assert error.value.code == code

    def tasks(self, *, account: Account | None = None, states: tuple[TaskState, ...] = ()) -> list[Listed]:
        with self.database.read() as session:
            return list_tasks(
                session,
                states=states or tuple(TaskState),
                account_id=None if account is None else account.known_id,
            )

    def state(self, task: int) -> str:
        with self.database.read() as session:
            return session.get_one(Task, task).state

    def steps(self, task: int) -> list[tuple[str, str]]:
        with self.database.read() as session:
            wanted = select(TaskEvent).where(TaskEvent.task_id == task).order_by(col(TaskEvent.id))
            return [(one.from_state, one.to_state) for one in session.exec(wanted)]

    def remind(self, minutes: float = 0) -> list[Reminder]:
        self.clock.advance(60 * minutes)
        with self.database.write() as session:
            return remind(session, self.clock.now(), "house")

    def notices(self) -> set[str]:
        with self.database.read() as session:
            return {one.kind for one in open_notices(session)}


on_one_database = pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)


@pytest.fixture
def desk(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Desk:
    return Desk(database, keys, clock, tmp_path)


def test_a_post_is_handed_over_and_published_by_the_link_that_comes_back(desk: Desk) -> None:
    li = make_person(desk.database, desk.keys, "li", at=desk.clock.now())
    wu = make_person(desk.database, desk.keys, "wu", at=desk.clock.now())
    with desk.database.write() as session:
        put_in_charge(session, li, "account", [desk.account.known_id], at=desk.clock.now())
        put_in_charge(session, wu, DEPUTY, [desk.account.known_id], at=desk.clock.now())
    id_, task = desk.hand_over("**五四**青年节", options={"format": "markdown"})
    assert delivery(desk.database, id_).state == State.HANDED_OVER
    (listed,) = desk.tasks()
    assert (listed.responsible, listed.deputy, listed.state) == ("li", "wu", "waiting")
    assert listed.expires_at == listed.due + timedelta(hours=2)
    with desk.database.read() as session:
        assert len(list_tasks(session, person_id=wu.known_id)) == 1
        assert unfinished_tasks(session, [id_, id_ + 1]) == {id_: task}
        require_task(session, standing_of(session, wu), task, Act.POST_SEND)  # the deputy, without any role
        other = Standing(99, "nobody", ())
        for number, act in ((task, Act.POST_READ), (task + 1, Act.POST_READ)):
            with pytest.raises(MeizhenError) as error:
                require_task(session, other, number, act)
            assert error.value.code == "organisation.out_of_sight"
        shown = show_task(session, task, desk.folder)
    assert (shown.title, shown.text, shown.longest_edge) == ("标题", "五四青年节", 2560)
    assert len(shown.checklist) >= 3
    desk.act(open_task, task)
    desk.refused("task.wrong_state", open_task, task)
    desk.clock.advance(300)
    desk.act(finish_task, task, f" {LINK}?utm=x ")
    row = delivery(desk.database, id_)
    assert (row.state, row.url, row.remote_id) == (State.PUBLISHED, f"{LINK}?utm=x", "680000001")
    assert (row.published_at, row.needs_person) == (desk.clock.now(), False)
    assert desk.steps(task) == [("", "waiting"), ("waiting", "opened"), ("opened", "done")]
    assert story(desk.database, id_)[-1][:2] == ("handed_over", "published")
    with desk.database.read() as session:
        acts = {entry.act for entry in entries_of(session)}
        assert {"task.open", "task.done", "post.resolve"} <= acts
    assert desk.notices() == set()
    for act, *told in ((finish_task, LINK), (refuse_task, "不发"), (open_task,)):
        desk.refused("task.wrong_state", act, task, *told)


@on_one_database
def test_a_link_that_is_none_of_the_platform_changes_nothing(desk: Desk) -> None:
    id_, task = desk.hand_over()
    for told in ("", "nonsense", "https://zhuanlan.zhihu.com/p/", "https://zhuanlan.zhihu.com.evil.cn/p/1"):
        desk.refused("task.bad_link", finish_task, task, told)
    assert (desk.state(task), delivery(desk.database, id_).state) == ("waiting", State.HANDED_OVER)


@on_one_database
def test_a_forum_takes_links_below_its_own_address_only(desk: Desk) -> None:
    account = desk.open_account("forum_by_hand", "bbs", "https://bbs.example.edu.cn/club")
    _, task = desk.hand_over(account=account)
    for bad in (
        "https://bbs.example.edu.cn/clubs/1",
        "https://bbs.example.edu.cn/club",
        "https://example.edu.cn/club/1",
        "https://bbs.example.edu.cn:8443/club/1",
    ):
        desk.refused("task.bad_link", finish_task, task, bad)
    desk.act(finish_task, task, "https://bbs.example.edu.cn/club/t-1.html")
    assert desk.state(task) == "done"


@on_one_database
def test_one_link_is_one_post(desk: Desk) -> None:
    _, first = desk.hand_over("一")
    desk.act(finish_task, first, LINK)
    _, second = desk.hand_over("二")
    desk.refused("task.link_taken", finish_task, second, LINK)
    assert desk.state(second) == "waiting"


def test_what_is_refused_has_failed_and_its_retry_is_a_task_of_its_own(desk: Desk) -> None:
    id_, first = desk.hand_over()
    desk.refused("task.needs_reason", refuse_task, first, " ")
    desk.act(refuse_task, first, "活动取消")
    assert (desk.state(first), delivery(desk.database, id_).state) == ("refused", State.FAILED)
    desk.act(retry, [id_])
    desk.run()
    assert [one.state for one in desk.tasks()] == ["refused", "waiting"]
    with desk.database.read() as session:
        assert show_task(session, first, desk.folder).reason == "活动取消"
    desk.act(cancel, [id_])
    assert [one.state for one in desk.tasks()] == ["refused", "refused"]


@on_one_database
def test_a_delivery_that_is_settled_elsewhere_takes_its_task_along(desk: Desk) -> None:
    id_, task = desk.hand_over()
    with desk.database.write() as session:
        resolve(session, desk.keys, id_, published_url=LINK, now=desk.clock.now(), actor="person:wang")
    assert desk.steps(task)[-1] == ("waiting", "done")


def test_reminders_come_three_times_and_the_task_expires_but_can_still_be_done(desk: Desk) -> None:
    id_, task = desk.hand_over()
    (first,) = desk.remind()
    assert (first.number, first.task, first.robot) == (1, task, "")
    assert desk.remind() == []
    with desk.database.write() as session:
        unit = session.get_one(Unit, desk.account.unit_id)
        set_robot(session, desk.keys, unit, "群", now=desk.clock.now(), actor="test")
    assert desk.remind(59) == []
    (second,) = desk.remind(2)
    assert (second.number, second.robot, desk.state(task)) == (2, "群", "waiting")
    assert Kind.TASK_LATE in desk.notices()
    (third,) = desk.remind(60)
    assert (third.number, desk.state(task)) == (3, "expired")
    assert desk.remind(600) == []
    assert delivery(desk.database, id_).state == State.HANDED_OVER
    desk.act(finish_task, task, LINK)
    assert desk.steps(task) == [("", "waiting"), ("waiting", "expired"), ("expired", "done")]
    assert desk.notices() == set()


@on_one_database
def test_a_house_that_slept_through_tells_only_that_the_time_is_over(desk: Desk) -> None:
    desk.hand_over()
    (only,) = desk.remind(60 * 24)
    assert only.number == 3
    assert desk.remind(60) == []


def test_what_is_not_what_was_approved_is_neither_handed_over_nor_shown(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    room = make_newsroom(database, keys, clock, tmp_path)

    def approved() -> tuple[int, int]:
        post = room.draft()
        room.submit(post)
        room.approve(post, "yi", "er", "san")
        return post, room.send(post)[0]

    _, id_ = approved()
    clock.advance(3600)
    (job,) = room.turn()
    room.end(job, "handed_over")
    with database.read() as session:
        (listed,) = list_tasks(session)
        assert show_task(session, listed.task, tmp_path).text.startswith("五四")
    room.tamper(update(Post).values(text="别的"))
    with database.read() as session, pytest.raises(MeizhenError) as error:
        show_task(session, listed.task, tmp_path)
    assert error.value.code == "task.not_approved"
    room.tamper(update(Post).values(text="五四青年节,我们在草原。"))
    _, other = approved()
    room.tamper(update(Post).values(text="别的"))
    clock.advance(3600)
    assert room.turn() == []
    assert delivery(database, other).outcome_code == "review-changed"
    with database.read() as session:
        assert [one.task for one in list_tasks(session)] == [listed.task]
    assert delivery(database, id_).state == State.HANDED_OVER


def image(folder: Path, size: tuple[int, int], kind: str = "PNG") -> Media:
    path = folder / f"p.{kind.lower()}"
    Image.new("RGB", size, (200, 30, 30)).save(path, kind)
    return examine(path).as_media()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_pictures_have_the_platforms_size_and_keep_their_shape(tmp_path: Path, kind: str) -> None:
    media = image(tmp_path, (3000, 1000), kind)
    kept, made = picture_of(media, 1, 3000), picture_of(media, 2, 1500)
    assert kept.content == media.path.read_bytes() and not kept.made_smaller
    assert (made.width, made.height, made.made_smaller) == (1500, 500, True)
    assert made.file_name.startswith("02-p.") and Image.open(BytesIO(made.content)).size == (1500, 500)


def test_a_picture_that_is_not_what_was_kept_is_refused(tmp_path: Path) -> None:
    media = image(tmp_path, (10, 10))
    media.path.write_bytes(b"\x89PNG\r\n\x1a\n other")
    with pytest.raises(MeizhenError) as error:
        picture_of(media, 1, 100)
    assert error.value.code == "post.media_changed"
    media.path.unlink()
    with pytest.raises(MeizhenError) as error:
        picture_of(media, 1, 100)
    assert error.value.code == "post.media_missing"


def test_the_qr_holds_the_address_of_the_task_and_nothing_else() -> None:
    address = task_address("https://meizhen.example.edu.cn/", 7)
    assert address == "https://meizhen.example.edu.cn/tasks/7"
    svg = qr_of(address)
    assert svg.startswith("<svg") and "script" not in svg
    import segno

    made = BytesIO()
    segno.make(address, error="m", micro=False).save(made, kind="png", scale=6)
    (read,) = zxingcpp.read_barcodes(Image.open(BytesIO(made.getvalue())).convert("L"))
    assert read.text == address
    for bad in ("meizhen.example", "javascript:1", "https://u:p@example.cn", "https://example.cn/?a=1", ""):
        with pytest.raises(MeizhenError):
            task_address(bad, 7)
