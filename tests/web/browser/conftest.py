"""A real browser at a real address: skipped, with the reason, where there is no Chromium or nothing was built."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_house import DeskHouse, desk_house
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from config import ManualClock
from config.database import connect
from config.secrets import KeyRing
from web.assets import built_assets
from web.serving import listen, serving

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_PATIENCE = 60_000  # milliseconds; the machine may have other things to do


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium, started once."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: install the package chromium")
    if not built_assets().built:
        pytest.skip("the console's files are not built: make web")
    with sync_playwright() as playwright:
        sandbox = [] if os.getuid() else ["--no-sandbox"]  # Chromium refuses its sandbox to root
        browser = playwright.chromium.launch(executable_path=path, args=sandbox)
        yield browser
        browser.close()


class Live:
    """The newsroom's console at an address; every person has a browser window of their own."""

    def __init__(self, house: DeskHouse, address: str, browser: Browser) -> None:
        self.house = house
        self.address = address
        self.browser = browser
        self._open: list[BrowserContext] = []

    def window(self, width: int = 1440, height: int = 900, *, locale: str = "zh-CN") -> Page:
        """An empty window of somebody who reads Chinese and is not signed in."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            base_url=self.address,
            locale=locale,
            timezone_id="Asia/Shanghai",
        )
        context.add_cookies([{"name": "meizhen-language", "value": "zh", "url": self.address}])
        context.set_default_timeout(_PATIENCE)
        self._open.append(context)
        return context.new_page()

    def signed_in(self, login: str, width: int = 1440, height: int = 900) -> Page:
        """A window of somebody who is signed in already."""
        page = self.window(width, height)
        token = self.house.session(login)
        page.context.add_cookies([{"name": "meizhen-session", "value": token, "url": self.address}])
        return page

    def close(self) -> None:
        for context in self._open:
            context.close()


@pytest.fixture
def live(
    chromium: Browser, _sqlite_template: Path, tmp_path: Path, keys: KeyRing, clock: ManualClock
) -> Iterator[Live]:
    shutil.copy(_sqlite_template, tmp_path / "live.sqlite")
    database = connect(f"sqlite:///{tmp_path / 'live.sqlite'}")
    with (
        desk_house(database, keys, clock, tmp_path) as house,
        serving(house.there.app, listen("127.0.0.1", 0)) as address,
    ):
        made = Live(house, address, chromium)
        yield made
        made.close()
    database.close()
