"""What every platform must do, whatever it is: one suite over all of them, unedited when one is added.

A platform's double, `sandbox/platforms/<platform>.py`, gives `example(world, handle) -> SandboxAccount`: a
working account whose `credentials` are those of its connector. A post of this suite has a title, a text with
a link to www.example.org, and a picture where one is required.
"""

import json
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from access import MemoryStore, make_access

from config import ManualClock
from connectors import (
    Access,
    ArticleFigures,
    Connector,
    ConnectorError,
    Figures,
    Kind,
    Label,
    Limits,
    Media,
    NeedsPerson,
    Outgoing,
    Receipt,
    ReceiptState,
    Reconcile,
    Refused,
    Uncertain,
    Unit,
    Unreachable,
    connector_for,
    platforms,
)
from sandbox.faults import KINDS
from sandbox.world import Fault, Published, World

LINK = "https://www.example.org/a/1"
OVERRIDES = {
    "publish": "publish",
    "settle": "settle",
    "find": "find",
    "articles": "articles",
    "account_day": "account_day",
    "assisted": "publish",
    "callback": "callback",
}
# Faults that the true answer survives, or that only take time.
HARMLESS = frozenset({"bom"})
VALUES = {"hang": "60", "slow_bytes": "60", "gzip_bomb": "20", "redirect": "/", "redirect_307": "/"}

every_platform = pytest.mark.parametrize("platform", platforms())
# What a platform without an interface only declares, a person does: there is no call that could fail.
_BY_HAND = [name for name in platforms() if connector_for(name).capabilities == {"assisted"}]
_CALLED = [name for name in platforms() if name not in _BY_HAND]
every_platform_by_hand = pytest.mark.parametrize("platform", _BY_HAND)
every_called_platform = pytest.mark.parametrize("platform", _CALLED)
every_platform_with_a_key = pytest.mark.parametrize(
    "platform", [name for name in _CALLED if connector_for(name).reconcile is Reconcile.KEY]
)


@pytest.fixture
def connector(platform: str) -> Connector:
    return connector_for(platform)


# Declarations.


def bilingual(label: Label) -> bool:
    return bool(re.search("[\u4e00-\u9fff]|^[A-Za-z]+$", label.zh)) and bool(re.search("[A-Za-z]", label.en))


@every_platform
def test_it_is_declared_in_both_languages(connector: Connector) -> None:
    labels = [connector.label, *(field.label for field in connector.credential_fields)]
    assert all(bilingual(label) for label in [*labels, *connector.options.values()])


@every_platform
def test_its_credential_fields_make_a_form(connector: Connector) -> None:
    names = [field.name for field in connector.credential_fields]
    assert len(set(names)) == len(names)
    for field in connector.credential_fields:
        assert re.fullmatch("[a-z][a-z0-9_]{0,39}", field.name)
        re.compile(field.pattern)
        assert not field.pattern or not re.fullmatch(field.pattern, "令牌\r\nX: y")


@every_platform
def test_its_metrics_have_unit_and_kind_and_are_named_once(connector: Connector) -> None:
    names = [(metric.level, metric.name) for metric in connector.metrics]
    assert len(set(names)) == len(names)
    for metric in connector.metrics:
        assert re.fullmatch("[a-z][a-z0-9_]{0,39}", metric.name)
        assert metric.level in ("article", "account")
        assert isinstance(metric.unit, Unit)
        assert isinstance(metric.kind, Kind)
    levels = {"articles": "article", "account_day": "account"}
    told = {levels[name] for name in connector.capabilities & levels.keys()}
    assert {metric.level for metric in connector.metrics} == told


@every_platform
def test_its_limits_are_sane(connector: Connector) -> None:
    limits = connector.limits
    assert isinstance(limits, Limits)
    for number in (limits.title_length, limits.text_length, limits.picture_bytes):
        assert number is None or number > 0
    assert limits.count_text("") == 0
    assert limits.count_text("青年") > 0
    assert limits.pictures >= limits.picture_required
    assert bool(limits.picture_types) == (limits.pictures > 0)
    assert all(kind.startswith("image/") for kind in limits.picture_types)


@every_platform
def test_what_it_can_do_it_overrides_and_no_more(connector: Connector) -> None:
    assert "publish" in connector.capabilities or connector.capabilities == {"assisted"}
    assert connector.capabilities <= OVERRIDES.keys()
    for capability, method in OVERRIDES.items():
        overridden = getattr(type(connector), method) is not getattr(Connector, method)
        if capability != "assisted" and connector.capabilities != {"assisted"}:
            assert overridden == (capability in connector.capabilities), capability


@every_platform
def test_its_times_are_sane(connector: Connector) -> None:
    assert isinstance(connector.reconcile, Reconcile)
    assert list(connector.looks) == sorted(connector.looks)
    assert all(seconds > 0 for seconds in (*connector.looks, *connector.polls))
    assert connector.settle_hours > 0
    assert connector.default_api_base == "" or connector.default_api_base.startswith("https://")


@every_platform
def test_what_it_hands_to_a_person_it_says_all_about(connector: Connector) -> None:
    assert (connector.assistance is not None) == ("assisted" in connector.capabilities)
    if connector.assistance is None:
        return
    told = connector.assistance
    assert all(bilingual(label) for label in (told.where, *told.checklist))
    assert told.checklist
    assert told.longest_edge is None or told.longest_edge > 0
    base = connector.default_api_base or "https://bbs.example.edu.cn/club"
    good = told.example or f"{base}/t/1"
    assert told.pasted(f" {good}\n", base) is not None
    host = good.split("/")[2]
    for bad in (
        "",
        base,
        "https://www.example.org/a/1",
        f"https://{host}.evil.example/p/1",
        f"https://evil.example/{good}",
        f"https://evil.example/?{good}",
        f"javascript:{good}",
        f"https://user@{host}@evil.example/a",
        f"{good}\r\nX: y",
        f"{good} {good}",
        good + "x" * 1000,
    ):
        assert told.pasted(bad, base) is None, bad


@every_platform_by_hand
def test_handing_over_calls_nobody(connector: Connector, clock: ManualClock, tmp_path: Path) -> None:
    access = make_access(
        connector.platform, "league", credentials={}, api_base="http://127.0.0.1:9", now=clock.now
    )
    assert connector.credential_fields == ()
    assert all(finding.fine for finding in connector.check(access))
    receipt = connector.publish(access, _post(connector.limits, tmp_path))
    assert receipt.state is ReceiptState.HANDED_OVER
    assert receipt.note is not None and bilingual(receipt.note)


# Against the double.


class Stage:
    """One working account at one platform's double."""

    def __init__(self, platform: str, sandbox: Any, clock: ManualClock, folder: Path) -> None:
        self.connector = connector_for(platform)
        self.world: World = sandbox.world
        self.clock = clock
        self.account = _example(platform)(self.world, "league")
        self.access = make_access(
            platform,
            "league",
            credentials=self.account.credentials,
            api_base=f"{sandbox.url}/{platform}",
            now=clock.now,
        )
        self.post = _post(self.connector.limits, folder)

    def move(self, step: timedelta) -> None:
        self.clock.move_to(self.clock.now() + step)
        self.world.move_to(self.clock.now())

    def publish(self, access: Access | None = None) -> Receipt:
        return self.connector.publish(access or self.access, self.post)

    def impatient(self) -> Access:
        """The same account without anything remembered, and with half a second for a call."""
        access = make_access(
            self.access.http.platform,
            self.access.handle,
            credentials=self.access.credentials,
            api_base=self.access.api_base,
            now=self.clock.now,
            seconds=0.5,
        )
        return replace(access, memory=MemoryStore(self.clock.now))

    def publications(self) -> list[Published]:
        found = self.world.of(self.account.platform, self.account.account)
        return [item for item in found if not item.extra.get("by_hand")]

    def secrets(self) -> list[str]:
        """What no error may show: the secret credentials, and what the connector keeps for itself."""
        secret = {field.name for field in self.connector.credential_fields if field.secret}
        return [value for name, value in self.access.credentials.items() if name in secret]


def _example(platform: str) -> Callable[[World, str], Any]:
    double = import_module(f"sandbox.platforms.{platform}")
    if not hasattr(double, "example"):
        pytest.fail(f"sandbox/platforms/{platform}.py gives no example(world, handle) -> SandboxAccount")
    made: Callable[[World, str], Any] = double.example
    return made


def _post(limits: Limits, folder: Path) -> Outgoing:
    picture = _picture(folder) if limits.picture_required else ()
    return Outgoing(
        key="conformance-1", seq=1, title="青年志愿周", text=f"十二所高校同日启动 {LINK}", media=picture
    )


def _picture(folder: Path) -> tuple[Media, ...]:
    """A real PNG of 32 × 32 points."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * 96) * 32)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    path = folder / "cover.png"
    path.write_bytes(png)
    return (Media(path, sha256(png).hexdigest(), "image/png", "cover.png"),)


@pytest.fixture
def stage(platform: str, sandbox: Any, clock: ManualClock, tmp_path: Path) -> Stage:
    return Stage(platform, sandbox, clock, tmp_path)


@every_called_platform
def test_the_example_fits_the_form_and_the_check_is_fine(stage: Stage) -> None:
    fields = {field.name: field for field in stage.connector.credential_fields}
    assert stage.access.credentials.keys() <= fields.keys()
    for name, field in fields.items():
        value = stage.access.credentials.get(name)
        assert value or not field.required, name
        assert not value or re.fullmatch(field.pattern or ".*", value), name
    assert stage.connector.problems(stage.post) == ()
    findings = stage.connector.check(stage.access)
    assert findings
    assert all(finding.fine for finding in findings)


@every_called_platform
def test_a_post_is_published_accepted_or_handed_over(stage: Stage) -> None:
    receipt = stage.publish()
    if receipt.state is ReceiptState.ACCEPTED:
        stage.move(timedelta(hours=stage.connector.settle_hours / 2))
        receipt = stage.connector.settle(stage.access, receipt)
    assert receipt.state in (ReceiptState.PUBLISHED, ReceiptState.HANDED_OVER)
    assert receipt.remote_id
    assert receipt.url.startswith(("https://", "http://")) or not receipt.url
    assert json.loads(json.dumps(dict(receipt.detail))) == receipt.detail
    if receipt.state is ReceiptState.PUBLISHED:
        assert len(stage.publications()) == 1


@every_called_platform
def test_a_published_post_is_found_and_another_is_not(stage: Stage) -> None:
    if "find" not in stage.connector.capabilities:
        pytest.skip("cannot be asked")
    since = stage.clock.now()
    absent = replace(stage.post, key="conformance-2", title="另一篇", text=f"另一篇 {LINK}")
    stage.publish()
    stage.move(timedelta(minutes=10))
    found = stage.connector.find(stage.access, stage.post, since)
    assert found is not None
    try:
        assert stage.connector.find(stage.access, absent, since) is None
    except Uncertain:
        assert stage.connector.reconcile in (Reconcile.LIST, Reconcile.NONE)


@every_platform_with_a_key
def test_the_same_key_twice_is_one_publication(stage: Stage) -> None:
    assert stage.publish() == stage.publish()
    assert len(stage.publications()) == 1


@every_called_platform
def test_an_answer_lost_at_any_call_is_never_taken_for_refused_or_published(stage: Stage) -> None:
    stage.publish()
    calls = sum(stage.world.calls.values())
    assert calls > 0
    for spared in range(calls):
        stage.world.reset(now=stage.clock.now())
        _example(stage.connector.platform)(stage.world, "league")
        stage.world.set_faults(Fault("cut_after", after=spared, times=1))
        try:
            receipt = stage.publish(stage.impatient())
        except ConnectorError as error:
            assert not isinstance(error, (Refused, NeedsPerson)), f"call {spared + 1} of {calls}"
            if isinstance(error, Unreachable):
                assert stage.publications() == [], f"call {spared + 1} of {calls}"
        else:
            # A side call was lost and borne: the post itself was answered.
            assert receipt.remote_id
        assert len(stage.publications()) <= 1


@every_called_platform
def test_a_closed_port_is_unreachable(stage: Stage) -> None:
    access = replace(stage.impatient(), api_base="http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        stage.publish(access)
    with pytest.raises(Unreachable):
        stage.connector.check(access)


@every_called_platform
@pytest.mark.parametrize("kind", sorted(KINDS - HARMLESS))
def test_a_fault_is_one_of_the_six_errors_and_shows_no_secret(stage: Stage, kind: str) -> None:
    stage.world.set_faults(Fault(kind, value=VALUES.get(kind, "")))
    calls: dict[str, Callable[[Access], object]] = {
        "publish": stage.publish,
        "check": stage.connector.check,
        "articles": lambda access: _articles(stage, access),
        "account_day": lambda access: _day(stage, access),
    }
    for name, call in calls.items():
        access = stage.impatient()
        try:
            told = call(access)
        except ConnectorError as error:
            shown = f"{error} {error!r} {error.__dict__} {access!r}"
            assert not [secret for secret in stage.secrets() if secret in shown]
            assert name == "publish" or not isinstance(error, Uncertain)
        else:
            assert name == "check" or not told, name  # a check may tell of it; no figure comes of it


def _articles(stage: Stage, access: Access) -> list[ArticleFigures]:
    day = stage.clock.now().date()
    return list(stage.connector.articles(access, day - timedelta(days=7), day))


def _day(stage: Stage, access: Access) -> Figures | None:
    return stage.connector.account_day(access, stage.clock.now().date() - timedelta(days=1))


@every_called_platform
def test_figures_are_declared_and_never_negative(stage: Stage) -> None:
    stage.account.posts_per_week = stage.account.posts_per_week or 7.0
    stage.publish()
    stage.move(timedelta(days=4))
    articles, day = _articles(stage, stage.access), _day(stage, stage.access)
    assert bool(articles) == ("articles" in stage.connector.capabilities)
    for article in articles:
        assert article.remote_id
        assert article.published_at.tzinfo is not None
        assert article.position is None or article.position >= 1
        days = [figures.as_of for figures in article.figures]
        assert days == sorted(days)
        for figures in article.figures:
            _sound(stage, figures, "article")
    assert len({article.remote_id for article in articles}) == len(articles)
    if day is not None:
        _sound(stage, day, "account")


def _sound(stage: Stage, figures: Figures, level: str) -> None:
    declared = {metric.name for metric in stage.connector.metrics if metric.level == level}
    assert figures.values.keys() <= declared
    assert all(value is None or value >= 0 for value in figures.values.values())
    assert isinstance(figures.as_of, date) and not isinstance(figures.as_of, datetime)
    assert figures.endpoint
