"""The house that the pages of the documentation speak of: units, people, accounts, posts and files.

A page's numbers are the house's own: where it goes on to write post 12, there were eleven before.
"""

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import responses
from command import Said
from people import make_person
from PIL import Image
from raw_server import Authority
from scenery import make_node, run_until_idle
from smtp_site import mail_site
from sqlalchemy import text
from sqlmodel import SQLModel
from web_node import WebNode, web_node
from weeks import know_wechat

from analytics.figures import ArticleFact, ArticleFigure, source_id, store_articles, store_snapshots
from analytics.reports.robots import Kind, add_robot, parse_key
from config import ManualClock
from config.settings import load_settings
from config.table_files import read_table
from meizhen.house import House, make_house, open_house
from organisation import Account, Role, Unit, add_account, find_account, find_unit, import_units
from sandbox.doubles import doubles
from sandbox.world import SandboxAccount
from scheduler.campaign_tables import Campaign
from scheduler.posts import Post

if TYPE_CHECKING:
    from conftest import RunningSandbox

ROOT = Path(__file__).parents[2]
UNITS = """code,parent,kind,name_zh
NM,,region,内蒙古
NM-HH,NM,league,呼和浩特
NM-BT,NM,league,包头
NM-CF,NM,league,赤峰
"""
WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=0123456789abcdef-0123"
STORY = "五四青年节,我们在草原。\n\n十二所高校同日启动志愿周。\n"


def beijing(told: str) -> datetime:
    return datetime.fromisoformat(f"{told}+08:00").astimezone(UTC)


def newest(pattern: str, screen: str) -> str:
    """What stands last on the screen of what looks so; its group, where it has one."""
    found = list(re.finditer(pattern, screen))
    assert found, f"nothing on the screen looks like {pattern}: {screen[-500:]}"
    return found[-1][found[-1].lastindex or 0]


def made_home(folder: Path, template: Path) -> Path:
    """A house with its units and nothing else, since the first day of 2025."""
    home, clock = folder / "home", ManualClock(beijing("2025-01-01 09:00"))
    home.mkdir(mode=0o700)
    shutil.copy(template, home / "meizhen.sqlite")
    (folder / "units.csv").write_text(UNITS, "utf-8")
    settings = load_settings({"MEIZHEN_HOME": str(home)})
    make_house(settings, clock)
    with open_house(settings, clock) as house, house.database.write() as session:
        import_units(session, house.keys, read_table(folder / "units.csv"), at=clock.now(), actor="test")
    return home


@dataclass
class PageHouse:
    """An installed house with the units NM, NM-HH, NM-BT and NM-CF, and the folder that its reader works in.

    `places` are what a page can only give an example of, with what it is here. `copied` are patterns of what
    a reader copies from the `screen`, on which stands all that was shown. `typed` is what is typed at
    prompts, in order, perhaps after a look at the screen. `meanwhile` is what happens before the first
    command that begins so.
    """

    page: str
    folder: Path
    sandbox: "RunningSandbox"
    clock: ManualClock
    run: Callable[..., Said]
    patch: pytest.MonkeyPatch
    stack: ExitStack
    places: dict[str, str] = field(default_factory=dict)
    copied: dict[str, str] = field(default_factory=dict)
    typed: list[str | Callable[[str], str]] = field(default_factory=list)
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    screen: str = ""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @contextmanager
    def opened(self) -> Iterator[House]:
        with open_house(load_settings(), self.clock) as house:
            yield house

    def at(self, told: str) -> None:
        """It is that time in Beijing, here and at the platforms."""
        self.clock.move_to(beijing(told))
        self.sandbox.world.move_to(self.clock.now())

    def service(self, patience: timedelta = timedelta(0)) -> None:
        """A node publishes what is due, and waits so long for what follows."""
        with self.opened() as house:
            node = make_node(house.database, house.keys, self.clock, house.media_folder)
            run_until_idle(node, patience)

    def node(self) -> WebNode:
        """A service that has looked around once."""
        house = self.stack.enter_context(self.opened())
        node = self.stack.enter_context(web_node(house.database, house.keys, self.clock, self.home))
        run_until_idle(node.dispatcher, timedelta(0))
        node.watchman.look()
        return node

    def at_the_double(self, name: str, platform: str) -> None:
        """An account that a page has registered is one of the double's, not of the real platform's."""
        with self.opened() as house, house.database.write() as session:
            find_account(session, name).api_base = f"{self.sandbox.url}/{platform}"

    # --- who is there -------------------------------------------------------------------------------------

    def person(self, login: str, *roles: Role, unit: str | None = "NM") -> None:
        """Somebody of NM who is present, with roles at a unit (None: everywhere)."""
        with self.opened() as house:
            with house.database.read() as session:
                home, place = find_unit(session, "NM"), find_unit(session, unit) if unit else None
            given: dict[Role, Unit | None] = dict.fromkeys(roles, place)
            make_person(house.database, house.keys, login, at=self.clock.now(), unit=home, roles=given)

    def account(self, platform: str, handle: str, unit: str = "NM", name: str = "青春号") -> Account:
        """An account here that is one at the platform's double, too."""
        values = self.known_there(platform, handle) | {"unit": unit, "name": name, "track": "league"}
        with self.opened() as house, house.database.write() as session:
            return add_account(session, house.keys, values, at=self.clock.now(), actor="test")

    def known_there(self, platform: str, handle: str) -> dict[str, str]:
        """An account of the platform's double, as an accounts file would have it."""
        site: SandboxAccount = doubles()[platform].example(self.sandbox.world, handle)
        facts = {"handle": handle, "platform": platform, "filed": "2024-06-30", "verified": "yes"}
        return facts | {"api_base": f"{self.sandbox.url}/{platform}"} | site.credentials

    def posts_are_from(self, number: int) -> None:
        """The next post has this number."""
        now = self.clock.now()
        self.before(Post(id=number - 1, title="早先", text="早先", created_at=now, created_by="test"))

    def campaign(self, number: int, starts: date, ends: date) -> None:
        """A campaign of NM with this number."""
        now = self.clock.now()
        row = Campaign(
            id=number, unit_id=1, title="学雷锋", starts=starts, ends=ends, created_at=now, created_by="test"
        )
        self.before(row)

    def before(self, row: SQLModel) -> None:
        """What was there before: the next of its kind has the next number."""
        with self.opened() as house, house.database.write() as session:
            session.add(row)

    def renumber(self, table: str, by: int) -> None:
        """As if there had been so many before."""
        with self.opened() as house, house.database.write() as session:
            session.execute(text(f"UPDATE {table} SET id = id + {by}"))  # noqa: S608 - a test's own word

    # --- what is there ------------------------------------------------------------------------------------

    def file(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.write_text(content, "utf-8")
        return path

    def block(self, kind: str, name: str) -> None:
        """The page's first block of that kind as a file."""
        text = (ROOT / self.page).read_text("utf-8")
        found = re.search(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        assert found is not None
        self.file(name, found[1])

    def pictures(self, *names: str) -> None:
        for name in names:
            Image.new("RGB", (1880, 1000), "teal").save(self.folder / name)

    def reads(self, account: Account, told: Sequence[tuple[date, int]], more: Sequence[str] = ()) -> None:
        """Articles of these days whose reads after a week are these; of other figures a tenth as many."""
        with self.opened() as house:
            know_wechat(house.database)
            with house.database.write() as session:
                facts = [
                    ArticleFact(f"{number}", f"{day} 的文章", "", self.clock.now(), day, 1)
                    for number, (day, _) in enumerate(told)
                ]
                ids = store_articles(session, account.known_id, facts)
                figures = [
                    ArticleFigure(ids[f"{number}"], name, day + timedelta(days=7), value // share)
                    for number, (day, value) in enumerate(told)
                    for name, share in (("read_people", 1), *((one, 10) for one in more))
                ]
                source = source_id(session, "api", "wechat articles", self.clock.now())
                store_snapshots(session, source, self.clock.now(), figures)

    # --- where things go ----------------------------------------------------------------------------------

    @cached_property
    def site(self) -> responses.RequestsMock:
        """The internet, as far as it answers."""
        mock = responses.RequestsMock(assert_all_requests_are_fired=False)
        mock.add_passthru("http://127.0.0.1")
        return self.stack.enter_context(mock)

    def mail(self, *, login: bool = False) -> None:
        """A mail server that takes everything; where it wants a login, its certificate is trusted."""
        authority = Authority(self.folder)
        site = mail_site(tls=authority.server() if login else None, login=login)
        self.patch.setenv("SSL_CERT_FILE", str(authority.bundle))
        self.patch.setenv("MEIZHEN_SMTP_HOST", "127.0.0.1")
        self.patch.setenv("MEIZHEN_SMTP_PORT", str(self.stack.enter_context(site).port))
        if not login:
            self.patch.setenv("MEIZHEN_SMTP_FROM", "reports@unit.cn")
            self.patch.setenv("MEIZHEN_SMTP_SECURITY", "none")

    def robot(self, name: str) -> None:
        with self.opened() as house, house.database.write() as session:
            key = parse_key(Kind.WECOM, WECOM)
            add_robot(session, house.keys, name, key, now=self.clock.now(), actor="test")


Prepare = Callable[[PageHouse], None]
PREPARED: dict[str, Prepare] = {}


def house_of(page: str) -> Callable[[Prepare], Prepare]:
    """The preparation of this page's house."""

    def note(prepare: Prepare) -> Prepare:
        PREPARED[page] = prepare
        return prepare

    return note
