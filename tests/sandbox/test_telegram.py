"""The Telegram double keeps to the sheet where a connector could be misled."""

from typing import Any

import pytest
import requests

from sandbox.platforms.telegram import example


class Bot:
    def __init__(self, sandbox: Any) -> None:
        self._url = f"{sandbox.url}/telegram"
        self.account = example(sandbox.world, "league")

    def call(self, method: str, token: str = "", **given: object) -> requests.Response:
        url = f"{self._url}/bot{token or self.account.credentials['token']}/{method}"
        return requests.post(url, json=given, timeout=5)


@pytest.fixture
def bot(sandbox: Any) -> Bot:
    return Bot(sandbox)


@pytest.mark.parametrize(("token", "code"), [("malformed", 404), ("1234567:another", 401)])
def test_a_wrong_token_is_told_by_its_form(bot: Bot, token: str, code: int) -> None:
    answer = bot.call("getMe", token)
    assert answer.status_code == code
    assert answer.json()["error_code"] == code
    assert answer.json()["ok"] is False


def test_a_message_tells_its_channel(bot: Bot) -> None:
    result = bot.call("sendMessage", chat_id="@league_channel", text="文").json()["result"]
    assert result["chat"] == result["sender_chat"]
    assert result["chat"]["username"] == "league_channel"
    assert result["chat"]["id"] < -(2**32)


@pytest.mark.parametrize(
    "given",
    [
        {"chat_id": "@nowhere", "text": "文"},
        {"chat_id": "@league_channel", "text": ""},
        {"chat_id": "@league_channel", "text": "👍" * 2048 + "a"},
    ],
)
def test_a_message_against_the_rules_is_refused(bot: Bot, given: dict[str, str]) -> None:
    assert bot.call("sendMessage", **given).json()["error_code"] == 400


def test_a_moved_group_tells_its_new_number(bot: Bot) -> None:
    bot.account.switches["moved_to"] = -1009999999999
    answer = bot.call("sendMessage", chat_id="@league_channel", text="文").json()
    assert answer["parameters"] == {"migrate_to_chat_id": -1009999999999}
    assert bot.call("sendMessage", chat_id=-1009999999999, text="文").json()["ok"] is True


def test_a_bot_cannot_read_the_channel(bot: Bot) -> None:
    assert bot.call("getChatHistory", chat_id="@league_channel").status_code == 404
