"""Logs go to standard error as JSON, without secrets."""

import json
from collections.abc import Iterator

import pytest
import structlog

from config.logging import configure_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
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
    structlog.get_logger("x").info("call", **{name: "canary-4711"})
    assert "canary" not in capsys.readouterr().err


def test_a_secret_inside_an_address_or_a_traceback_is_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    try:
        raise RuntimeError("GET https://api.example.org/x?access_token=canary-4711&a=1")
    except RuntimeError:
        structlog.get_logger("x").exception("failed", url="https://h/?secret=canary-4711")
    said = capsys.readouterr().err
    assert "canary" not in said
    assert "RuntimeError" in said
