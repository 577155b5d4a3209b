"""The pictures of the README: `make screenshots`. They are what the demo shows, at its own time.

    python docs/screenshots.py [DEMO_FOLDER]

Runs the demo in a temporary folder (some minutes), or takes the folder of one that has run; signs in as its
owner and writes today, writing, calendar and award, as far as these pages exist, into docs/images/.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sqlmodel import select

from config.clock import SHANGHAI, Clock, SystemClock
from config.settings import load_settings
from meizhen.demo.newsroom import open_newsroom
from meizhen.demo.run import demo
from meizhen.house import House, open_house
from organisation import Person
from organisation.sessions import open_session
from scheduler.watch import Watch, Watchman
from web import create_app
from web.serving import listen, serving

IMAGES = Path(__file__).with_name("images")
ROOMS = {
    "today": "/",
    "writing": "/posts/new",
    "calendar": "/calendar",
    "award": "/awards/most-influential-2026",
}
SIZE = (1280, 800)
MOST_BYTES = 250_000
LOGIN = "zhuren"
ENDED = datetime(2027, 1, 10, 9, 0, tzinfo=SHANGHAI)  # when the demo's year is over and its award is known
_COLOURS = 256  # flat surfaces and letters: nobody sees it, and the file is a third
_BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


@contextmanager
def demo_house(finished: Path | None, folder: Path) -> Iterator[tuple[House, Clock]]:
    """The house of a demo at its end; of one that has run already, a copy."""
    if finished is None:
        with demo(folder / "demo", lambda name, done, of: None) as (_, house, clock):
            yield house, clock
        return
    home = folder / "home"
    shutil.copytree(finished / "home", home)
    clock = SystemClock(ahead=ENDED - datetime.now(UTC))
    with open_house(load_settings({"MEIZHEN_HOME": str(home)}), clock) as house:
        yield house, clock


@contextmanager
def answering(house: House, clock: Clock) -> Iterator[str]:
    """The console of the house at an address; nothing is published meanwhile."""
    patience = timedelta(minutes=1)
    app = create_app(
        settings=house.settings,
        database=house.database,
        keys=house.keys,
        clock=clock,
        watchman=Watchman(house.database, clock, Watch(), patience=patience, tick=timedelta(seconds=1)),
        wake=lambda: None,
        demo=True,
    )
    with serving(app, listen("127.0.0.1", 0)) as address:
        yield address


def session_of(house: House, clock: Clock) -> str:
    """A session of the demo's head, who sees every room; the newsroom is opened where it is not yet."""
    wanted = select(Person).where(Person.login == LOGIN)
    with house.database.read() as session:
        there = session.exec(wanted).one_or_none()
    if there is None:
        open_newsroom(house)
    with house.database.write() as session:
        return open_session(session, session.exec(wanted).one(), at=clock.now(), address="127.0.0.1")


def write_something(page: Page) -> None:
    """An empty form shows little: a story for some accounts, until its preview stands beside it."""
    page.get_by_label("标题", exact=True).fill("冰雪那达慕志愿者招募")
    told = "冰雪那达慕志愿者开始招募,18 至 35 岁、会汉语或蒙古语的青年都可以报名。"
    told += "\n\n名额 200 人,统一培训、统一保险,包食宿。"
    with page.expect_response("**/posts/compose"):
        page.get_by_label("正文(母稿)").fill(told)
        for account in page.locator('input[name="account"]').all()[:6]:
            account.check()
    page.wait_for_load_state("networkidle")
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")


def take(page: Page, name: str) -> str:
    """The window as a picture that fits into the README; gives what to say of it."""
    file = IMAGES / f"{name}.png"
    page.screenshot(path=file, animations="disabled", caret="hide")
    with Image.open(file) as picture:
        small = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    small.save(file, optimize=True)
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise SystemExit(f"{file.name}: expected at most {MOST_BYTES} bytes, got {size}")
    return f"{file.name} {size} bytes"


def main() -> None:
    finished = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
    browser_path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser_path is None:
        raise SystemExit("no Chromium on this machine: install the package chromium")
    with (
        TemporaryDirectory(prefix="meizhen-pictures-") as name,
        demo_house(finished, Path(name)) as (house, clock),
        answering(house, clock) as address,
        sync_playwright() as playwright,
    ):
        sandbox = [] if os.getuid() else ["--no-sandbox"]  # Chromium refuses its sandbox to root
        browser = playwright.chromium.launch(executable_path=browser_path, args=sandbox)
        context = browser.new_context(
            viewport={"width": SIZE[0], "height": SIZE[1]},
            base_url=address,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
        )
        token = session_of(house, clock)
        context.add_cookies(
            [
                {"name": "meizhen-session", "value": token, "url": address},
                {"name": "meizhen-language", "value": "zh", "url": address},
            ]
        )
        page = context.new_page()
        for picture, path in ROOMS.items():
            answer = page.goto(path, wait_until="networkidle")
            if answer is None or answer.status != 200:
                sys.stderr.write(f"{picture}: there is no {path} yet\n")
                continue
            if picture == "writing":
                write_something(page)
            sys.stdout.write(f"{take(page, picture)}\n")
        browser.close()


if __name__ == "__main__":
    main()
