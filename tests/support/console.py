"""A browser without a window: cookies, forms with their token, and the answers of the console's pages."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from pathlib import Path

from fastapi import FastAPI
from httpx2 import Response
from people import PASSWORD
from starlette.testclient import TestClient

from analytics.jobs import job_kinds
from config import Database
from config.clock import Clock
from config.secrets import KeyRing
from config.settings import load_settings
from meizhen.campaign_job import CampaignReport
from organisation.job_runner import JobRunner, Tools
from scheduler.watch import Watch, Watchman
from web import create_app

_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


class Console:
    """One browser of one person."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.token = ""

    def get(self, path: str, **headers: str) -> "Answer":
        answer = Answer(self.client.get(path, headers=headers))
        self.token = answer.token or self.token
        return answer

    def post(
        self, path: str, values: Mapping[str, str | list[str]] | None = None, **headers: str
    ) -> "Answer":
        """Sends a form as the page that was seen last would; follows to the page after it."""
        if not self.token:
            self.get("/login")
        form: dict[str, str | list[str]] = {"_token": self.token, **(values or {})}
        answer = Answer(self.client.post(path, data=form, headers=headers))
        self.token = answer.token or self.token
        return answer

    def sign_in(self, login: str, password: str = PASSWORD, **more: str) -> "Answer":
        self.get("/login")
        return self.post("/login", {"login": login, "password": password, **more})


class Answer:
    """An answer, its status and its text as a reader sees it."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self.status = response.status_code
        self.path = response.url.path
        self.html = response.text
        found = _TOKEN.search(self.html)
        self.token = found[1] if found else ""

    @property
    def words(self) -> str:
        """The text without tags, in one line."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.html)).split())


class Consoles:
    """The app of one node, and as many browsers as a test needs."""

    def __init__(
        self, database: Database, keys: KeyRing, clock: Clock, home: Path, *, demo: bool, proxies: str = ""
    ) -> None:
        watchman = Watchman(
            database, clock, Watch(), patience=timedelta(seconds=60), tick=timedelta(seconds=1)
        )
        self.woken = 0
        self.app = create_app(
            settings=load_settings({"MEIZHEN_HOME": str(home), "MEIZHEN_TRUSTED_PROXIES": proxies}),
            database=database,
            keys=keys,
            clock=clock,
            watchman=watchman,
            wake=self._wake,
            demo=demo,
        )

    def _wake(self) -> None:
        self.woken += 1

    def do_jobs(self) -> int:
        """Does the background jobs that wait, here and now, as a node would; gives how many."""
        desk = self.inner.state.desk
        tools = Tools(desk.settings, desk.database, desk.keys, desk.clock)
        report = CampaignReport(tools)
        kinds = {
            **job_kinds(desk.settings, desk.database, desk.keys, desk.clock),
            report.name: report,
        }
        runner = JobRunner(
            desk.database, desk.keys, desk.clock, kinds, desk.settings.jobs_folder, node="test"
        )
        done = 0
        while runner.run_next():
            done += 1
        return done

    @property
    def inner(self) -> FastAPI:
        """The app within what is around it."""
        app = self.app
        while not isinstance(app, FastAPI):
            app = app.app  # type: ignore[attr-defined]
        return app

    def browser(self, address: str = "http://127.0.0.1:8765", seen_as: str = "testclient") -> Console:
        """A browser that asks for `address`; the server sees the connection come from `seen_as`."""
        client = TestClient(
            self.app, base_url=address, raise_server_exceptions=False, client=(seen_as, 50000)
        )
        return Console(client)

    def signed_in(self, login: str) -> Console:
        console = self.browser()
        answer = console.sign_in(login)
        assert answer.path == "/", answer.words
        return console


@contextmanager
def consoles(
    database: Database, keys: KeyRing, clock: Clock, home: Path, *, demo: bool = False, proxies: str = ""
) -> Iterator[Consoles]:
    yield Consoles(database, keys, clock, home, demo=demo, proxies=proxies)
