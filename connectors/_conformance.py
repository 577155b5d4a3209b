"""What every platform must do, whatever it is: one suite over all of them, unedited when one is added.

`tests/connectors/test_conformance.py` asks it of ours, `meizhen connector test` of anybody else's. Each is a
function; one that is not met raises `Broken`. Declarations need nothing but the connector; reading needs an
account; the rest needs a double that can be arranged, since it publishes and breaks things. The suite's
post has a title, a text with a link to www.example.org, and a picture where one is required.
"""

import json
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from connectors._authorising import Authoriser
from connectors._contract import (
    Access,
    ArticleFigures,
    Connector,
    Figures,
    Kind,
    Limits,
    Media,
    Outgoing,
    Receipt,
    ReceiptState,
    Reconcile,
    Unit,
)
from connectors._errors import ConnectorError, Label, NeedsPerson, Refused, Uncertain, Unreachable

LINK = "https://www.example.org/a/1"
OVERRIDES = {
    "publish": "publish",
    "settle": "settle",
    "find": "find",
    "articles": "articles",
    "account_day": "account_day",
    "assisted": "publish",
    "callback": "callback",
    "authorise": "link",
}
# Faults that the true answer survives, or that only take time.
HARMLESS = frozenset({"bom"})
_VALUES = {"hang": "60", "slow_bytes": "60", "gzip_bomb": "20", "redirect": "/", "redirect_307": "/"}


class Broken(AssertionError):
    """A demand that is not met; the text says which."""


class Skipped(Exception):
    """A demand that this platform cannot be asked."""


def expect(met: object, told: object) -> None:
    if not met:
        raise Broken(str(told))


def authorises(connector: Connector) -> bool:
    """Does the platform publish nothing itself, and only lead to accounts that authorised it?"""
    return isinstance(connector, Authoriser)


def by_hand(connector: Connector) -> bool:
    """Does the platform only declare itself, and a person do the rest? There is no call that could fail."""
    return connector.capabilities == {"assisted"}


# --- declarations -----------------------------------------------------------------------------------------


def bilingual(label: Label) -> bool:
    return bool(re.search("[\u4e00-\u9fff]|^[A-Za-z]+$", label.zh)) and bool(re.search("[A-Za-z]", label.en))


def declared_in_both_languages(connector: Connector) -> None:
    labels = [connector.label, *(field.label for field in connector.credential_fields)]
    for label in [*labels, *connector.options.values()]:
        expect(bilingual(label), f"expected Chinese and English, got {label}")


def credential_fields_make_a_form(connector: Connector) -> None:
    names = [field.name for field in connector.credential_fields]
    expect(len(set(names)) == len(names), f"names of credentials repeat: {names}")
    for field in connector.credential_fields:
        expect(re.fullmatch("[a-z][a-z0-9_]{0,39}", field.name), f"not a name: {field.name}")
        re.compile(field.pattern)
        lets_in = field.pattern and re.fullmatch(field.pattern, "令牌\r\nX: y")
        expect(not lets_in, f"{field.name}: its pattern lets line breaks in")


def metrics_have_unit_and_kind_and_are_named_once(connector: Connector) -> None:
    names = [(metric.level, metric.name) for metric in connector.metrics]
    expect(len(set(names)) == len(names), f"metrics repeat: {names}")
    for metric in connector.metrics:
        expect(re.fullmatch("[a-z][a-z0-9_]{0,39}", metric.name), f"not a name: {metric.name}")
        expect(metric.level in ("article", "account"), metric)
        expect(isinstance(metric.unit, Unit) and isinstance(metric.kind, Kind), metric)
    levels = {"articles": "article", "account_day": "account"}
    told = {levels[name] for name in connector.capabilities & levels.keys()}
    expect({metric.level for metric in connector.metrics} == told, f"metrics and capabilities differ: {told}")


def limits_are_sane(connector: Connector) -> None:
    limits = connector.limits
    expect(isinstance(limits, Limits), "limits is no Limits")
    for number in (limits.title_length, limits.text_length, limits.picture_bytes):
        expect(number is None or number > 0, f"a limit of {number}")
    expect(limits.count_text("") == 0, "no text counts as something")
    expect(limits.count_text("青年") > 0, "a text counts as nothing")
    expect(limits.pictures >= limits.picture_required, "a picture is required and none allowed")
    expect(bool(limits.picture_types) == (limits.pictures > 0), "types and number of pictures differ")
    expect(all(kind.startswith("image/") for kind in limits.picture_types), limits.picture_types)


def what_it_can_do_it_overrides_and_no_more(connector: Connector) -> None:
    capabilities = connector.capabilities
    expect(authorises(connector) == ("authorise" in capabilities), "authorise and Authoriser differ")
    does = "publish" in capabilities or by_hand(connector) or authorises(connector)
    expect(does, "neither publishes nor hands over to a person")
    expect(capabilities <= OVERRIDES.keys(), f"unknown: {sorted(capabilities - OVERRIDES.keys())}")
    for capability, method in OVERRIDES.items():
        base = Authoriser if authorises(connector) else Connector
        overridden = getattr(type(connector), method, None) is not getattr(base, method, None)
        if capability != "assisted" and not by_hand(connector):
            expect(overridden == (capability in capabilities), f"{capability} and {method}() differ")


def times_are_sane(connector: Connector) -> None:
    expect(isinstance(connector.reconcile, Reconcile), "reconcile is no Reconcile")
    expect(list(connector.looks) == sorted(connector.looks), "looks are not in order")
    expect(all(seconds > 0 for seconds in (*connector.looks, *connector.polls)), "a look or poll of no time")
    expect(connector.settle_hours > 0, "settle_hours is no time")
    base = connector.default_api_base
    expect(base == "" or base.startswith("https://"), f"{base} is not https")


def what_it_hands_to_a_person_it_says_all_about(connector: Connector) -> None:
    told = connector.assistance
    expect((told is not None) == ("assisted" in connector.capabilities), "assisted and assistance differ")
    if told is None:
        return
    expect(all(bilingual(label) for label in (told.where, *told.checklist)), "not in both languages")
    expect(told.checklist, "no checklist")
    expect(told.longest_edge is None or told.longest_edge > 0, "longest_edge is no size")
    base = connector.default_api_base or "https://bbs.example.edu.cn/club"
    good = told.example or f"{base}/t/1"
    expect(told.pasted(f" {good}\n", base) is not None, f"its own example is refused: {good}")
    for bad in _bad_links(good, base):
        expect(told.pasted(bad, base) is None, f"taken for a link of a post: {bad!r}")


def _bad_links(good: str, base: str) -> Iterable[str]:
    host = good.split("/")[2]
    return (
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
    )


DECLARATIONS: tuple[Callable[[Connector], None], ...] = (
    declared_in_both_languages,
    credential_fields_make_a_form,
    metrics_have_unit_and_kind_and_are_named_once,
    limits_are_sane,
    what_it_can_do_it_overrides_and_no_more,
    times_are_sane,
    what_it_hands_to_a_person_it_says_all_about,
)


# --- with an account --------------------------------------------------------------------------------------


class Double(Protocol):
    """A platform's double, as the suite arranges it; `begin` forgets all and makes a working account."""

    @property
    def address(self) -> str: ...

    @property
    def kinds(self) -> frozenset[str]: ...

    def begin(self) -> Mapping[str, str]:
        """The account's credentials."""
        ...

    def busy(self) -> None:
        """From now on its people publish by hand as well, so that there are articles to be told of."""
        ...

    def move(self, step: timedelta) -> None: ...

    def strike(self, kind: str, *, value: str = "", after: int = 0, times: int | None = None) -> None: ...

    def calls(self) -> int: ...

    def publications(self) -> int: ...


AccessOf = Callable[[Mapping[str, str], float], Access]
"""A fresh access to the double's account with these credentials, remembering nothing; seconds for a call."""


@dataclass
class Reading:
    """A working account that is only read."""

    connector: Connector
    access: Access
    now: Callable[[], datetime]


class Stage(Reading):
    """A working account at a double."""

    def __init__(
        self,
        connector: Connector,
        double: Double,
        access_of: AccessOf,
        now: Callable[[], datetime],
        folder: Path,
    ) -> None:
        self.double = double
        self._access_of = access_of
        self.credentials = double.begin()
        super().__init__(connector, access_of(self.credentials, 5.0), now)
        self.post = post_of(connector.limits, folder)

    def publish(self, access: Access | None = None) -> Receipt:
        return self.connector.publish(access or self.access, self.post)

    def impatient(self) -> Access:
        """The same account without anything remembered, and with half a second for a call."""
        return self._access_of(self.credentials, 0.5)

    def secrets(self) -> list[str]:
        """What no error may show."""
        secret = {field.name for field in self.connector.credential_fields if field.secret}
        return [value for name, value in self.credentials.items() if name in secret]


def post_of(limits: Limits, folder: Path) -> Outgoing:
    """The suite's post."""
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


def handing_over_calls_nobody(connector: Connector, access: Access, folder: Path) -> None:
    """For a platform by hand; `access` leads to a closed port."""
    expect(connector.credential_fields == (), "asks for credentials that it needs for nothing")
    expect(all(finding.fine for finding in connector.check(access)), "its check is not fine")
    receipt = connector.publish(access, post_of(connector.limits, folder))
    expect(receipt.state is ReceiptState.HANDED_OVER, f"{receipt.state} instead of handed over")
    expect(receipt.note is not None and bilingual(receipt.note), "says nothing to the person")


def the_check_is_fine(reading: Reading) -> None:
    findings = reading.connector.check(reading.access)
    expect(findings, "the check found nothing")
    for finding in findings:
        expect(finding.fine, finding.told.en)


def figures_are_sound(reading: Reading) -> None:
    articles, day = articles_of(reading, reading.access), day_of(reading, reading.access)
    for article in articles:
        expect(article.remote_id, f"an article without an id: {article.title}")
        expect(article.published_at.tzinfo is not None, "published_at has no zone")
        expect(article.position is None or article.position >= 1, f"position {article.position}")
        days = [figures.as_of for figures in article.figures]
        expect(days == sorted(days), f"days are not in order: {days}")
        for figures in article.figures:
            _sound(reading, figures, "article")
    expect(len({article.remote_id for article in articles}) == len(articles), "an article comes twice")
    if day is not None:
        _sound(reading, day, "account")


def _sound(reading: Reading, figures: Figures, level: str) -> None:
    declared = {metric.name for metric in reading.connector.metrics if metric.level == level}
    expect(figures.values.keys() <= declared, f"not declared: {sorted(figures.values.keys() - declared)}")
    expect(all(value is None or value >= 0 for value in figures.values.values()), f"negative: {figures}")
    expect(isinstance(figures.as_of, date) and not isinstance(figures.as_of, datetime), "as_of is no day")
    expect(figures.endpoint, "figures without their endpoint")


def articles_of(reading: Reading, access: Access) -> list[ArticleFigures]:
    day = reading.now().date()
    return list(reading.connector.articles(access, day - timedelta(days=7), day))


def day_of(reading: Reading, access: Access) -> Figures | None:
    return reading.connector.account_day(access, reading.now().date() - timedelta(days=1))


READS: tuple[Callable[[Reading], None], ...] = (the_check_is_fine, figures_are_sound)


# --- at a double ------------------------------------------------------------------------------------------


def the_example_fits_the_form_and_the_check_is_fine(stage: Stage) -> None:
    fields = {field.name: field for field in stage.connector.credential_fields}
    given = stage.access.credentials
    expect(given.keys() <= fields.keys(), f"credentials that are no field: {given.keys() - fields.keys()}")
    for name, field in fields.items():
        value = given.get(name)
        expect(value or not field.required, f"{name} is required")
        expect(not value or re.fullmatch(field.pattern or ".*", value), f"{name} does not fit its pattern")
    expect(stage.connector.problems(stage.post) == (), stage.connector.problems(stage.post))
    the_check_is_fine(stage)


def a_post_is_published_accepted_or_handed_over(stage: Stage) -> None:
    receipt = stage.publish()
    if receipt.state is ReceiptState.ACCEPTED:
        stage.double.move(timedelta(hours=stage.connector.settle_hours / 2))
        receipt = stage.connector.settle(stage.access, receipt)
    expect(receipt.state in (ReceiptState.PUBLISHED, ReceiptState.HANDED_OVER), f"still {receipt.state}")
    expect(receipt.remote_id, "no remote_id")
    expect(receipt.url.startswith(("https://", "http://")) or not receipt.url, f"url {receipt.url}")
    expect(json.loads(json.dumps(dict(receipt.detail))) == receipt.detail, "detail is no JSON of texts")
    if receipt.state is ReceiptState.PUBLISHED:
        expect(stage.double.publications() == 1, f"{stage.double.publications()} publications")


def a_published_post_is_found_and_another_is_not(stage: Stage) -> None:
    if "find" not in stage.connector.capabilities:
        raise Skipped("cannot be asked")
    since = stage.now()
    absent = replace(stage.post, key="conformance-2", title="另一篇", text=f"另一篇 {LINK}")
    stage.publish()
    stage.double.move(timedelta(minutes=10))
    expect(stage.connector.find(stage.access, stage.post, since) is not None, "what is there is not found")
    try:
        expect(stage.connector.find(stage.access, absent, since) is None, "found what is not there")
    except Uncertain:
        listed = stage.connector.reconcile in (Reconcile.LIST, Reconcile.NONE)
        expect(listed, "absence is declared provable and was not proved")


def the_same_key_twice_is_one_publication(stage: Stage) -> None:
    if stage.connector.reconcile is not Reconcile.KEY:
        raise Skipped("has no key")
    expect(stage.publish() == stage.publish(), "the repeat has another receipt")
    expect(stage.double.publications() == 1, f"{stage.double.publications()} publications")


def an_answer_lost_at_any_call_is_never_taken_for_refused_or_published(stage: Stage) -> None:
    stage.publish()
    calls = stage.double.calls()
    expect(calls > 0, "published without a call")
    for spared in range(calls):
        here = f"call {spared + 1} of {calls}"
        stage.double.begin()
        stage.double.strike("cut_after", after=spared, times=1)
        try:
            receipt = stage.publish(stage.impatient())
        except ConnectorError as error:
            expect(not isinstance(error, (Refused, NeedsPerson)), f"{here}: {error!r}")
            if isinstance(error, Unreachable):
                expect(stage.double.publications() == 0, f"{here}: said unreachable, and published")
        else:
            # A side call was lost and borne: the post itself was answered.
            expect(receipt.remote_id, f"{here}: no remote_id")
        expect(stage.double.publications() <= 1, f"{here}: published twice")


def a_closed_port_is_unreachable(stage: Stage) -> None:
    access = replace(stage.impatient(), api_base="http://127.0.0.1:9")
    for name, call in (("publish", stage.publish), ("check", stage.connector.check)):
        try:
            call(access)
        except Unreachable:
            continue
        raise Broken(f"{name} is not unreachable at a closed port")


def a_fault_is_one_of_the_six_errors_and_shows_no_secret(stage: Stage, kind: str) -> None:
    stage.double.strike(kind, value=_VALUES.get(kind, ""))
    calls: dict[str, Callable[[Access], object]] = {
        "publish": stage.publish,
        "check": stage.connector.check,
        "articles": lambda access: articles_of(stage, access),
        "account_day": lambda access: day_of(stage, access),
    }
    for name, call in calls.items():
        access = stage.impatient()
        try:
            told = call(access)
        except ConnectorError as error:
            shown = f"{error} {error!r} {error.__dict__} {access!r}"
            expect(not [secret for secret in stage.secrets() if secret in shown], f"{name} shows a secret")
            expect(name == "publish" or not isinstance(error, Uncertain), f"{name} raised Uncertain")
        else:
            # A check may tell of it; no figure comes of it.
            expect(name == "check" or not told, f"{name} gave {told!r} at {kind}")


def figures_are_declared_and_never_negative(stage: Stage) -> None:
    stage.double.busy()
    stage.publish()
    stage.double.move(timedelta(days=4))
    articles = articles_of(stage, stage.access)
    expect(bool(articles) == ("articles" in stage.connector.capabilities), f"{len(articles)} articles")
    figures_are_sound(stage)


PLAYS: tuple[Callable[[Stage], None], ...] = (
    the_example_fits_the_form_and_the_check_is_fine,
    a_post_is_published_accepted_or_handed_over,
    a_published_post_is_found_and_another_is_not,
    the_same_key_twice_is_one_publication,
    an_answer_lost_at_any_call_is_never_taken_for_refused_or_published,
    a_closed_port_is_unreachable,
    figures_are_declared_and_never_negative,
)
