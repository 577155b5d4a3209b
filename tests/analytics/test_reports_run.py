"""Reports on schedule: planned once, sent once, again only where nothing left, a person told in time."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from raw_server import answering, serving
from scenery import make_account, make_unit
from smtp_site import MailSite, mail_site, talking
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session, col, select

from analytics.articles import CollectionGap
from analytics.figures import (
    ArticleFact,
    ArticleFigure,
    Meaning,
    know_metrics,
    source_id,
    store_articles,
    store_snapshots,
)
from analytics.reports import Office, plan_fire, run, run_round
from analytics.reports.deliveries import (
    MAX_TRIES,
    Channel,
    Outcome,
    ReportDelivery,
    State,
    cancel_planned,
    claim,
    count_needing_person,
    finish,
    listed,
)
from analytics.reports.robots import Kind, RobotKey, add_robot
from analytics.reports.run import settle
from analytics.reports.schedules import Order, ReportSchedule, add_schedule, end_schedule, running_schedules
from config import Database, InputError, ManualClock, MeizhenError, load_settings
from config.secrets import KeyRing
from connectors import Http
from organisation import verify
from organisation.units import Unit

FIRE = datetime(2026, 11, 16, 0, 30, tzinfo=UTC)  # Monday 08:30 in Beijing, about 2026-W46
WEEK = "2026-W46"
HOUR = timedelta(hours=1)


class Told:
    """Keeps what a person is told."""

    def __init__(self) -> None:
        self.open: dict[str, str] = {}

    def trouble(self, session: Session, unit: str, *, code: str, now: datetime) -> None:
        self.open.setdefault(unit, code)

    def settled(self, session: Session, unit: str, *, now: datetime) -> None:
        self.open.pop(unit, None)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def site() -> Iterator[MailSite]:
    with mail_site() as running:
        yield running


@pytest.fixture
def office(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path, told: Told, site: MailSite
) -> Office:
    clock.move_to(FIRE)
    settings = load_settings(
        {
            "MEIZHEN_HOME": str(tmp_path),
            "MEIZHEN_SMTP_HOST": "127.0.0.1",
            "MEIZHEN_SMTP_PORT": str(site.port),
            "MEIZHEN_SMTP_SECURITY": "none",
            "MEIZHEN_SMTP_FROM": "reports@unit.cn",
            "MEIZHEN_SMTP_SECONDS": "2",
        }
    )
    return Office(database, keys, clock, settings, "a", told, lambda kind: Http(kind, seconds=1))


def scheduled(office: Office, **order: object) -> int:
    """A schedule of unit NM, made an hour before the fire time."""
    with office.database.write() as session:
        unit = make_unit(session)
        made = Order(**{"formats": ("xlsx",), **order})  # type: ignore[arg-type]
        schedule = add_schedule(session, office.keys, unit, made, now=FIRE - HOUR, actor="test")
    return schedule.known_id


def at_port(office: Office, port: int) -> Office:
    return replace(office, settings=office.settings.model_copy(update={"smtp_port": port}))


def rows(office: Office) -> list[ReportDelivery]:
    with office.database.read() as session:
        return list(session.exec(select(ReportDelivery).order_by(col(ReportDelivery.id))))


def states(office: Office) -> list[str]:
    return [row.state for row in rows(office)]


def until_quiet(office: Office) -> int:
    """Rounds at every moment at which there is something to do; gives how many tries there were."""
    tries = 0
    while True:
        tries += run_round(office)
        waits = {State.PLANNED: "not_before", State.SENDING: "lease_until"}
        coming = [getattr(row, waits[State(row.state)]) for row in rows(office) if row.state in waits]
        if not coming:
            return tries
        assert isinstance(office.clock, ManualClock)
        office.clock.move_to(min(coming))


# --- once -------------------------------------------------------------------------------------------------


def test_a_fire_time_reaches_every_target_once_however_many_nodes_plan_and_send(
    office: Office, site: MailSite, told: Told, tmp_path: Path
) -> None:
    schedule = scheduled(office, mail=("a@unit.cn", "b@unit.cn"), folder="weekly/NM")
    nodes = [replace(office, node=f"n{number}") for number in range(4)]

    def work(node: Office) -> None:
        plan_fire(node, schedule, FIRE)
        run_round(node)

    threads = [threading.Thread(target=work, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states(office) == [State.SENT] * 3
    assert sorted(site.recipients) == [["a@unit.cn"], ["b@unit.cn"]]
    assert len({message["Message-ID"] for message in site.received}) == 2
    folder = tmp_path / "reports" / "weekly" / "NM"
    assert [path.name for path in folder.iterdir()] == [f"meizhen-weekly-{WEEK}-NM.xlsx"]
    assert {row.week for row in rows(office)} == {WEEK}
    plan_fire(office, schedule, FIRE)
    assert run_round(office) == 0 and told.open == {}


def test_nothing_is_planned_for_what_was_before_the_schedule_or_after_its_end(office: Office) -> None:
    schedule = scheduled(office, folder="")
    plan_fire(office, schedule, FIRE - 2 * HOUR)
    with office.database.write() as session:
        end_schedule(session, office.keys, schedule, now=FIRE, actor="test")
    plan_fire(office, schedule, FIRE)
    assert rows(office) == []


def test_the_mail_holds_headline_file_and_holes(
    office: Office, site: MailSite, tmp_path: Path, keys: KeyRing
) -> None:
    account = make_account(office.database, keys, "wechat", "qnzs")
    with office.database.write() as session:
        day = date(2026, 11, 15)
        gap = CollectionGap(
            account_id=account.known_id, subject="articles", day=day, code="61503", seen_at=FIRE
        )
        session.add(gap)
    plan_fire(office, scheduled(office, mail=("a@unit.cn",), formats=("xlsx",)), FIRE)
    run_round(office)
    [message] = site.received
    assert message["Subject"] == f"【周报】单位NM {WEEK}(2026-11-09 至 2026-11-15)"
    body = message.get_body()
    assert body is not None
    lines = body.get_content()
    assert "微信公众号:1 个账号" in lines and "未知" in lines
    assert "1 个账号有未补上的缺口 1 处" in lines
    assert "meizhen figures gaps --unit NM --since 2026-11-02 --until 2026-11-15" in lines
    assert "数据齐全" not in lines
    [attached] = message.iter_attachments()
    assert attached.get_filename() == f"周报-单位NM-{WEEK}.xlsx"
    (tmp_path / "got.xlsx").write_bytes(attached.get_payload(decode=True))
    assert CalamineWorkbook.from_path(tmp_path / "got.xlsx").sheet_names[0] == "总览"


@pytest.mark.parametrize(
    ("as_of", "line"),
    [
        (None, "数据不全:本周 1 篇还没有任何数据。"),
        (date(2026, 11, 14), "数据不全:1 篇的数据还没有更新到 2026-11-15。"),
        (date(2026, 11, 15), "数据齐全,没有缺口。"),
    ],
)
def test_what_was_not_collected_by_the_weeks_end_is_named(
    office: Office, site: MailSite, keys: KeyRing, as_of: date | None, line: str
) -> None:
    account = make_account(office.database, keys, "wechat", "qnzs")
    fact = ArticleFact("1_1", "题目", "", FIRE, date(2026, 11, 11))
    with office.database.write() as session:
        know_metrics(session, "wechat", [Meaning("read_people", "people", "cumulative")])
        article = store_articles(session, account.known_id, [fact])["1_1"]
        if as_of is not None:
            source = source_id(session, "api", "test", FIRE)
            store_snapshots(session, source, FIRE, [ArticleFigure(article, "read_people", as_of, 1234)])
    plan_fire(office, scheduled(office, mail=("a@unit.cn",)), FIRE)
    run_round(office)
    body = site.received[0].get_body()
    assert body is not None
    lines = body.get_content().splitlines()
    assert line in lines and sum("数据不全" in each or "数据齐全" in each for each in lines) == 1
    reads = "未知" if as_of is None else "1,234"
    assert f"微信公众号:1 个账号;发布篇数 1(上周 0);阅读人数 {reads}(上周 未知)" in lines


def test_whole_figures_are_said_to_be_whole(office: Office, site: MailSite) -> None:
    plan_fire(office, scheduled(office, mail=("a@unit.cn",)), FIRE)
    run_round(office)
    body = site.received[0].get_body()
    assert body is not None and "数据齐全" in body.get_content()


def test_what_is_too_large_is_left_out_and_named(office: Office, site: MailSite) -> None:
    plan_fire(office, scheduled(office, mail=("a@unit.cn",)), FIRE)
    small = office.settings.model_copy(update={"smtp_megabytes": 0.07})
    run_round(replace(office, settings=small))
    body = site.received[0].get_body()
    assert list(site.received[0].iter_attachments()) == []
    assert body is not None and f"太大没有附上:周报-单位NM-{WEEK}.xlsx" in body.get_content()


def test_a_unit_gets_its_subtree_only(office: Office, site: MailSite, keys: KeyRing, tmp_path: Path) -> None:
    make_account(office.database, keys, "wechat", "above")
    with office.database.write() as session:
        top = make_unit(session)
        below = Unit(code="NM/1", kind="league", name_zh="某盟", path=f"{top.id}/999/")
        session.add(below)
        session.flush()
        order = Order(mail=("a@unit.cn",), formats=("xlsx",))
        schedule = add_schedule(session, office.keys, below, order, now=FIRE - HOUR, actor="test")
    plan_fire(office, schedule.known_id, FIRE)
    run_round(office)
    [attached] = site.received[0].iter_attachments()
    (tmp_path / "got.xlsx").write_bytes(attached.get_payload(decode=True))
    assert "微信公众号" not in CalamineWorkbook.from_path(tmp_path / "got.xlsx").sheet_names


# --- what fails -------------------------------------------------------------------------------------------


def test_a_server_that_is_away_is_tried_again_with_growing_pauses_then_told_of(
    office: Office, told: Told
) -> None:
    away = at_port(office, 1)
    plan_fire(office, scheduled(office, mail=("a@unit.cn",)), FIRE)
    assert until_quiet(away) == MAX_TRIES
    [row] = rows(office)
    assert (row.state, row.code, row.attempts) == (State.FAILED, "mail_unreachable", MAX_TRIES)
    assert row.finished_at is not None
    assert timedelta(minutes=85) < row.finished_at - FIRE < timedelta(minutes=100)
    assert told.open == {"NM": "mail_unreachable"}


def test_a_server_that_comes_back_gets_the_mail_once(office: Office, site: MailSite, told: Told) -> None:
    plan_fire(office, scheduled(office, mail=("a@unit.cn", "b@unit.cn")), FIRE)
    away = at_port(office, 1)
    assert run_round(away) == 1  # the second is not tried against a server that is away
    site.refuse["DATA"] = "451 busy"
    run_round(office)
    site.refuse.clear()
    until_quiet(office)
    assert states(office) == [State.SENT] * 2
    assert sorted(site.recipients) == [["a@unit.cn"], ["b@unit.cn"]] and told.open == {}


def test_a_refused_recipient_fails_alone_and_is_told(office: Office, site: MailSite, told: Told) -> None:
    plan_fire(office, scheduled(office, mail=("a@unit.cn",), folder=""), FIRE)
    site.refuse["RCPT"] = "550 no such user"
    until_quiet(office)
    assert states(office) == [State.FAILED, State.SENT]
    assert rows(office)[0].attempts == 1 and told.open == {"NM": "mail_recipient"}


def test_a_doubtful_mail_is_never_sent_again_alone_and_keeps_its_name_when_a_person_sends_it(
    office: Office, site: MailSite, told: Told
) -> None:
    def close(*_: object) -> None:
        return

    plan_fire(office, scheduled(office, mail=("a@unit.cn",)), FIRE)
    with serving(talking(close, ".")) as raw:
        until_quiet(at_port(office, raw.port))
        assert (len(raw.requests), states(office)) == (1, [State.UNCERTAIN])
        name = next(line for line in raw.requests[0].splitlines() if line.startswith(b"Message-ID"))
    assert told.open == {"NM": "mail_uncertain"}
    [row] = rows(office)
    settle(office, row.known_id, arrived=False, actor="test")
    assert told.open == {}
    run_round(office)
    assert states(office) == [State.SENT]
    assert site.received[0]["Message-ID"].encode() in name
    with office.database.read() as session:
        assert verify(session, office.keys).sound


def test_a_person_says_that_it_arrived(office: Office, told: Told, site: MailSite) -> None:
    plan_fire(office, scheduled(office, mail=("a@unit.cn",)), FIRE)
    with serving(talking(lambda *_: None, ".")) as raw:
        run_round(at_port(office, raw.port))
    [row] = rows(office)
    settle(office, row.known_id, arrived=True, actor="test")
    assert (states(office), told.open, site.received) == ([State.SENT], {}, [])
    with pytest.raises(MeizhenError) as caught:
        settle(office, row.known_id, arrived=False, actor="test")
    assert caught.value.code == "reports.not_waiting"


def test_a_failed_one_cannot_be_said_to_have_arrived(office: Office, site: MailSite) -> None:
    site.refuse["RCPT"] = "550 no"
    plan_fire(office, scheduled(office, mail=("a@unit.cn",)), FIRE)
    run_round(office)
    with pytest.raises(MeizhenError):
        settle(office, rows(office)[0].known_id, arrived=True, actor="test")


def test_no_mail_server_fails_with_what_to_do(office: Office, told: Told) -> None:
    plan_fire(office, scheduled(office, mail=("a@unit.cn",)), FIRE)
    bare = office.settings.model_copy(update={"smtp_host": ""})
    run_round(replace(office, settings=bare))
    assert told.open == {"NM": "mail_not_set"}


@pytest.mark.parametrize(("channel", "state"), [("folder", State.PLANNED), ("mail", State.UNCERTAIN)])
def test_an_error_of_ours_while_handing_over_is_a_doubt_only_where_it_may_have_left(
    office: Office, monkeypatch: pytest.MonkeyPatch, channel: str, state: State
) -> None:
    def broken(*_: object, **__: object) -> Outcome:
        raise RuntimeError("token=canary")

    monkeypatch.setattr(run, "hand_over", broken)
    monkeypatch.setattr(run, "put_files", broken)
    targets: dict[str, object] = {"mail": ("a@unit.cn",)} if channel == "mail" else {"folder": ""}
    plan_fire(office, scheduled(office, **targets), FIRE)
    run_round(office)
    [row] = rows(office)
    assert (row.state, row.told) == (state, "RuntimeError")


def test_a_report_that_cannot_be_made_is_tried_again(
    office: Office, site: MailSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    plan_fire(office, scheduled(office, mail=("a@unit.cn",)), FIRE)
    with monkeypatch.context() as full:
        full.setattr(run, "make_report", broken)
        run_round(office)
    [row] = rows(office)
    assert (row.state, row.code, row.told) == (State.PLANNED, "not_made", "OSError")
    until_quiet(office)
    assert states(office) == [State.SENT] and len(site.received) == 1


# --- dead and late nodes ----------------------------------------------------------------------------------


def taken_by_a_dead_node(office: Office) -> ReportDelivery:
    [row] = rows(office)
    taken = claim(
        office.database, row.known_id, node="dead", now=office.clock.now(), at_most=timedelta(minutes=15)
    )
    assert taken is not None
    return taken


@pytest.mark.parametrize(("channel", "state"), [("folder", State.SENT), ("mail", State.UNCERTAIN)])
def test_after_a_node_that_died_a_folder_is_written_and_a_mail_waits_for_a_person(
    office: Office, site: MailSite, told: Told, channel: str, state: State
) -> None:
    targets: dict[str, object] = {"mail": ("a@unit.cn",)} if channel == "mail" else {"folder": ""}
    plan_fire(office, scheduled(office, **targets), FIRE)
    taken_by_a_dead_node(office)
    run_round(office)
    assert states(office) == [State.SENDING]
    until_quiet(office)
    assert (states(office), site.received) == ([state], [])
    assert told.open == ({} if channel == "folder" else {"NM": "node_died"})


def test_an_answer_heard_after_the_node_was_given_up_still_counts(office: Office, told: Told) -> None:
    plan_fire(office, scheduled(office, mail=("a@unit.cn",)), FIRE)
    taken = taken_by_a_dead_node(office)
    until_quiet(office)
    with office.database.write() as session:
        assert finish(session, taken, Outcome(State.SENT), now=office.clock.now()) is State.SENT
    assert states(office) == [State.SENT]


def test_an_outcome_of_an_older_claim_changes_nothing(office: Office) -> None:
    plan_fire(office, scheduled(office, folder=""), FIRE)
    taken = taken_by_a_dead_node(office)
    until_quiet(office)
    with office.database.write() as session:
        assert finish(session, taken, Outcome(State.FAILED, "x"), now=FIRE) is None
    assert states(office) == [State.SENT]


def test_what_is_later_than_the_limit_is_left_out_and_told(
    office: Office, site: MailSite, told: Told
) -> None:
    plan_fire(office, scheduled(office, mail=("a@unit.cn",)), FIRE)
    assert isinstance(office.clock, ManualClock)
    office.clock.advance(24 * 3600 + 1)
    run_round(office)
    assert (states(office), told.open, site.received) == ([State.MISSED], {"NM": "late"}, [])
    settle(office, rows(office)[0].known_id, arrived=False, actor="test")
    run_round(office)
    assert states(office) == [State.SENT]


def test_ending_a_schedule_calls_off_what_was_planned_and_forgets_its_addresses(office: Office) -> None:
    schedule = scheduled(office, mail=("a@unit.cn",))
    plan_fire(office, schedule, FIRE)
    with office.database.write() as session:
        end_schedule(session, office.keys, schedule, now=FIRE, actor="test")
        assert cancel_planned(session, schedule, FIRE) == 1
    assert states(office) == [State.CANCELLED]
    with office.database.read() as session:
        assert session.get_one(ReportSchedule, schedule).mail == []
        assert running_schedules(session) == []


def test_addresses_are_forgotten_after_a_year_and_the_ledger_never_had_them(office: Office) -> None:
    plan_fire(office, scheduled(office, mail=("canary@unit.cn",)), FIRE)
    run_round(office)
    with office.database.read() as session:
        assert "canary" not in repr(session.execute(text("SELECT * FROM ledger_entry")).all())
    assert isinstance(office.clock, ManualClock)
    office.clock.advance(401 * 24 * 3600)
    run_round(office)
    assert rows(office) == []


# --- robots -----------------------------------------------------------------------------------------------


@pytest.fixture
def messages(office: Office, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What robots were told; every message arrives."""
    sent: list[str] = []

    def send(_http: Http, _robot: RobotKey, told: str, _now: datetime) -> Outcome:
        sent.append(told)
        return Outcome(State.SENT)

    monkeypatch.setattr("analytics.reports.telling.send_message", send)
    with office.database.write() as session:
        add_robot(session, office.keys, "群", RobotKey(Kind.WECOM, "k" * 20), now=FIRE, actor="test")
    return sent


def test_a_robot_tells_headline_holes_and_where_the_files_are(office: Office, messages: list[str]) -> None:
    plan_fire(office, scheduled(office, mail=("a@unit.cn",), folder="weekly", robots=("群",)), FIRE)
    run_round(office)
    [told] = messages
    assert told.splitlines() == [
        f"【周报】单位NM {WEEK}(2026-11-09 至 2026-11-15)",
        "数据齐全,没有缺口。",
        "文件在报表文件夹:weekly",
        "文件已用邮件发给 1 人",
    ]


def test_a_robot_gets_no_more_messages_a_minute_than_its_platform_takes(
    office: Office, messages: list[str]
) -> None:
    schedules = [scheduled(office, robots=("群",)) for _ in range(20)]
    for schedule in schedules:
        plan_fire(office, schedule, FIRE)
    counts = []
    for _ in range(3):
        before = len(messages)
        for _ in range(2):  # every node ticks several times a minute
            run_round(office)
        counts.append(len(messages) - before)
        assert isinstance(office.clock, ManualClock)
        office.clock.advance(60)
    assert counts == [15, 5, 0]


def test_a_robot_that_is_gone_fails_with_what_to_do(office: Office, told: Told, messages: list[str]) -> None:
    plan_fire(office, scheduled(office, robots=("群",)), FIRE)
    with office.database.write() as session:
        session.execute(text("DELETE FROM report_robot"))
    run_round(office)
    assert (messages, told.open) == ([], {"NM": "robot_gone"})


def test_a_room_is_told_under_the_deliverys_own_name_at_the_server_of_the_house(office: Office) -> None:
    robot = RobotKey(Kind.MATRIX, "!abc:example.org", "t" * 20)
    with office.database.write() as session:
        add_robot(session, office.keys, "群", robot, now=FIRE, actor="test")
    plan_fire(office, scheduled(office, robots=("群",)), FIRE)
    with serving(answering(b'{"event_id": "$1"}')) as server:
        update = {"matrix_server": server.address("")}
        run_round(replace(office, settings=office.settings.model_copy(update=update)))
        (request,) = server.requests
    (row,) = rows(office)
    assert row.state == State.SENT
    path = f"/rooms/%21abc%3Aexample.org/send/m.room.message/{row.token} "
    assert path.encode() in request.split(b"\r\n", 1)[0]


# --- orders and the database ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (Order(), "reports.nowhere"),
        (Order(mail=("a@unit",)), "reports.bad_address"),
        (Order(mail=("a@unit.cn\nBcc: x@y.cn",)), "reports.bad_address"),
        (Order(mail=("张三@unit.cn",)), "reports.bad_address"),
        (Order(mail=tuple(f"a{n}@unit.cn" for n in range(51))), "reports.too_many_addresses"),
        (Order(folder="../x"), "reports.folder_outside"),
        (Order(folder="/etc"), "reports.folder_outside"),
        (Order(robots=("nobody",)), "reports.unknown_robot"),
        (Order(folder="", formats=("docx",)), "input.not_one_of"),
        (Order(folder="", formats=()), "input.required"),
        (Order(folder="", cron="x"), "reports.cron_fields"),
    ],
)
def test_an_order_that_cannot_be_kept_is_refused(office: Office, order: Order, code: str) -> None:
    with pytest.raises(InputError) as caught, office.database.write() as session:
        add_schedule(session, office.keys, make_unit(session), order, now=FIRE, actor="test")
    assert code in [problem.code for problem in caught.value.problems]


@pytest.mark.parametrize("state", ["sent", "uncertain", "failed", "nonsense"])
def test_the_database_itself_refuses_what_cannot_follow(office: Office, state: str) -> None:
    plan_fire(office, scheduled(office, folder=""), FIRE)
    with pytest.raises(DatabaseError), office.database.write() as session:
        session.execute(text("UPDATE report_delivery SET state = :state"), {"state": state})
    run_round(office)
    with pytest.raises(DatabaseError), office.database.write() as session:
        session.execute(text("UPDATE report_delivery SET state = 'planned'"))
    assert states(office) == [State.SENT]


def test_deliveries_are_listed_by_unit_and_by_need(office: Office, site: MailSite) -> None:
    site.refuse["RCPT"] = "550 no"
    plan_fire(office, scheduled(office, mail=("a@unit.cn",), folder=""), FIRE)
    run_round(office)
    with office.database.read() as session:
        found = [(row.channel, code) for row, code in listed(session, needing_person=True)]
        other = Unit(code="X", kind="league", name_zh="别", path="9/", id=9)
        assert listed(session, unit=other) == []
        assert count_needing_person(session) == 1
    assert found == [(Channel.MAIL, "NM")]


def test_no_temporary_files_are_left(
    office: Office, site: MailSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    plan_fire(office, scheduled(office, mail=("a@unit.cn",)), FIRE)
    run_round(office)
    assert len(site.received) == 1 and list((tmp_path / "tmp").iterdir()) == []
