"""全部暂停 in the browser: every node obeys, and it reaches no further than one's role."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from desk_house import DeskHouse
from scenery import make_account, queue_posts
from sqlmodel import col, select

from config import SystemClock
from config.settings import load_settings
from organisation import Role
from organisation.ledger import LedgerEntry
from sandbox.platforms import webhook
from sandbox.world import Fault
from scheduler import Dispatcher, Pace
from scheduler.deliveries import Attempt, Delivery, State
from scheduler.lanes import Lane
from scheduler.opening import OpenedAccounts
from scheduler.queue import is_stopped

if TYPE_CHECKING:
    from conftest import RunningSandbox

LIMIT_SECONDS = 5.0
PATIENCE = 60.0
POSTS = 1000


def acts(house: DeskHouse) -> list[tuple[str, str, str]]:
    with house.database.read() as session:
        rows = session.exec(select(LedgerEntry).order_by("seq")).all()
        return [(row.actor, row.act, row.subject) for row in rows if row.act.startswith("queue.")]


def test_a_publisher_of_a_league_stops_its_accounts_and_no_others(house: DeskHouse) -> None:
    other = house.free_account()
    browser = house.browser("fa")
    answer = browser.post("/queue/stop", {"reason": "网信要求", "back": "/posts"})
    assert answer.path == "/posts"
    with house.database.read() as session:
        mine = house.newsroom.account.known_id
        paused = session.exec(select(Lane.account_id).where(col(Lane.paused))).all()
        assert (list(paused), other.known_id == mine) == ([mine], False)
        assert not is_stopped(session)
    assert acts(house) == [("person:fa", "queue.pause", house.newsroom.account.stable_id)]


def test_the_owner_stops_everything_and_every_page_says_who_and_why(house: DeskHouse) -> None:
    house.newsroom.person("own", Role.OWNER, None)
    browser, reader = house.browser("own"), house.browser("wen")
    browser.post("/queue/stop", {"reason": "<b>台风</b>"})
    for page in ("/", "/posts", "/me"):
        shown = reader.get(page)
        assert "姓名own" in shown.words or "own" in shown.words
        assert "&lt;b&gt;台风" in shown.html and "<b>台风" not in shown.html
    assert browser.get("/queue/open").status == 200
    assert browser.post("/queue/open", {"late": "hold"}).path == "/"
    assert "台风" not in reader.get("/").html
    assert [act for _, act, _ in acts(house)][-1] == "queue.resume"


def test_who_may_not_steer_is_offered_no_button_and_refused(house: DeskHouse) -> None:
    browser = house.browser("wen")
    assert "/queue/stop" not in browser.get("/").html
    for path in ("/queue/stop", "/queue/open"):
        assert browser.post(path, {"reason": "x", "late": "send"}).status == 403
    assert browser.get("/queue/open").status == 403
    assert acts(house) == []


def test_a_stop_without_a_reason_or_with_an_unknown_choice_changes_nothing(house: DeskHouse) -> None:
    house.newsroom.person("own", Role.OWNER, None)
    browser = house.browser("own")
    for form in ({}, {"reason": ""}, {"reason": "长" * 301}):
        assert browser.post("/queue/stop", form).status == 422
    assert browser.post("/queue/open", {"late": "everything"}).status == 422
    assert acts(house) == []


# --- 待核实 -----------------------------------------------------------------------------------------------


def doubtful(house: DeskHouse) -> tuple[int, int]:
    """A delivery in doubt: its id, and that of another unit's."""
    there = [house.free_account(), house.newsroom.open_account("BJ", "bj")]
    house.newsroom.demand("BJ", "none")
    ids = []
    for account in there:
        post = house.queue(account, "预告")
        for step in (State.SENDING, State.UNCERTAIN):  # the database refuses a leap
            with house.database.write() as session:
                one = session.exec(select(Delivery).where(Delivery.post_id == post)).one()
                one.state, one.needs_person = step, step == State.UNCERTAIN
                session.add(one)
        ids.append(house.deliveries([post])[0].id or 0)
    return ids[0], ids[1]


def state(house: DeskHouse, delivery: int) -> str:
    with house.database.read() as session:
        return session.get_one(Delivery, delivery).state


def test_a_doubt_is_settled_only_by_whom_the_place_allows(house: DeskHouse) -> None:
    near, far = doubtful(house)
    house.newsroom.person("bt-publisher", Role.PUBLISHER, "BT")
    house.newsroom.person("bt-editor", Role.EDITOR, "BT")
    form = {"outcome": "not_published"}
    editor, publisher = house.browser("bt-editor"), house.browser("bt-publisher")
    refused = editor.post(f"/deliveries/{near}/settle", form)
    assert refused.status == 403 and "settle" not in editor.get("/").html
    assert house.browser("fa").post(f"/deliveries/{near}/settle", form).status == 404  # another league's
    assert publisher.post(f"/deliveries/{far}/settle", form).status == 404
    assert publisher.post("/deliveries/999999/settle", form).status == 404
    assert publisher.post(f"/deliveries/{near}/settle", {"outcome": "perhaps"}).status == 422
    assert (state(house, near), state(house, far)) == (State.UNCERTAIN, State.UNCERTAIN)
    done = publisher.post(
        f"/deliveries/{near}/settle", {"outcome": "published", "url": "https://a.example/1"}
    )
    assert done.path == "/"
    assert state(house, near) == State.PUBLISHED
    again = publisher.post(f"/deliveries/{near}/settle", form)
    assert again.status == 409 and state(house, near) == State.PUBLISHED


# --- a node that runs -------------------------------------------------------------------------------------


@contextmanager
def running(dispatcher: Dispatcher) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=dispatcher.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_within_five_seconds_of_the_click_nothing_new_leaves_a_running_node(
    house: DeskHouse, sandbox: "RunningSandbox"
) -> None:
    sandbox.world.reset(real_time=True)
    sandbox.world.set_faults(Fault("hang", path="/publish", value="0.2"))
    clock = SystemClock()
    house.newsroom.demand("NM", "none")
    account = make_account(
        house.database,
        house.newsroom.keys,
        "webhook",
        "busy",
        api_base=f"{sandbox.url}/webhook",
        credentials=webhook.example(sandbox.world, "busy").credentials,
    )
    queue_posts(house.database, account, [f"稿{number}" for number in range(POSTS)], due=clock.now())
    house.newsroom.person("own", Role.OWNER, None)
    folder = house.newsroom.folder
    accounts = OpenedAccounts(
        house.database, house.newsroom.keys, clock, load_settings({"MEIZHEN_HOME": str(folder)})
    )
    node = Dispatcher(house.database, clock, accounts, folder / "media", Pace(senders=2))
    browser = house.browser("own")

    def begun() -> int:
        with house.database.read() as session:
            return len(session.exec(select(Attempt.started_at)).all())

    with running(node):
        until = time.monotonic() + PATIENCE
        while not begun() and time.monotonic() < until:
            threading.Event().wait(0.02)
        assert begun()
        clicked = clock.now()
        assert browser.post("/queue/stop", {"reason": "演练"}).status == 200
        threading.Event().wait(LIMIT_SECONDS + 1)
        with house.database.read() as session:
            began = session.exec(select(Attempt.started_at)).all()
    late = [at for at in began if at - clicked > timedelta(seconds=LIMIT_SECONDS)]
    assert late == []
    assert len(began) < POSTS, "there was more to send"
