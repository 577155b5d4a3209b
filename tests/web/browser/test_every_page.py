"""What holds on every page there is, found by walking the rail: axe, sizes, widths, hosts, times, letters."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe import AXE, violations
from crowding import CROWDED
from desk_house import DeskHouse
from live_console import Live
from newsroom import Newsroom
from people import PASSWORD
from playwright.sync_api import Page, expect
from scenery import make_node, queue_posts, run_until_idle

from analytics.awards.keeping import Awards
from analytics.gaps import Hole, open_gaps
from analytics.reports.schedules import Order, add_schedule
from organisation import Role
from organisation.webhook_messages import write_test
from organisation.webhooks import Wanted as WantedHook
from organisation.webhooks import add_webhook
from scheduler.campaign_counting import Cell, Work, add_work, attach_post
from scheduler.campaign_items import Wanted, add_item
from scheduler.campaigns import Plan, add_campaign

NAMES = ("ᠮᠣᠩᠭᠣᠯ ᠬᠡᠯᠡ", "ئۇيغۇرچە", "龘", "𬀩")
# Visible things to press that are smaller than 24 CSS pixels; links within a sentence may be (WCAG 2.5.8).
SMALL = """() => {
  const inline = (one) => one.matches("a") && one.closest("p, td, li, dd, small") &&
    getComputedStyle(one).display === "inline";
  const all = "a[href], button, input:not([type=hidden]), select, textarea, summary";
  return [...document.querySelectorAll(all)]
    .filter((one) => one.checkVisibility({visibilityProperty: true, opacityProperty: true}) && !inline(one))
    .map((one) => [one, (one.closest("label") ?? one).getBoundingClientRect()])
    .filter(([, box]) => box.right > 0 && Math.min(box.width, box.height) < 23.99)
    .map(([one]) => one.outerHTML.slice(0, 160));
}"""
# Pages that are wider than their window scroll sideways.
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def filled(live: Live, tmp_path: Path) -> Live:
    """A house with something on most pages."""
    house, room = live.house, live.house.newsroom
    room.person("own", Role.OWNER, None)
    account = house.free_account()
    for number in range(3):
        house.queue(account, f"青年志愿者第 {number} 期", hours=3 + number)
    room.submit(room.draft("第一句。第二句。"))
    house.queue(account, "明年再发的一篇", hours=24 * 650)  # its time is told with the year
    gap = Hole("48001", "api unauthorized")
    with house.database.write() as session:
        day = house.clock.now().date()
        open_gaps(session, [((account.known_id, "articles"), day, gap)], house.clock.now())
    now, unit = house.clock.now(), room.units["BT"]
    with house.database.write() as session:
        wanted = WantedHook("门户", "https://portal.example.org/hook", ())
        hook, _ = add_webhook(session, room.keys, wanted, "portal.example.org", unit, now=now, actor="test")
        write_test(session, hook, now)
        add_schedule(session, room.keys, unit, Order(folder="BT"), now=now, actor="test")
    Awards(tmp_path / "awards").add("2026-a", "jury")
    _begin_campaign(house, room)
    # What has no interface is handed to a person.
    queue_posts(house.database, room.open_account("BT", "us", "zhihu"), ["到知乎发一篇"], due=now)
    run_until_idle(make_node(house.database, room.keys, house.clock, tmp_path), timedelta(seconds=5))
    return live


def _begin_campaign(house: DeskHouse, room: Newsroom) -> None:
    """A campaign with a post on its way, work that was done, and an item whose day is past."""
    unit, by = room.units["BT"], {"now": house.clock.now(), "actor": "person:own"}
    plan, due = Plan("学雷锋", date(2026, 3, 1), date(2026, 3, 20), "每个单位都动起来"), date(2026, 3, 1)
    with house.database.write() as session:
        made = add_campaign(session, room.keys, room.units["NM"], plan, [unit], **by)  # type: ignore[arg-type]
        for wanted in (Wanted("推送", plan.ends, 2, "稿件"), Wanted("志愿服务", due), Wanted("宣讲", due)):
            add_item(session, room.keys, made.known_id, wanted, **by)  # type: ignore[arg-type]
        for post in (1, 5):
            attach_post(session, room.keys, post, Cell(made.known_id, 1), **by)  # type: ignore[arg-type]
        work = Work("清扫社区", date(2026, 3, 2), "https://bt.example/1")
        add_work(session, room.keys, Cell(made.known_id, 2), unit, work, **by)  # type: ignore[arg-type]


def kind_of(path: str) -> str:
    """/posts/1 and /posts/2 are the same page."""
    return "/".join("#" if part.isdigit() else part for part in path.split("/"))


def links(page: Page, which: str) -> list[str]:
    found = page.locator(which).evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    return [urlsplit(link).path for link in found]


def walk(page: Page) -> Iterator[str]:
    """Opens one of every kind of page: the rooms, what they link to in one step, what no room links to.

    Links are read off each room while it is open.
    """
    page.goto("/")
    rooms = links(page, ".mz-rail a.mz-room")
    assert "/" in rooms and "/posts" in rooms
    parts = [f"/awards/2026-a/{part}" for part in ("rule", "jury", "flags", "notice", "runs", "files")]
    parts += ["/campaigns/1/cells/1/BT", "/campaigns/1/cells/2/BT", "/campaigns/1/edit", "/figures/gaps"]
    found = {kind_of(path): path for path in [*rooms, "/me", "/tasks", "/queue/open", "/nowhere", *parts]}
    seen: set[str] = set()
    while left := [kind for kind in found if kind not in seen]:
        path = found[left[0]]
        seen.add(left[0])
        page.goto(path)
        if path in rooms:
            page.wait_for_load_state("networkidle")  # some bring their lists later
            for other in links(page, "main a[href^='/']:not([download])"):
                found.setdefault(kind_of(other), other)
        yield path


def in_both_themes(page: Page) -> list[str]:
    """What axe finds in the page as it opened, and in its other theme after its own switch was pressed."""
    told, themes = [], set()
    for _ in range(2):
        theme = page.locator("html").get_attribute("data-bs-theme")
        themes.add(theme)
        told += [f"{theme} {one}" for one in violations(page)]
        page.evaluate("() => document.querySelector('[data-theme-switch]').click()")
    assert themes == {"light", "dark"}
    return told


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: make web")
def test_every_page_is_accessible_large_enough_and_as_wide_as_its_window(filled: Live) -> None:
    page = filled.signed_in("own", 1280, 800)
    page.emulate_media(reduced_motion="reduce")  # colours are what they will be at once
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    wrong: dict[str, list[str]] = {}
    walked = 0
    for path in walk(page):
        walked += 1
        told = [f"small {one}" for one in page.evaluate(SMALL)]
        told += in_both_themes(page)
        for width in (640, 360):  # 640 is 1280 at 200 %
            page.set_viewport_size({"width": width, "height": 740})
            over = page.evaluate(WIDER)
            told += [f"{width} px: {over} px too wide"] if over > 0 else []
        told += [f"small at 360 px {one}" for one in page.evaluate(SMALL)]
        told += [f"at 360 px {one}" for one in page.evaluate(CROWDED)]
        page.set_viewport_size({"width": 1280, "height": 800})
        if told:
            wrong[path] = told
    assert wrong == {}
    assert walked >= 40
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(filled.address).netloc}


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: make web")
def test_the_doors_and_open_dialogs_are_accessible_too(filled: Live) -> None:
    wrong = {}
    for theme in ("light", "dark"):
        stranger = filled.window(360, 740, theme=theme)
        for path in ("/login", "/join"):
            stranger.goto(path)
            assert stranger.evaluate(WIDER) == 0
            wrong[f"{theme} {path}"] = violations(stranger) + stranger.evaluate(SMALL)
        page = filled.signed_in("own", 1280, 800, theme=theme)
        page.goto("/")
        for dialog in ("stop", "palette", "help"):
            page.locator(f"button[data-dialog={dialog}]:visible").first.click()
            expect(page.locator(f"dialog#{dialog}")).to_be_visible()
            wrong[f"{theme} {dialog}"] = violations(page) + page.evaluate(SMALL)
            page.keyboard.press("Escape")
    assert {place: told for place, told in wrong.items() if told} == {}


def test_from_sign_in_to_a_stop_of_everything_by_keyboard_alone(filled: Live) -> None:
    page = filled.window(1280, 800)
    page.goto("/login")
    page.keyboard.type("own")  # the field has the focus
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_url("**/")
    page.keyboard.press("Tab")
    expect(page.locator(".mz-skip")).to_be_focused()
    stop = page.locator("button.mz-stop")
    for _ in range(60):
        if stop.evaluate("one => one === document.activeElement"):
            break
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => { const at = document.activeElement; const box = at.getBoundingClientRect();
              const style = getComputedStyle(at);
              return box.width > 0 && (style.outlineStyle !== "none" || style.boxShadow !== "none"); }"""
        )
        assert seen, page.evaluate("() => document.activeElement.outerHTML.slice(0, 200)")
    expect(stop).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("网络演练")
    page.keyboard.press("Enter")
    expect(page.locator(".mz-band-danger")).to_contain_text("网络演练")
    page.locator("a.mz-stop").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/queue/open**")


def test_a_device_in_another_zone_still_reads_beijing_time_and_is_told_so(filled: Live) -> None:
    at_home, abroad = filled.signed_in("own"), filled.signed_in("own", zone="America/New_York")
    for page in (at_home, abroad):
        page.goto("/")
        expect(page.locator(".mz-rail-foot")).to_contain_text("09:00")  # the clock of the house: 01:00 UTC
        expect(page.locator("#plan ~ .mz-card .mz-when").first).to_contain_text("3月2日 周一 12:00")
    expect(at_home.locator("[data-zone]")).to_be_hidden()
    expect(abroad.locator("[data-zone]")).to_be_visible()
    expect(abroad.locator("[data-zone]")).to_contain_text("北京时间")


# Draws a text and the same number of signs that no font has; equal pictures are boxes.
BOXES = """(names) => {
  const family = getComputedStyle(document.body).fontFamily;
  const drawn = (text) => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 60, height: 60});
    const pen = canvas.getContext("2d");
    pen.font = `32px ${family}`;
    pen.textBaseline = "top";
    pen.fillText(text, 4, 4);
    return canvas.toDataURL();
  };
  const missing = new Set([0x10FFFE, 0x0378, 0xE123].map((code) => drawn(String.fromCodePoint(code))));
  missing.add(drawn(" "));
  return names.flatMap((name) => [...name].filter((sign) => sign.trim() && missing.has(drawn(sign))));
}"""


def test_names_in_every_script_have_glyphs(filled: Live) -> None:
    page = filled.signed_in("own")
    page.goto("/")
    if page.evaluate(BOXES, ["草"]):
        pytest.skip("this machine has no Chinese font at all")
    assert page.evaluate(BOXES, ["\U0010fffd\U000e0fff"]), "a sign that no font has is seen as a box"
    without = page.evaluate(BOXES, list(NAMES))
    # What the machine has no font for, no page can show; what it has, the page's list of fonts must reach.
    reachable = page.evaluate(
        BOXES.replace("getComputedStyle(document.body).fontFamily", "'sans-serif'"), list(NAMES)
    )
    assert set(without) <= set(reachable)
    if without:
        pytest.skip(f"this machine has no font for {' '.join(dict.fromkeys(without))}")
