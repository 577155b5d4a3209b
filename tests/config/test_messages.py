"""Texts in the reader's language, and errors that name place, expectation and remedy."""

import re
from string import Formatter

import pytest

from config import InputError, MeizhenError, Problem
from config.messages import Words, catalogue, for_page, present_language, text, told, topics, use_language
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


# What only a command, the API or the start of the service meets: its remedy may name commands everywhere.
ONLY_AT_THE_SHELL = {
    "api.unauthorised",
    "archive.open_holes",
    "award.out_needed",
    "backup.not_one",
    "backup.out_needed",
    "connector.write_needs_account",
    "database.old_tables",
    "demo.not_empty",
    "doctor.accounts_none",
    "doctor.backup_never",
    "doctor.backup_old",
    "doctor.people_none",
    "doctor.queue_stopped",
    "doctor.room_little",
    "doctor.service_away",
    "engine.age_of_a_day",
    "engine.missing",
    "engine.no_weight",
    "engine.several_rules",
    "figures.template_exists",
    "house.not_made",
    "house.restoring",
    "organisation.beyond_key",
    "papers.folder_needed",
    "papers.no_template",
    "person.charge_what",
    "queue.reason_of_post",
    "review.who",
    "secrets.no_key_file",
    "web.bad_host",
    "web.port_taken",
}


def remedies() -> list[tuple[str, dict[str, str]]]:
    return [
        (f"{topic}.{entry}", texts)
        for topic in topics()
        for entry, texts in catalogue(topic).items()
        if "remedy_zh" in texts
    ]


def test_a_remedy_that_names_a_command_says_on_a_page_what_to_do_there() -> None:
    commands = {key for key, texts in remedies() if re.search(r"\bmeizhen [a-z]|--[a-z]", texts["remedy_zh"])}
    told_there = {key for key, texts in remedies() if "remedy_page_zh" in texts}
    assert commands - told_there == ONLY_AT_THE_SHELL & commands
    assert told_there <= commands
    assert commands >= ONLY_AT_THE_SHELL


def test_what_is_said_on_a_page_names_no_command_and_asks_for_nothing_that_the_error_does_not_know() -> None:
    for key, texts in remedies():
        known = {name for part in ("zh", "remedy_zh") for _, name, _, _ in Formatter().parse(texts[part])}
        for language in ("zh", "en"):
            there = texts.get(f"remedy_page_{language}", "")
            assert bool(there) == ("remedy_page_zh" in texts), key
            assert not re.search(r"\bmeizhen [a-z]|--[a-z]|/api", there), key
            assert {name for _, name, _, _ in Formatter().parse(there)} <= known, key


def test_a_reader_of_a_page_is_told_of_pages_and_a_program_of_commands() -> None:
    error = MeizhenError("review.never_submitted", post=7)
    at_the_shell = error.remedy("en")
    with for_page():
        on_a_page = error.remedy("en")
        assert MeizhenError("input.required").remedy("en") == ""
    assert (at_the_shell, on_a_page) == ("meizhen review submit 7", "Press “Submit for review” first.")
