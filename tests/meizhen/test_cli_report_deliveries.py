"""`meizhen report schedule|schedules|unschedule|deliver|deliveries|resolve|robot` as a person calls them."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import responses
from command import Said, command
from smtp_site import MailSite, mail_site

ADDRESS = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
KEY = "canary-0123456789abcdef"
Run = Callable[..., Said]


@pytest.fixture
def site() -> Iterator[MailSite]:
    with mail_site() as running:
        yield running


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, site: MailSite
) -> Run:
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEIZHEN_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("MEIZHEN_SMTP_PORT", str(site.port))
    monkeypatch.setenv("MEIZHEN_SMTP_SECURITY", "none")
    monkeypatch.setenv("MEIZHEN_SMTP_FROM", "reports@unit.cn")
    monkeypatch.setenv("COLUMNS", "300")
    call = command(monkeypatch, capsys)
    call("init")
    units = tmp_path / "units.csv"
    units.write_text("code,parent,kind,name_zh,name_en\nNM,,region,某区,R\n", "utf-8")
    call("org", "import", units)
    return call


def pasted(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(told))


def test_a_digest_is_ordered_for_every_day_at_five_and_is_no_weekly_report(run: Run) -> None:
    order = ("report", "schedule", "NM", "--digest")
    made = run(*order, "--mail", "a@unit.cn", "--skip-empty", "--json").json()
    assert (made["content"], made["cron"]) == ("digest", "0 17 * * *")
    [listed] = run("report", "schedules", "--json").json()
    assert (listed["content"], listed["formats"]) == ("digest", [])
    assert "digest" in run("report", "schedules").out
    assert "goes to no folder" in run(*order, "--folder", "x", code=2).err
    assert "for digests only" in run(*order[:3], "--folder", "x", "--skip-empty", code=2).err
    assert "has no schedule" in run("report", "deliver", "NM", code=1).err


def test_a_schedule_is_made_listed_sent_by_hand_and_ended(run: Run, site: MailSite, tmp_path: Path) -> None:
    made = run(
        *("report", "schedule", "NM", "--mail", "a@unit.cn,b@unit.cn", "--folder", "weekly"),
        *("--format", "xlsx"),
    )
    assert "Schedule 1" in made.out and " 08:30:00 (Beijing)" in made.out
    [listed] = run("report", "schedules", "--json").json()
    assert (listed["cron"], listed["mail"], listed["folder"], listed["formats"]) == (
        "30 8 * * 1",
        ["a@unit.cn", "b@unit.cn"],
        "weekly",
        ["xlsx"],
    )
    sent = run("report", "deliver", "NM", "--week", "2026-W46", "--json").json()
    assert [(row["channel"], row["state"], row["week"]) for row in sent] == [
        ("mail", "sent", "2026-W46"),
        ("mail", "sent", "2026-W46"),
        ("folder", "sent", "2026-W46"),
    ]
    assert sorted(site.recipients) == [["a@unit.cn"], ["b@unit.cn"]]
    assert (tmp_path / "home" / "reports" / "weekly" / "meizhen-weekly-2026-W46-NM.xlsx").exists()
    run("report", "deliver", "NM", "--week", "2026-W46")  # again by hand is again
    assert len(site.received) == 4
    assert "a@unit.cn" in run("report", "deliveries", "--unit", "NM").out
    assert "Schedule 1 has ended" in run("report", "unschedule", "1").out
    assert run("report", "schedules").out.strip() == "None."
    run("report", "unschedule", "1", code=1)
    ledger = run("ledger", "list", "--json").out
    assert "report.schedule" in ledger and "report.deliver" in ledger and "a@unit.cn" not in ledger


def test_what_failed_says_why_and_what_to_do_and_goes_again(run: Run, site: MailSite) -> None:
    run("report", "schedule", "NM", "--mail", "a@unit.cn", "--format", "xlsx")
    site.refuse["RCPT"] = "550 no such user"
    failed = run("report", "deliver", "NM", code=1).out
    assert "The mail server refuses the recipient" in failed and "550 no such user" in failed
    assert "meizhen report resolve 1 --again" in failed
    assert "meizhen report deliveries --waiting" in run("queue", "notices").out
    site.refuse["RCPT"] = "450 come again"
    assert "tries again at" in run("report", "resolve", "1", "--again").out
    assert run("report", "deliveries", "--json").json()[0]["state"] == "planned"
    site.refuse["RCPT"] = "550 no such user"
    run("report", "deliver", "NM", code=1)
    site.refuse.clear()
    run("report", "resolve", "2", code=1)
    assert run("report", "resolve", "2", "--again", "--json").json()[0]["state"] == "sent"
    assert run("report", "deliveries", "--waiting").out.strip() == "None."
    assert run("queue", "notices", "--json").json() == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--mail", "a@unit.cn", "--cron", "30 7 * * 9"), "weekday"),
        (("--cron", "every monday", "--folder", "x"), "Expected five fields"),
        (("--folder", "../../etc"), "report_folder"),
        ((), "Nowhere"),
        (("--robot", "x"), "no robot"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(run: Run, arguments: tuple[str, ...], told: str) -> None:
    assert told in run("report", "schedule", "NM", *arguments, code=2).err


def test_mail_needs_a_server_and_delivering_a_schedule(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "meizhen report schedule NM" in run("report", "deliver", "NM", code=1).err
    monkeypatch.setenv("MEIZHEN_SMTP_HOST", "")
    assert "smtp_host" in run("report", "schedule", "NM", "--mail", "a@unit.cn", code=2).err
    assert "ISO week" in run("report", "deliver", "NM", "--week", "46", code=1).err


@responses.activate
def test_a_robot_is_added_from_standard_input_tested_used_and_removed(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = responses.post(ADDRESS, json={"errcode": 0, "errmsg": "ok"})
    pasted(monkeypatch, f"{ADDRESS}?key={KEY}\n")
    added = run("report", "robot", "add", "团委群", "--kind", "wecom")
    assert KEY not in added.out + added.err + run("report", "robot", "list", "--json").out
    assert "WeCom" in run("report", "robot", "list").out
    run("report", "robot", "test", "团委群")
    run("report", "schedule", "NM", "--robot", "团委群", "--folder", ".", "--format", "xlsx")
    run("report", "deliver", "NM", "--week", "2026-W46")
    assert answer.call_count == 2
    told = json.loads(responses.calls[1].request.body)["text"]["content"]
    assert told.startswith("【周报】某区 2026-W46")
    assert "schedules 1" in run("report", "robot", "remove", "团委群", code=1).err
    run("report", "unschedule", 1)
    run("report", "robot", "remove", "团委群")
    assert run("report", "robot", "list").out.strip() == "None."
    assert KEY.encode() not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@responses.activate
def test_a_refused_test_message_is_told_and_fails(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    responses.post(ADDRESS, json={"errcode": 93000, "errmsg": f"invalid webhook url {KEY}"})
    pasted(monkeypatch, KEY)
    run("report", "robot", "add", "g", "--kind", "wecom")
    failed = run("report", "robot", "test", "g", "--json", code=1)
    assert failed.json()["state"] == "failed"
    assert "93000" in failed.err and KEY not in failed.err


def test_a_key_comes_from_a_file_or_standard_input_and_never_from_an_argument(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(f"{KEY}\nSECcanary0123\n")
    run("report", "robot", "add", "a", "--kind", "dingtalk", "--file", tmp_path / "key")
    assert (
        "none.txt" in run("report", "robot", "add", "b", "--kind", "wecom", "--file", "none.txt", code=2).err
    )
    pasted(monkeypatch, "http://127.0.0.1:9/?key=0123456789abcdef")
    assert "qyapi.weixin.qq.com" in run("report", "robot", "add", "b", "--kind", "wecom", code=2).err
    assert "wecom, dingtalk, feishu" in run("report", "robot", "add", "b", "--kind", "json", code=2).err
    run("report", "robot", "add", "b", "--kind", "wecom", f"{ADDRESS}?key={KEY}", code=2)


def test_rotating_keys_takes_robots_along(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pasted(monkeypatch, KEY)
    run("report", "robot", "add", "g", "--kind", "wecom")
    run("account", "rotate-keys")
    [entry] = [entry for entry in run("ledger", "list", "--json").json() if entry["act"] == "keys.rotate"]
    assert entry["details"]["robots"] == 1
