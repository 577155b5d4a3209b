"""The whole week without a mouse: from the first word to what was sent, its figures, and why somebody won."""

import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from award_desk import AwardHouse, award_house
from award_world import small_rule
from keyboard import Keyboard
from live_console import PATIENCE, Live
from people import PASSWORD
from playwright.sync_api import Browser, expect
from scenery import make_node, run_until_idle
from weeks import know_wechat, publish

from config import ManualClock
from config.database import connect
from config.secrets import KeyRing
from organisation import Account, Role, store_credentials
from sandbox.platforms import webhook
from web.serving import listen, serving

if TYPE_CHECKING:
    from conftest import RunningSandbox


def connect_to(sandbox: "RunningSandbox", live: Live, account: Account) -> None:
    """The account has its counterpart in the sandbox."""
    there = webhook.example(sandbox.world, account.handle)
    with live.house.database.write() as session:
        row = session.get_one(Account, account.known_id)
        row.api_base = f"{sandbox.url}/webhook"
        session.add(row)
        store_credentials(session, live.house.newsroom.keys, row, there.credentials)


def test_one_story_for_six_accounts_is_written_reviewed_moved_and_sent(
    live: Live, sandbox: "RunningSandbox", keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    house = live.house
    accounts = [house.newsroom.account, *(house.newsroom.open_account("HH", f"h{n}") for n in range(5))]
    for account in accounts:
        connect_to(sandbox, live, account)
    house.newsroom.person("quan", Role.OWNER, None)
    page = live.window()
    keyboard = Keyboard(page)
    page.goto("/login")
    keyboard.type("wen")
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    page.wait_for_url("**/")
    keyboard.room("稿件")
    page.wait_for_url("**/posts")
    keyboard.press("c")
    page.wait_for_url("**/posts/new")
    page.wait_for_selector("[data-composer][data-drawn]")
    expect(page.get_by_label("标题", exact=True)).to_be_focused()
    keyboard.type("五四青年节预告")
    keyboard.press("Tab")
    keyboard.type("我们在草原等你。欢迎来。")
    keyboard.reach(page.get_by_label("发布时间"))
    keyboard.moment("2026-03-02", "18:00")
    expect(page.get_by_label("发布时间")).to_have_value("2026-03-02T18:00")
    for account in accounts:
        keyboard.reach(page.locator(f'input[name="account"][value="{account.known_id}"]'))
        keyboard.press("Space")
    for number, account in enumerate(accounts):
        version = page.locator(f'[data-version="{account.known_id}"]')
        keyboard.enter(version.locator("summary"))
        keyboard.enter(version.get_by_role("button", name="从母稿开始改"))
        expect(version.locator("textarea")).to_be_focused()  # where one goes on writing
        keyboard.press("Control+End")
        keyboard.type(f"第{number}号欢迎你。")
    keyboard.press("Control+Enter")
    page.wait_for_url(re.compile(r"/posts/\d+$"))
    post = int(page.url.rpartition("/")[2])

    for login in ("yi", "er", "san"):
        page = live.signed_in(login)
        keyboard = Keyboard(page)
        page.goto("/review")
        keyboard.press("j", "Tab", "Enter")
        page.wait_for_url(f"**/review/{post}")
        keyboard.press("a")
        expect(page.get_by_role("dialog")).to_be_visible()
        keyboard.press("Enter")
        page.wait_for_url("**/review")
    assert house.newsroom.latest(post).state == "approved"

    page = live.signed_in("fa")
    keyboard = Keyboard(page)
    page.goto("/posts")
    keyboard.press("j")
    keyboard.enter(page.locator("a.mz-row-title"))
    page.wait_for_url(f"**/posts/{post}")
    keyboard.content()
    keyboard.enter(page.get_by_role("button", name="排期"))
    expect(page.locator(".mz-card-head .mz-state-queued")).to_have_count(6)
    keyboard.room("日历")
    keyboard.enter(page.locator('a[data-event][href*="/calendar/delivery/"]').first)
    expect(page.get_by_role("textbox", name="改到")).to_be_focused()
    keyboard.moment("2026-03-02", "19:00")  # within what was approved
    keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("19:00")
    dues = sorted(one.due - clock.now() for one in house.deliveries([post]))
    assert dues[-1] - dues[0] == timedelta(hours=1)

    run_until_idle(make_node(house.database, keys, clock, tmp_path, call=30), timedelta(hours=12))
    assert {one.state for one in house.deliveries([post])} == {"published"}
    page = live.signed_in("fa")
    keyboard = Keyboard(page)
    page.goto("/posts")
    keyboard.press("j")
    keyboard.enter(page.locator("a.mz-row-title"))
    expect(page.locator(".mz-card-head .mz-state-published")).to_have_count(6)
    words = [one.text for one in sandbox.world.published]
    assert sorted(said.rpartition("第")[2] for said in words) == [f"{n}号欢迎你。" for n in range(6)]


def test_the_weeks_figures_are_seen_and_taken_along(live: Live) -> None:
    house = live.house
    know_wechat(house.database)
    with house.database.write() as session:
        unit_id = house.newsroom.units["HH"].id or 0
        account = Account(unit_id=unit_id, platform="wechat", handle="hhq", name="HH 青年")
        session.add(account)
        session.flush()
    monday = date(2026, 2, 23)
    publish(house.database, account, monday, [(monday + timedelta(days=6), 1234)], title="开学第一课")
    house.newsroom.person("quan", Role.OWNER, None)
    page = live.signed_in("quan")
    keyboard = Keyboard(page)
    page.goto("/")
    keyboard.room("数据")
    expect(page.locator("#week-figures")).to_contain_text("1,234")
    keyboard.enter(page.locator("summary", has_text="导出"))
    keyboard.enter(page.locator('button[name="format"][value="csv"]'))
    page.wait_for_url("**/jobs/*")
    assert house.there.do_jobs() == 1
    with page.expect_download() as taken:
        keyboard.enter(page.locator('a[href$=".csv"]').first)
    assert taken.value.path().stat().st_size > 0


@pytest.fixture
def awards(
    chromium: Browser, _sqlite_template: Path, tmp_path: Path, keys: KeyRing
) -> Iterator[tuple[AwardHouse, str]]:
    shutil.copy(_sqlite_template, tmp_path / "awards.sqlite")
    database = connect(f"sqlite:///{tmp_path / 'awards.sqlite'}")
    with (
        award_house(database, keys, tmp_path) as house,
        serving(house.there.app, listen("127.0.0.1", 0)) as address,
    ):
        yield house, address
    database.close()


def test_an_award_is_run_and_explained(awards: tuple[AwardHouse, str], chromium: Browser) -> None:
    house, address = awards
    owner = house.browser("quan")
    owner.post("/awards", {"name": "2026-a", "shape": "most-influential"})
    owner.post("/awards/2026-a/rule", {"text": small_rule(house.home).read_text("utf-8")})
    context = chromium.new_context(base_url=address, locale="zh-CN", viewport={"width": 1440, "height": 900})
    cookies = {"meizhen-language": "zh", "meizhen-session": house.session("quan")}
    context.add_cookies([{"name": name, "value": told, "url": address} for name, told in cookies.items()])
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    keyboard = Keyboard(page)
    page.goto("/")
    keyboard.room("评优")
    keyboard.enter(page.locator('main a[href="/awards/2026-a"]').first)
    page.wait_for_url("**/awards/2026-a")
    keyboard.enter(page.locator('button[data-dialog="run-award"]'))
    keyboard.enter(page.locator("#run-award button.btn-primary"))
    expect(page.locator("#job")).to_be_visible()
    house.through()
    keyboard.enter(page.locator("th a", has_text="demo-a2"))
    page.wait_for_url("**/explain?**")
    expect(page.locator(".mz-explained")).to_contain_text("第 1 名")
    context.close()
