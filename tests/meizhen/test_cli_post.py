"""`meizhen post`, as people call it: what they get, and what is refused."""

import base64
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from command import invoke
from scenery import make_account, make_node, run_until_idle
from sqlmodel import func, select

from config import Database, InputError, ManualClock, MeizhenError
from config.clock import SystemClock
from config.messages import LANGUAGES, catalogue
from config.secrets import KeyRing
from meizhen.cli import main
from meizhen.cli.post import _until
from organisation.ledger import LedgerEntry
from scheduler.deliveries import FOLLOWERS, Attempt, Delivery, DeliveryEvent, State
from scheduler.media import media_path
from scheduler.outcomes import Purpose
from scheduler.pictures import bare_picture
from scheduler.posts import Post, Variant

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
FUTURE = "2099-06-01T09:00"
Run = Callable[..., str]


@pytest.fixture
def run(
    database: Database,
    database_address: str,
    keys: KeyRing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Calls `meizhen post …` in a house with webhook:a, webhook:b and weibo:a; gives its output."""
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path))
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", database_address)
    monkeypatch.setenv("MEIZHEN_ACTOR", "li")
    (tmp_path / "media").mkdir()
    for platform, handle in (("webhook", "a"), ("webhook", "b"), ("weibo", "a")):
        make_account(database, keys, platform, handle, api_base="http://127.0.0.1:9")

    def call(*arguments: object) -> str:
        result = invoke("post", *arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return call


def added(run: Run, *arguments: object) -> int:
    number: int = json.loads(run("add", "--due", FUTURE, "--text", "正文", "--json", *arguments))["post"]
    return number


def refused(run: Run, *arguments: object) -> list[str]:
    """The codes of all that is wrong."""
    with pytest.raises(MeizhenError) as error:
        run(*arguments)
    assert str(error.value) and error.value.told("zh")
    if isinstance(error.value, InputError):
        assert all(problem.told("zh") and problem.told("en") for problem in error.value.problems)
        return [problem.code for problem in error.value.problems]
    return [error.value.code]


def count(database: Database, table: type) -> int:
    with database.read() as session:
        return session.exec(select(func.count()).select_from(table)).one()


def states(run: Run) -> list[tuple[str, str]]:
    return [(row["account"], row["state"]) for row in json.loads(run("list", "--json"))]


def put(database: Database, state: State, needs_person: bool = True) -> None:
    """Moves every delivery there, as the machine would have: by way of `sending` where none leads there."""
    with database.write() as session:
        for delivery in session.exec(select(Delivery)):
            if state not in FOLLOWERS[State(delivery.state)]:
                delivery.state = State.SENDING
                session.add(delivery)
                session.flush()
            delivery.state, delivery.needs_person = state, needs_person
            session.add(delivery)


# --- writing ----------------------------------------------------------------------------------------------


def test_add_queues_a_post_for_every_account_and_prints_the_ids(
    run: Run, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "合影.jpeg").write_bytes(PNG)
    printed = run(
        "add", "--account", "webhook:a", "--account", "b", "--due", FUTURE, "--title", " 标题 ",
        "--text", "正文", "--media", tmp_path / "合影.jpeg", "--lateness-hours", "0.5", "--json",
    )  # fmt: skip
    told = json.loads(printed)
    assert set(told["deliveries"]) == {"webhook:a", "webhook:b"}
    assert told["due"] == "2099-06-01T01:00:00+00:00"
    story = json.loads(run("show", told["post"], "--json"))
    assert (story["title"], story["text"], story["created_by"]) == ("标题", "正文", "li")
    assert (story["lateness_hours"], story["options"]) == (0.5, {})
    (media,) = story["media"]
    assert (media["file_name"], media["content_type"]) == ("合影.png", "image/png")
    kept = media_path(tmp_path / "media", media["sha256"]).read_bytes()
    assert kept == bare_picture(PNG, "image/png").content
    assert {one["account"]: one["id"] for one in story["deliveries"]} == told["deliveries"]
    for one in story["deliveries"]:
        assert (one["state"], one["due"], one["attempts"]) == ("queued", told["due"], [])
        assert [happened["to_state"] for happened in one["events"]] == ["queued"]
    assert count(database, LedgerEntry) == 1


def test_add_tells_people_when_it_goes_out_in_beijing(run: Run) -> None:
    printed = run("add", "--account", "webhook:a", "--due", "2099-06-01T01:00Z", "--text", "正文")
    assert "2099-06-01 09:00:00" in printed and "1 account" in printed


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_a_text_comes_from_a_file_in_any_usual_encoding(run: Run, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "text.txt").write_bytes("第一行\r\n\r\n“第三行”\r\n".encode(encoding))
    file = tmp_path / "text.txt"
    printed = run("add", "--account", "webhook:a", "--due", "now", "--text-file", file, "--json")
    story = json.loads(run("show", json.loads(printed)["post"], "--json"))
    assert story["text"] == "第一行\n\n“第三行”"


def test_options_go_to_the_platform_that_knows_them(run: Run) -> None:
    number = added(
        run, "--account", "weibo:a", "--text", "见 https://example.cn/a ", "--option", "mode=share"
    )
    assert json.loads(run("show", number, "--json"))["options"] == {"mode": "share"}


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_queued(
    run: Run, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "evil.png").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    codes = refused(
        run, "add", "--account", "webhook:a", "--account", "webhook:a", "--account", "nobody",
        "--due", "2020-01-01T00:00", "--text", "正文", "--media", tmp_path / "evil.png",
        "--option", "novalue", "--option", "colour=red", "--lateness-hours", "0",
    )  # fmt: skip
    assert codes == [
        "post.due_past",
        "post.media_type",
        "post.bad_option",
        "account.unknown",
        "post.account_twice",
        "post.lateness",
        "post.unknown_option",
    ]
    assert count(database, Post) == count(database, Delivery) == count(database, LedgerEntry) == 0
    assert list((tmp_path / "media").iterdir()) == []


def test_a_text_over_the_limit_names_limit_count_and_remedy(run: Run, database: Database) -> None:
    text = "字" * 200 + " https://example.cn/a"
    with pytest.raises(InputError) as error:
        run("add", "--account", "weibo:a", "--due", FUTURE, "--text", text)
    told = str(error.value)
    assert "Weibo" in told and "the limit is 130" in told and "211" in told and "Shorten" in told
    assert count(database, Delivery) == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--text", "x", "--due", "tomorrow"], "input.not_a_moment"),
        (["--due", FUTURE], "post.empty"),
        (["--text", "x", "--text-file", "y", "--due", FUTURE], "post.text_twice"),
        (["--text-file", "missing.txt", "--due", FUTURE], "post.text_file"),
        (["--text-file", "/", "--due", FUTURE], "post.text_file"),
        (["--text", "x", "--media", "missing.png", "--due", FUTURE], "post.media_unreadable"),
    ],
)
def test_a_bad_value_is_refused(run: Run, arguments: list[str], code: str) -> None:
    assert refused(run, "add", "--account", "webhook:a", *arguments) == [code]


def test_a_text_file_that_is_no_text_or_too_large_is_refused(run: Run, tmp_path: Path) -> None:
    for content in (b"\x80\xff\xff", bytes(4 * 1024 * 1024 + 1)):
        (tmp_path / "text.txt").write_bytes(content)
        arguments = ("add", "--account", "webhook:a", "--due", FUTURE, "--text-file", tmp_path / "text.txt")
        assert refused(run, *arguments) == ["post.text_file"]


def test_import_prints_what_it_queued(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_bytes(
        "account,due,title,text,media\nwebhook:a,now,甲,正文,\nwebhook:b,now,甲,正文,\n".encode("gbk")
    )
    assert "1 posts queued, 2 deliveries" in run("import", file)
    told = json.loads(run("import", file, "--json"))
    assert (len(told["posts"]), told["deliveries"]) == (1, 2)


def test_import_refuses_a_file_whole(run: Run, database: Database, tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("account,due,title,text,media\nwebhook:a,now,甲,正文,\nwebhook:b,2020-01-01,甲,正文,\n")
    assert refused(run, "import", file) == ["post.due_past"]
    assert refused(run, "import", tmp_path / "missing.csv") == ["input.not_readable"]
    assert count(database, Post) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (
            ["add", "--account", "webhook:a", "--due", "2020-01-01T00:00", "--text", "x"],
            2,
            "2020-01-01 00:00",
        ),
        (["show", "77"], 1, "no post 77"),
    ],
)
def test_the_command_ends_with_2_for_bad_input_and_1_for_other_refusals(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    told: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["meizhen", "post", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert told in capsys.readouterr().err


# --- how they stand ---------------------------------------------------------------------------------------


def test_list_filters_and_orders_by_due(run: Run) -> None:
    for day, account in (("03", "webhook:a"), ("01", "webhook:b"), ("02", "webhook:a")):
        run(
            "add", "--account", account, "--due", f"2099-06-{day}T09:00", "--title", f"第{day}", "--text", "x"
        )

    def headlines(*arguments: object) -> list[str]:
        return [row["headline"] for row in json.loads(run("list", "--json", *arguments))]

    assert headlines() == ["第01", "第02", "第03"]
    assert headlines("--account", "webhook:a") == ["第02", "第03"]
    assert headlines("--since", "2099-06-02") == ["第02", "第03"]
    assert headlines("--until", "2099-06-02") == ["第01", "第02"]
    assert headlines("--until", "2099-06-02T08:00") == ["第01"]
    assert headlines("--limit", 1) == ["第01"]
    assert headlines("--state", "queued", "--limit", 9) == ["第01", "第02", "第03"]
    assert headlines("--state", "failed") == []
    shown = run("list")
    assert shown.index("第01") < shown.index("第02") < shown.index("第03") and "queued" in shown


def test_a_list_that_is_cut_says_so(run: Run) -> None:
    for _ in range(2):
        added(run, "--account", "webhook:a")
    result = invoke("post", "list", "--limit", "1")
    assert "first 1" in result.stderr
    assert invoke("post", "list", "--limit", "2").stderr == ""


def test_list_refuses_what_it_does_not_know(run: Run) -> None:
    assert refused(run, "list", "--state", "lost") == ["input.not_one_of"]
    assert refused(run, "list", "--account", "nobody") == ["account.unknown"]
    assert refused(run, "list", "--since", "yesterday") == ["input.not_a_moment"]


def test_until_a_day_is_all_of_it() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert _until("2026-03-02", now) == datetime(2026, 3, 2, 15, 59, 59, 999999, tzinfo=UTC)
    assert _until("2026/3/2", now) == _until("2026-03-02", now)
    assert _until("2026-03-02T00:00", now) == datetime(2026, 3, 1, 16, tzinfo=UTC)


def test_show_tells_the_whole_story_in_order(
    run: Run, database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    number = added(
        run, "--account", "webhook:a", "--due", "now", "--title", "标题", "--lateness-hours", "0.0001"
    )
    run_until_idle(make_node(database, keys, ManualClock(SystemClock().now()), tmp_path))
    told = run("show", number)
    position = 0
    for word in (
        "标题", "正文", "webhook:a", "missed", "queued (li)", "call 1, to publish",
        "unreachable (not sent)", "Why: the platform could not be reached", "not-sent", "queued (",
            "past its lateness limit",
        f"meizhen post reschedule {number} --account webhook:a",
    ):  # fmt: skip
        position = told.index(word, position)


def test_show_keeps_cause_before_effect_when_all_happens_at_once(run: Run, database: Database) -> None:
    number = added(run, "--account", "webhook:a")
    with database.write() as session:
        delivery = session.exec(select(Delivery)).one()
        at = session.exec(select(DeliveryEvent.at)).one()
        for before, after in pairwise(("queued", "sending", "uncertain", "published")):
            delivery.state, delivery.published_at = after, at
            session.add(delivery)
            moved = {"from_state": before, "to_state": after, "at": at, "actor": "node"}
            session.add(DeliveryEvent(delivery_id=delivery.id or 0, **moved))
            session.flush()
        facts = {"delivery_id": delivery.id or 0, "node": "node", "started_at": at}
        ended = {"outcome": "uncertain", "finished_at": at, "platform_code": "40001"}
        said = {"platform_text": "no\x1b[2J!", "remedy_zh": "换", "remedy_en": "swap"}
        session.add(Attempt(number=1, purpose="publish", **facts, **ended, **said))
        session.add(Attempt(number=2, purpose="find", **facts))
        session.add(Variant(post_id=number, account_id=delivery.account_id, text="另一种说法"))
        delivery.url = "https://example.cn/1"
        session.add(delivery)
    told = run("show", number)
    position = told.index("webhook:a")
    for word in (
        "text=另一种说法", "queued (", "call 1, to publish", "no clear answer", "40001 no�[2J!",
        "What to do: swap", "uncertain (may have gone out) (node)", "call 2, to ask whether it is there",
        "no answer yet", "published (node)", "https://example.cn/1",
    ):  # fmt: skip
        position = told.index(word, position)
    assert json.loads(run("show", number, "--json"))["deliveries"][0]["variant"]["text"] == "另一种说法"


# --- what people do ---------------------------------------------------------------------------------------


def test_reschedule_moves_what_is_not_out(run: Run) -> None:
    number = added(run, "--account", "webhook:a", "--account", "webhook:b")
    assert "2 account" in run("reschedule", number, "--due", "2099-07-01T10:00")
    run("reschedule", number, "--due", "2099-08-01T10:00", "--account", "webhook:b")
    due = {row["account"]: row["due"] for row in json.loads(run("list", "--json"))}
    assert due == {
        "webhook:a": "2099-07-01T02:00:00+00:00",
        "webhook:b": "2099-08-01T02:00:00+00:00",
    }
    assert refused(run, "reschedule", number, "--due", "2020-01-01") == ["post.due_past"]


def test_cancel_calls_off_what_it_can_and_says_what_it_left(run: Run, database: Database) -> None:
    number = added(run, "--account", "webhook:a", "--account", "webhook:b")
    run("cancel", number, "--account", "webhook:a")
    assert states(run) == [("webhook:a", "cancelled"), ("webhook:b", "queued")]
    told = run("cancel", number)
    assert "called off for 1" in told and "1 account(s) left as they are (cancelled)" in told
    assert states(run) == [("webhook:a", "cancelled"), ("webhook:b", "cancelled")]
    assert refused(run, "cancel", number) == ["delivery.wrong_state"]
    assert refused(run, "cancel", number, "--account", "weibo:a") == ["post.no_delivery"]
    assert refused(run, "cancel", number + 1) == ["post.not_found"]
    with database.read() as session:
        acts = session.exec(select(LedgerEntry.act).order_by(LedgerEntry.seq)).all()  # type: ignore[arg-type]
    assert acts == ["post.add", "post.cancel", "post.cancel"]


def test_retry_takes_only_what_certainly_did_not_go_out(run: Run, database: Database) -> None:
    number = added(run, "--account", "webhook:a")
    put(database, State.UNCERTAIN)
    assert refused(run, "retry", number, "--account", "webhook:a") == ["delivery.wrong_state"]
    run("resolve", number, "--account", "webhook:a", "--not-published")
    assert states(run) == [("webhook:a", "failed")]
    assert "queued again" in run("retry", number, "--account", "webhook:a")
    (row,) = json.loads(run("list", "--json"))
    assert row["state"] == "queued"
    assert datetime.fromisoformat(row["due"]) - datetime.now(UTC) < timedelta(seconds=5)


def test_resolve_notes_where_it_was_published(run: Run, database: Database) -> None:
    number = added(run, "--account", "webhook:a")
    put(database, State.UNCERTAIN)
    account = ("--account", "webhook:a")
    assert refused(run, "resolve", number, *account) == ["post.resolve_one"]
    both = ("--published", "https://example.cn/1", "--not-published")
    assert refused(run, "resolve", number, *account, *both) == ["post.resolve_one"]
    assert refused(run, "resolve", number, *account, "--published", "javascript:1") == ["delivery.not_a_url"]
    run("resolve", number, *account, "--published", "https://example.cn/1")
    (row,) = json.loads(run("list", "--json"))
    assert (row["state"], row["url"], row["needs_person"]) == ("published", "https://example.cn/1", False)


# --- texts ------------------------------------------------------------------------------------------------


def test_every_text_is_there_in_both_languages() -> None:
    for name, texts in catalogue("post").items():
        assert all(texts.get(language) for language in LANGUAGES), name
        assert ("remedy_zh" in texts) == ("remedy_en" in texts), name
    assert {f"purpose_{purpose}" for purpose in Purpose} <= catalogue("post").keys()
