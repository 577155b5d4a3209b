"""A real browser at a real address: skipped, with the reason, where one of the two is not there."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_house import desk_house
from live_console import PATIENCE, Live
from playwright.sync_api import Browser, expect, sync_playwright

from config import ManualClock
from config.database import connect
from config.secrets import KeyRing
from web.assets import built_assets
from web.serving import listen, serving

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium, started once a file: Playwright's loop runs in this thread as long as it lives,
    and no test of another file could run a loop of its own."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: install the package chromium")
    if not built_assets().built:
        pytest.skip("the console's files are not built: make web")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        sandbox = [] if os.getuid() else ["--no-sandbox"]  # Chromium refuses its sandbox to root
        browser = playwright.chromium.launch(executable_path=path, args=sandbox)
        yield browser
        browser.close()


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
