"""What commands print with `--json` has a schema each, and the schemas hold what they promise."""

import ast
import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from command import invoke
from json_schemas import (
    DEFINITIONS,
    FOLDER,
    Node,
    commands_with_json,
    differences,
    nodes,
    read_schema,
    require_schema,
    validator_of,
)

PAGE = FOLDER.parent / "json-output.md"
NAMES = sorted(path.stem for path in FOLDER.iterdir())
# A test → the commands that it runs with `--json`: then what they print is held to their schemas.
CALLED = """
test_cli_account.py::test_import_refuses_what_is_there_and_updates_when_told
    account-import account-show
test_cli_archive.py::test_a_month_is_archived_listed_and_verified
    figures-archives
test_cli_archive.py::test_what_differs_is_told_with_an_exit_code
    figures-archive
test_cli_award.py::test_a_notice_an_objection_and_its_answer
    award-objection-list
test_cli_award.py::test_a_run_is_verified_compared_and_explained
    award-diff award-explain award-verify
test_cli_award.py::test_a_signature_and_an_exclusion_stand_in_the_ledger
    award-exclude
test_cli_award.py::test_check_tells_how_many_are_eligible_and_why_others_are_not
    award-check
test_cli_award.py::test_run_writes_the_folder_and_prints_the_list
    award-run
test_cli_award.py::test_score_sheets_go_out_and_come_back
    award-jury-status
test_cli_award_papers.py::test_papers_are_named_with_those_that_have_to_wait
    award-papers
test_cli_backup.py::test_from_a_backup_by_the_clock_to_a_house_that_publishes_again
    backup backup-verify doctor ledger-verify
test_cli_backup.py::test_what_was_not_restored_to_its_end_says_what_to_do
    restore
test_cli_campaign.py::test_a_campaign_from_its_plan_to_its_report
    campaign-add campaign-close campaign-done campaign-item-add campaign-list campaign-report
    campaign-show post-add post-draft
test_cli_connector.py::test_a_strangers_connector_is_found_by_its_entry_point_and_meets_every_demand
    connector-list connector-test
test_cli_figures.py::test_collecting_tells_what_came_and_what_did_not
    figures-collect figures-gaps
test_cli_figures.py::test_what_failed_is_told_in_words_and_planned_again
    figures-plan
test_cli_imports.py::test_an_import_is_listed_compared_and_undone
    figures-conflicts figures-imports figures-undo
test_cli_imports.py::test_every_bad_cell_comes_as_json_and_the_first_ones_for_people
    figures-import
test_cli_imports.py::test_who_has_not_reported_is_told_by_week
    figures-missing
test_cli_index.py::test_list_names_every_shipped_index
    index-list
test_cli_index.py::test_show_gives_the_formula_and_the_variables
    index-show
test_cli_job.py::test_jobs_are_listed_shown_and_called_off
    job-list job-show
test_cli_key.py::test_a_key_is_shown_once_listed_without_itself_and_revoked
    key-add key-list
test_cli_media.py::test_a_cover_is_cut_and_held_by_the_unit
    media-cut
test_cli_media.py::test_a_picture_goes_into_the_library_and_is_found_again
    media-add media-list media-show
test_cli_media.py::test_a_webhook_from_its_entry_to_its_end
    webhook-add webhook-list webhook-log webhook-resend webhook-test
test_cli_org.py::test_import_says_what_it_did
    org-import
test_cli_person.py::test_a_code_and_a_password_are_typed_unseen
    person-password
test_cli_person.py::test_a_person_comes_is_given_a_role_and_goes
    person-hand-over person-list person-show
test_cli_person.py::test_lists_show_a_person_what_is_theirs
    account-check account-list org-list person-invite post-list
test_cli_person.py::test_roles_are_told_with_their_acts
    person-roles
test_cli_queue.py::test_what_comes_next_is_told_as_the_digest_tells_it
    queue-next
test_cli_queue_resume.py::test_a_units_lateness_holds_for_imported_posts
    post-import post-show
test_cli_queue_resume.py::test_without_a_terminal_and_an_answer_late_posts_are_held
    queue-status
test_cli_report.py::test_the_pictures_of_a_week_are_drawn
    report-pictures
test_cli_report.py::test_without_a_week_it_is_the_one_before_this
    report-weekly
test_cli_report_deliveries.py::test_a_digest_is_ordered_for_every_day_at_five_and_is_no_weekly_report
    report-schedule
test_cli_report_deliveries.py::test_a_refused_test_message_is_told_and_fails
    report-robot-test
test_cli_report_deliveries.py::test_a_robot_is_added_from_standard_input_tested_used_and_removed
    report-robot-list
test_cli_report_deliveries.py::test_a_schedule_is_made_listed_sent_by_hand_and_ended
    report-deliver report-schedules
test_cli_report_deliveries.py::test_what_failed_says_why_and_what_to_do_and_goes_again
    queue-notices report-deliveries report-resolve
test_cli_review.py::test_a_post_goes_the_whole_way
    ledger-list post-send review-list review-show review-submit
test_cli_review.py::test_a_units_stages_and_words_are_set_and_inherited
    org-show org-word
test_cli_task.py::test_a_task_goes_from_the_list_to_its_link
    task-list task-show
test_cli_top.py::test_a_program_gets_one_json_document_with_exact_values
    figures-top
test_demo.py::test_the_demo_publishes_once_collects_reports_and_ranks
    demo
"""
# What is truly left out sometimes: every other key is always there.
LEFT_OUT = {
    "award-papers": {"run_id", "number", "final", "papers", "left_out"},
    "definitions/import_refusal": {"bad_cells"},
    "definitions/import_report": {"bad_cells"},
    "definitions/input_error": {"problems"},
    "figures-top/rows": {"account", "unit", "month"},
    "review-show/content": {"alts"},
}
INDEX = "nri_newrank_old"


def test_every_command_with_json_has_a_schema_and_every_schema_a_command() -> None:
    assert sorted([*commands_with_json().values(), DEFINITIONS]) == NAMES


def test_the_page_has_every_command_with_its_schema() -> None:
    rows = ["| 命令 Command | Schema | |", "|---|---|---|"]
    for words, name in commands_with_json().items():
        title = read_schema(name)["title"]
        rows.append(f"| `meizhen {' '.join(words)}` | [{name}.json](json/{name}.json) | {title} |")
    page = PAGE.read_text("utf-8")
    assert page.partition("<!-- commands -->\n\n")[2] == "\n".join(rows) + "\n"


def test_each_schema_is_one_and_its_references_lead_somewhere() -> None:
    defined = read_schema(DEFINITIONS)["$defs"]
    for name in NAMES:
        schema = read_schema(name)
        jsonschema_rs.meta.validate(schema)
        validator_of(name)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema", name
        assert re.search(r"[\u4e00-\u9fff].* [A-Z][a-z ]", schema["title"]), f"{name}: both languages"
        home = "" if name == DEFINITIONS else f"{DEFINITIONS}.json"
        for place, node in nodes(name):
            if "$ref" in node:
                file, _, what = node["$ref"].partition("#/$defs/")
                assert file == home and what in defined, place


def test_objects_are_closed_and_their_keys_always_there() -> None:
    """Some definitions are open, for others to say more: whoever refers to one closes it."""
    opened = {place for place, node in nodes(DEFINITIONS) if "properties" in node and not _closed(node)}
    for place, node in (found for name in NAMES for found in nodes(name)):
        if "properties" in node or node.get("type") == "object":
            assert _closed(node) or place in opened, f"{place} takes keys that nobody told of"
            left_out = {*node.get("properties", {})} - {*node.get("required", [])}
            assert left_out == LEFT_OUT.get(place, set()), place
        for one in (node, *node.get("allOf", [])):
            if f"{DEFINITIONS}/{_referred(one)}" in opened and place not in opened:
                assert _closed(node) or node in _said_before(place), place


def test_every_number_is_told() -> None:
    for place, node in (found for name in NAMES for found in nodes(name)):
        for key, one in node.get("properties", {}).items():
            assert "description" in one or not _is_number(one), f"{place}/{key} is a number of what?"


def _said_before(place: str) -> list[Node]:
    """What the objects of this place say more than."""
    return [
        one for at, node in nodes(place.partition("/")[0]) if at == place for one in node.get("allOf", [])
    ]


def _referred(node: Node) -> str:
    return str(node.get("$ref", "")).rpartition("/")[2]


def _closed(node: Node) -> bool:
    return "additionalProperties" in node or "unevaluatedProperties" in node


def _is_number(node: Node) -> bool:
    kinds = node.get("type", [])
    if {"integer", "number"} & {*([kinds] if isinstance(kinds, str) else kinds)}:
        return True
    inner = [node.get("items"), node.get("additionalProperties"), *node.get("anyOf", [])]
    return any(_is_number(one) for one in inner if isinstance(one, dict))


def test_every_definition_is_told_and_used() -> None:
    defined = read_schema(DEFINITIONS)["$defs"]
    used = {_referred(node) for name in NAMES for _, node in nodes(name)} - {""}
    named = {
        node["propertyNames"]["$ref"].rpartition("/")[2]
        for name in NAMES
        for _, node in nodes(name)
        if "propertyNames" in node
    }
    assert used | named == {*defined}
    assert [name for name, one in defined.items() if not one.get("description")] == []


@cache
def said_in(file: str) -> Callable[[str], set[str]]:
    """Gives, of a test in this file, the words that stand in it and in what it uses of the file."""
    tree = ast.parse((Path(__file__).parent / file).read_text("utf-8"))
    here: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            here[node.name] = node
        elif isinstance(node, ast.Assign):
            here |= {one.id: node for one in node.targets if isinstance(one, ast.Name)}

    def said(test: str) -> set[str]:
        words, seen, left = set(), set(), [test]
        while left:
            name = left.pop()
            if name in seen or name not in here:
                continue
            seen.add(name)
            for node in ast.walk(here[name]):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    words.add(node.value)
                left += [node.id] if isinstance(node, ast.Name) else []
                left += [node.arg] if isinstance(node, ast.arg) else []
        return words

    return said


def test_every_schema_is_held_to_what_a_test_has_its_command_print() -> None:
    words_of = {name: words for words, name in commands_with_json().items()}
    called, said = set(), set()
    for word in CALLED.split():
        if "::" in word:
            file, _, test = word.partition("::")
            said = said_in(file)(test)
            assert said, f"{word} is no test"
            continue
        assert {*words_of[word][1:], "--json"} <= said, f"{word} is not called by {test}"
        called.add(word)
    assert called == {*words_of}


def put(*place: str | int, value: object) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for step in place[:-1]:
            document = document[step]
        document[place[-1]] = value

    return change


CHANGES: dict[str, Callable[[Any], Any]] = {
    "a key more": put("extra", value=1),
    "a key more below": put("levels", 0, "terms", 0, "extra", value=1),
    "a key more in a text of two languages": put("label", "fr", value="x"),
    "a key less": lambda document: document.pop("note"),
    "a key less of what others say too": lambda document: document.pop("formula"),
    "a number for a decimal": put("scale", value=1000),
    "a decimal with an exponent": put("scale", value="1E+3"),
    "nothing for what is always known": put("power", value=None),
    "0 where nothing is known": put("levels", 0, "terms", 0, "cap", value=0),
    "a text for a number": put("average_decimals", value="2"),
    "a word that is none of them": put("formula", value="levels2"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_is_not_as_the_schema_has_it_is_refused(change: Callable[[Any], Any]) -> None:
    asked = ["index", "show", INDEX, "--json"]
    told = json.loads(invoke(*asked).stdout)
    other = copy.deepcopy(told)
    change(other)
    require_schema(asked, 0, json.dumps(told))
    with pytest.raises(AssertionError, match=r"not as index-show\.json has it"):
        require_schema(asked, 0, json.dumps(other))


@pytest.mark.parametrize(
    "at",
    ["2026-03-02T09:00:00", "2026-03-02 09:00:00+08:00", "2026-03-02", "2026-02-30T09:00:00Z", None, 0],
)
def test_a_moment_has_its_offset_and_is_one(at: object) -> None:
    told = {"login": "li", "code": "x", "expires_at": "2026-03-02T09:00:00.123456+08:00"}
    assert differences("person-invite", json.dumps(told)) == ""
    assert "expires_at" in differences("person-invite", json.dumps(told | {"expires_at": at}))


@pytest.mark.parametrize(
    "out", ["", "Done.\n", "[]\n[]\n", "… 50 %\n[]\n", "[]\nDone.\n", "\x1b[1m[]\x1b[0m\n", "[NaN]\n"]
)
def test_what_is_not_one_document_is_refused_where_json_was_asked_for(out: str) -> None:
    require_schema(["--as", "li", "org", "list"], 0, out)
    require_schema(["org", "list", "--json"], 0, "[]\n")
    require_schema(["org", "list", "--json"], 1, "")
    for code in (0, 1):
        with pytest.raises(AssertionError, match=r"not as org-list\.json has it"):
            require_schema(["--as", "li", "org", "list", "--json"], code, out or " ")


def test_a_key_that_is_told_twice_is_refused() -> None:
    told = '{"post": 1, "deliveries": [1], "post": 2}'
    assert differences("post-send", '{"post": 1, "deliveries": [1]}') == ""
    assert "no JSON document" in differences("post-send", told)


def test_a_pipe_gets_one_document_and_nothing_else(tmp_path: Path) -> None:
    """A real process whose surroundings ask for colour."""
    asked = ["index", "list", "--json"]
    done = subprocess.run(
        [Path(sys.executable).with_name("meizhen"), *asked],
        env={**os.environ, "MEIZHEN_HOME": str(tmp_path), "TERM": "xterm-256color", "FORCE_COLOR": "1"},
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"[") and done.stdout.endswith(b"]\n") and b"\x1b" not in done.stdout
    require_schema(asked, 0, done.stdout.decode())
