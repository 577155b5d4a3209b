"""`meizhen account authorise`, from the callback over HTTP to a post that leaves without any secret."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from command import Said, command
from scenery import COVER, make_account, make_node, queue_posts, run_until_idle
from sqlmodel import select
from web_node import WebNode, web_node

from config import Database
from config.database import clock_of
from config.secrets import KeyRing
from organisation import Account
from organisation.credentials import open_credentials
from sandbox.platforms import _wechat_component as office
from sandbox.platforms._wechat_events import EventPost
from sandbox.world import SandboxAccount, World
from scheduler.media import store_media

Run = Callable[..., Said]
COMPONENT = {
    "component_appid": "wx00000000000000c0",
    "component_appsecret": "0123456789abcdef0123456789abcdef",
    "callback_token": "officeToken01",
    "encoding_aes_key": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq",
}
APPID = "wx00000000000000a1"
OFFICE = "wechat_thirdparty:office"


@pytest.fixture(params=["sqlite"])
def database_address(request: pytest.FixtureRequest, tmp_path: Path, _sqlite_template: Path) -> str:
    """One database: no SQL of its own is tested here."""
    path = tmp_path / "meizhen.sqlite"
    path.write_bytes(_sqlite_template.read_bytes())
    return f"sqlite:///{path}"


class Scene:
    """The office's account here and there, one university, and a node that hears callbacks."""

    def __init__(self, world: World, node: WebNode) -> None:
        self.world, self.node = world, node
        keys = {"token": COMPONENT["callback_token"], "aes_key": COMPONENT["encoding_aes_key"]}
        self.component = world.add_account(
            SandboxAccount("wechat", "office", dict(COMPONENT), {"callback": keys})
        )
        self.university = world.add_account(SandboxAccount("wechat", "nm", {"appid": APPID}))

    def hear(self, post: EventPost, code: int = 200) -> None:
        told = self.node.post("/callback/wechat_thirdparty/office", params=post.query, data=post.body)
        assert told.status_code == code
        assert told.text == ("success" if code == 200 else "")


@pytest.fixture
def scene(
    sandbox: Any,
    database: Database,
    keys: KeyRing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    database_address: str,
) -> Iterator[Scene]:
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path))
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", database_address)
    (tmp_path / "media").mkdir()
    sandbox.world.reset(now=datetime.now(UTC), real_time=True)
    base = f"{sandbox.url}/wechat"
    make_account(database, keys, "wechat_thirdparty", "office", api_base=base, credentials=COMPONENT)
    with web_node(database, keys, clock_of(database), tmp_path) as node:
        yield Scene(sandbox.world, node)


@pytest.fixture
def run(scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return command(monkeypatch, capsys)


def test_a_scan_connects_an_account_that_then_publishes(
    run: Run, scene: Scene, database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    link = ("account", "authorise", OFFICE, "--unit", "NM", "--site", "https://m.edu.cn/")
    assert "ticket" in run(*link, code=1).err
    scene.hear(office.push_ticket(scene.world, scene.component))
    said = run(*link, "--qr", tmp_path / "scan.svg")
    assert "componentloginpage" in said.out and "until" in said.err
    assert b"<svg" in (tmp_path / "scan.svg").read_bytes()
    preauth = said.out.partition("pre_auth_code=")[2].partition("&")[0].replace("%40", "@")
    assert "No authorisation waits" in run("account", "authorise", OFFICE, "--heard").out
    _, post = office.authorise(scene.world, scene.component, scene.university, preauth)
    scene.hear(post)
    # The unit is the one that was named with the link.
    assert f"wechat:{APPID}" in run("account", "authorise", OFFICE, "--heard").out
    (row,) = run("account", "list", "--platform", "wechat", "--json").json()
    assert (row["name"], row["unit"], row["verified"]) == ("账号nm", "NM", True)
    with database.read() as session:
        account = session.exec(select(Account).where(Account.handle == APPID)).one()
        assert open_credentials(session, keys, account).keys() == {"appid", "kind"}
    run("account", "check", f"wechat:{APPID}")
    assert run("ledger", "list", "--json").json()[0]["act"] == "account.authorise"
    _publish(database, keys, account, tmp_path)
    assert run("post", "list", "--json").json()[0]["state"] == "published"
    code, post = office.authorise(scene.world, scene.component, scene.university)
    assert "again" in run("account", "authorise", OFFICE, "--code", code).out


def _publish(database: Database, keys: KeyRing, account: Account, folder: Path) -> None:
    clock = clock_of(database)
    picture = folder / "cover.jpg"
    picture.write_bytes(COVER)
    with database.write() as session:
        kept = store_media(session, folder, picture, now=clock.now())
    queue_posts(database, account, ["正文"], due=clock.now(), media=[kept.sha256])
    run_until_idle(make_node(database, keys, clock, folder))


def test_a_withdrawn_account_is_told_and_a_lost_token_recovered(run: Run, scene: Scene) -> None:
    scene.hear(office.push_ticket(scene.world, scene.component))
    code, _ = office.authorise(scene.world, scene.component, scene.university)
    run("account", "authorise", OFFICE, "--code", code, "--unit", "NM")
    office.renew_refresh(scene.world, scene.component, APPID)
    assert "1 accounts" in run("account", "authorise", OFFICE, "--recover").out
    run("account", "check", f"wechat:{APPID}")
    gone = office.withdraw(scene.world, scene.component, scene.university)
    scene.hear(gone)
    assert "scan" in run("account", "check", f"wechat:{APPID}", code=1).out
    assert f"wechat:{APPID}" in run("account", "authorise", OFFICE, "--recover", code=1).err
    forged = EventPost({**gone.query, "msg_signature": "0" * 40}, gone.body)
    scene.hear(forged, code=403)


def test_mistakes_change_nothing(run: Run, scene: Scene, database: Database, keys: KeyRing) -> None:
    make_account(database, keys, "webhook", "us", api_base="http://127.0.0.1:9")
    run("account", "authorise", OFFICE, code=1)
    run("account", "authorise", "webhook:us", "--heard", code=1)
    run("account", "authorise", OFFICE, "--site", "https://m.edu.cn/", "--unit", "nowhere", code=1)
    scene.hear(office.push_ticket(scene.world, scene.component))
    assert "61009" in run("account", "authorise", OFFICE, "--code", "x", "--unit", "NM", code=1).err
    code, _ = office.authorise(scene.world, scene.component, scene.university)
    assert "账号nm" in run("account", "authorise", OFFICE, "--code", code, code=1).err
    make_account(database, keys, "wechat", APPID)
    code, _ = office.authorise(scene.world, scene.component, scene.university)
    assert "of its own" in run("account", "authorise", OFFICE, "--code", code, "--unit", "NM", code=1).err
    assert len(run("account", "list", "--json").json()) == 3
