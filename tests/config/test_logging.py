"""Logs go to standard error as JSON, without secrets."""

import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from config import logging as house_logging
from config.logging import configure_logging, hide


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing known to be secret before, the libraries' loggers as they were after."""
    monkeypatch.setattr(house_logging, "_known", house_logging._Known())
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    root.handlers[:] = before
    structlog.reset_defaults()


def test_an_event_is_one_json_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    structlog.get_logger("x").warning("lane_lost", account=3, told="没回话")
    said = capsys.readouterr()
    assert said.out == ""
    event = json.loads(said.err)
    assert (event["event"], event["account"], event["told"], event["level"]) == (
        "lane_lost",
        3,
        "没回话",
        "warning",
    )


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("error")
    structlog.get_logger("x").warning("quiet")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["secret", "access_token", "Authorization", "api_key", "credentials"])
def test_a_secret_is_hidden_by_its_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    structlog.get_logger("x").info("call", **{name: "canary-qwjxz"})
    assert "canary" not in capsys.readouterr().err


def test_a_secret_inside_an_address_or_a_traceback_is_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    try:
        raise RuntimeError("GET https://api.example.org/x?access_token=canary-qwjxz&a=1")
    except RuntimeError:
        structlog.get_logger("x").exception("failed", url="https://h/?secret=canary-qwjxz")
    said = capsys.readouterr().err
    assert "canary" not in said
    assert "RuntimeError" in said


CANARY = "canary/qwjxz+x=Z"


class Holder:
    """Something that shows what it holds."""

    def __repr__(self) -> str:
        return f"Holder({CANARY})"


@pytest.mark.parametrize(
    "value",
    [
        CANARY,
        f"before{CANARY}after",
        f"https://x.example/?q={quote(CANARY, safe='')}&r={quote(CANARY)}",
        CANARY.encode(),
        bytearray(b"\xff" + CANARY.encode()),
        {"a": {"b": [1, (CANARY, None)]}},
        {CANARY: True},
        {"deep": [{"x": CANARY.encode()}]},
        Holder(),
        ValueError(CANARY),
    ],
)
def test_a_known_secret_appears_whatever_holds_it_in_no_log(
    value: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("info")
    hide(CANARY)
    structlog.get_logger("x").info(f"event {CANARY}", value=value, other=[value])
    said = capsys.readouterr().err
    event = json.loads(said)
    del event["timestamp"]  # any digits may stand in it
    assert "canary" not in json.dumps(event) and "qwjxz" not in json.dumps(event)
    assert event["event"] == "event ***"


def test_a_known_secret_is_taken_out_of_a_traceback_with_its_causes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("info")
    hide(CANARY)
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise RuntimeError(f"while opening {CANARY}") from error
    except RuntimeError:
        structlog.get_logger("x").exception("failed")
    said = capsys.readouterr().err
    assert "qwjxz" not in said and "KeyError" in said and "while opening ***" in said


def test_names_hide_their_values_at_any_depth(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    structlog.get_logger("x").info("call", request={"headers": {"Authorization": "abc", "ok": "seen"}}, n=1)
    event = json.loads(capsys.readouterr().err)
    assert event["request"] == {"headers": {"Authorization": "***", "ok": "seen"}}
    assert event["n"] == 1


def test_what_libraries_log_is_json_without_secrets_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    configure_logging("info")
    hide(CANARY)
    try:
        raise RuntimeError(CANARY)
    except RuntimeError:
        logging.getLogger("apscheduler.executors").error("job %s failed", CANARY, exc_info=True)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, "one handler, however often logs are set up"
    event = json.loads(lines[0])
    assert (event["event"], event["logger"]) == ("job *** failed", "apscheduler.executors")
    assert "qwjxz" not in lines[0]


def test_one_secret_that_begins_like_another_is_hidden_whole() -> None:
    known = house_logging._Known()
    known.add("abcdefgh")
    known.add("abcdefghijkl")
    assert known.taken_out("-abcdefghijkl-abcdefgh-") == "-***-***-"


def test_what_is_too_short_to_be_a_secret_mutilates_nothing() -> None:
    known = house_logging._Known()
    known.add("")
    known.add("lane")
    assert known.taken_out("lane_lost") == "lane_lost"


def test_the_oldest_are_forgotten_not_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house_logging, "_MOST_KNOWN", 10)
    known = house_logging._Known()
    for number in range(100):
        known.add(f"secret-{number:03}")
    assert known.taken_out("secret-000 secret-099") == "secret-000 ***"
    assert len(known._values) == 10


@given(secrets=st.lists(st.text(min_size=6, max_size=20), max_size=5), around=st.text(max_size=40))
def test_no_known_secret_is_ever_left(secrets: list[str], around: str) -> None:
    known = house_logging._Known()
    for secret in secrets:
        known.add(secret)
    for secret in secrets:
        told = known.taken_out(around + secret + around)
        # What stood before may run into it; by itself it is gone.
        assert secret not in told or "*" in secret


def test_opened_credentials_are_known_to_the_logs(
    capsys: pytest.CaptureFixture[str], database: Any, keys: Any, clock: Any
) -> None:
    from datetime import timedelta

    from scenery import make_account

    from organisation import SealedMemory, open_credentials

    configure_logging("info")
    credentials = {"appid": "wx0123456789abcdef", "secret": "canaryqwjxzcanaryqwjxzcanaryqwjxzab"}
    account = make_account(database, keys, "wechat", "binhe", credentials=credentials)
    with database.read() as session:
        open_credentials(session, keys, account)
    memory = SealedMemory(database, keys, account.known_id, clock=clock, lease=timedelta(seconds=1))
    memory.put("token", "88_canary4712")
    memory.put("draft:d1", "media-4713")
    told = f"{credentials['secret']} 88_canary4712 {credentials['appid']} media-4713"
    structlog.get_logger("x").info("call", told=told)
    assert json.loads(capsys.readouterr().err)["told"] == "*** *** wx0123456789abcdef media-4713"
