"""Texts in the reader's language, and errors that name place, expectation and remedy."""

import pytest

from config import InputError, MeizhenError, Problem
from config.messages import Words, present_language, text, told, use_language
from scheduler.assisted_tasks import TaskState
from scheduler.deliveries import State


@pytest.fixture
def no_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEIZHEN_LANGUAGE")
    monkeypatch.setattr("config.messages._chosen", None)


@pytest.mark.usefixtures("no_language")
def test_chinese_comes_first_then_the_setting_then_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert present_language() == "zh"
    use_language("en")
    assert text("input.required") == "Must not be empty."
    monkeypatch.setenv("MEIZHEN_LANGUAGE", "zh")
    assert text("input.required") == "不能为空。"
    monkeypatch.setenv("MEIZHEN_LANGUAGE", "fr")
    assert present_language() == "en"
    with pytest.raises(ValueError, match="zh, en"):
        use_language("fr")


def test_a_text_that_no_catalogue_knows_is_a_bug() -> None:
    with pytest.raises(KeyError):
        text("input.no_such_entry")
    assert told("input.required", {}, part="remedy") == ""


def test_braces_in_what_came_from_outside_stay_as_they_are() -> None:
    assert "{0.__class__}" in text("input.not_a_number", received="{0.__class__}")


def test_an_error_tells_both_languages_and_whether_anything_went_out() -> None:
    error = MeizhenError("secrets.no_key_file", path="/x", may_have_gone_out=True)
    facts = error.as_json()
    assert facts["may_have_gone_out"] is True and facts["code"] == "secrets.no_key_file"
    assert "/x" in str(facts["zh"]) and "/x" in str(facts["en"])
    assert facts["remedy_zh"] and facts["remedy_en"]
    assert str(error) == f"{facts['en']} {facts['remedy_en']}"


def test_states_within_an_error_are_told_in_the_readers_words() -> None:
    allowed = Words("task.state_", ("waiting", "opened"))
    error = MeizhenError("task.wrong_state", id=7, state=Words("task.state_", ("done",)), expected=allowed)
    assert error.told("zh") == "任务 7 现在是“已完成”,这样做要求它是:待认领、已认领。"
    assert error.told("en") == "Task 7 is “done”; this needs it to be: waiting, opened."


@pytest.mark.parametrize(("prefix", "states"), [("task.state_", TaskState), ("delivery.state_", State)])
def test_every_state_has_its_words(prefix: str, states: type[TaskState | State]) -> None:
    words = Words(prefix, tuple(states))
    assert all(words.told(language) for language in ("zh", "en"))


def test_an_input_error_names_every_place_and_counts_the_rest() -> None:
    problems = [Problem("input.required", row, "name") for row in range(2, 32)]
    error = InputError("in.csv", problems)
    lines = str(error).splitlines()
    assert lines[0].startswith("in.csv: 30 problem(s)")
    assert lines[1] == "  row 2 column “name”: Must not be empty."
    assert lines[-1] == "  … and 10 more" and len(lines) == 22
    listed = error.as_json()["problems"]
    assert isinstance(listed, list) and len(listed) == 30
    assert listed[0] == {
        "code": "input.required",
        "row": 2,
        "column": "name",
        "zh": "第 2 行“name”列: 不能为空。",
        "en": "row 2 column “name”: Must not be empty.",
    }
