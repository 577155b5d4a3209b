"""What holds on every page there is, found by walking the rail: axe, sizes, widths, hosts, times, letters."""

from urllib.parse import urlsplit

import pytest
from axe import AXE, violations
from live_console import Live
from people import PASSWORD
from playwright.sync_api import Page, expect

from organisation import Role

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
def filled(live: Live) -> Live:
    """A house with something on most pages."""
    house = live.house
    house.newsroom.person("own", Role.OWNER, None)
    account = house.free_account()
    for number in range(3):
        house.queue(account, f"青年志愿者第 {number} 期", hours=3 + number)
    house.newsroom.submit(house.newsroom.draft("第一句。第二句。"))
    return live


def kind_of(path: str) -> str:
    """/posts/1 and /posts/2 are the same page."""
    return "/".join("#" if part.isdigit() else part for part in path.split("/"))


def links(page: Page, which: str) -> list[str]:
    found = page.locator(which).evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    return [urlsplit(link).path for link in found]


def addresses(page: Page) -> list[str]:
    """One of every kind of page: the rooms, what they link to in one step, and what no room links to."""
    page.goto("/")
    rooms = links(page, ".mz-rail a.mz-room")
    assert "/" in rooms and "/posts" in rooms
    found = {kind_of(path): path for path in [*rooms, "/me", "/queue/open", "/nowhere"]}
    for room in rooms:
        page.goto(room)
        for path in links(page, "main a[href^='/']:not([download])"):
            found.setdefault(kind_of(path), path)
    return list(found.values())


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: make web")
def test_every_page_is_accessible_large_enough_and_as_wide_as_its_window(filled: Live) -> None:
    page = filled.signed_in("own", 1280, 800)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    wrong: dict[str, list[str]] = {}
    pages = addresses(page)
    dark = filled.signed_in("own", 1280, 800, theme="dark")
    for path in pages:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(path)
        told = [f"light {one}" for one in violations(page)]
        told += [f"small {one}" for one in page.evaluate(SMALL)]
        for width in (640, 360):  # 640 is 1280 at 200 %
            page.set_viewport_size({"width": width, "height": 740})
            over = page.evaluate(WIDER)
            told += [f"{width} px: {over} px too wide"] if over > 0 else []
        told += [f"small at 360 px {one}" for one in page.evaluate(SMALL)]
        dark.goto(path)
        assert dark.locator("html").get_attribute("data-bs-theme") == "dark"
        told += [f"dark {one}" for one in violations(dark)]
        if told:
            wrong[path] = told
    assert wrong == {}
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
