"""Objections: in time, with a name, answered, traced; the list waits for them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from award_world import Store, World, rows_of, small_rule, wechat

from analytics.awards import run_award
from analytics.awards.folder import RunFolder
from analytics.awards.notice import put_up
from analytics.awards.objections import OBJECTIONS, answer_objection, file_objection, objections
from analytics.awards.rule import Rule
from analytics.awards.run import AwardResult, rule_of
from analytics.awards.verification import verify
from config.database import Database
from config.errors import InputError, MeizhenError

UP = date(2027, 1, 20)
OVER = date(2027, 1, 26)  # five days from the 21st to the 25th
NOTICE = "\n[notice]\npublic_days = 5\nobjection = { named = true, answer_days = 3 }\n"


class Case:
    """A run whose rule has a notice."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.path = small_rule(folder)
        self.path.write_text(self.path.read_text("utf-8") + NOTICE, "utf-8")
        self.folder = RunFolder(folder / "out")
        self.first = self.run(UP)
        self.rule: Rule = rule_of(self.folder)

    def run(self, today: date | None, again_from: str | None = None) -> AwardResult:
        return run_award(self.database, self.path, self.folder.path, today=today, again_from=again_from)

    def file(self, today: date = UP, by: str = "某大学团委", text: str = "阅读数有误") -> int:
        return file_objection(
            self.folder, self.rule, by=by, account="wechat:demo-0", text=text, today=today
        ).number

    def answer(self, number: int, *, upheld: bool = False) -> None:
        answer_objection(self.folder, number, by="评审组", text="已核对", upheld=upheld, today=OVER)


@pytest.fixture
def case(store: Store, tmp_path: Path) -> Case:
    world = World()
    for number in range(2):
        key = world.account("wechat", f"demo-{number}", "league")
        world.article(key, date(2026, 1, 5) + timedelta(days=number), wechat(500 + 100 * number))
    return Case(store(world), tmp_path)


def code_of(attempt: object) -> str:
    with pytest.raises(MeizhenError) as refused:
        attempt()  # type: ignore[operator]
    return refused.value.code


def test_a_list_waits_for_its_notice_and_becomes_final_when_that_is_over(case: Case) -> None:
    assert case.first.waiting is not None and case.first.waiting.code == "award.notice_not_up"
    assert "final" not in case.first.paths
    assert case.first.paths["notice"].is_file()
    put_up(case.folder, case.rule, UP)
    waiting = case.run(OVER - timedelta(days=1)).waiting
    assert waiting is not None and waiting.code == "award.notice_not_over"
    assert code_of(lambda: case.run(OVER - timedelta(days=1), again_from="final")) == "award.notice_not_over"
    final = case.run(OVER)
    assert final.waiting is None
    assert [row["handle"] for row in rows_of(final.paths["final"])] == ["demo-1"]
    assert final.run_id == case.first.run_id
    assert verify(case.folder.path).differences == ()
    assert code_of(lambda: case.file(UP)) == "award.run_locked"


def test_an_open_objection_holds_the_list_and_an_answered_one_does_not(case: Case) -> None:
    put_up(case.folder, case.rule, UP)
    assert (case.file(), case.file(OVER - timedelta(days=1))) == (1, 2)
    waiting = case.run(OVER).waiting
    assert waiting is not None
    assert (waiting.code, waiting.params["numbers"]) == ("award.objections_open", "1, 2")
    case.answer(2)
    assert code_of(lambda: case.run(OVER, again_from="final")) == "award.objections_open"
    case.answer(1)
    assert case.run(OVER).waiting is None
    first, second = objections(case.folder)
    assert first.due == UP + timedelta(days=3)
    assert first.answer is not None and second.answer is not None
    assert (first.answer.by, first.answer.day, first.answer.text) == ("评审组", OVER, "已核对")
    assert '"objections"' in (case.folder.path / "final.json").read_text("utf-8")
    assert verify(case.folder.path).differences == ()


def test_objections_and_answers_of_one_moment_are_all_kept(case: Case) -> None:
    """Console, API and command line file into the same folder."""
    put_up(case.folder, case.rule, UP)
    together = threading.Barrier(8)

    def file(number: int) -> int:
        together.wait(30)
        return file_objection(
            RunFolder(case.folder.path), case.rule, by=f"{number}", account="", text="x" * 5000, today=UP
        ).number

    def answer(number: int) -> None:
        together.wait(30)
        answer_objection(RunFolder(case.folder.path), number, by="a", text="b", upheld=False, today=OVER)

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(file, range(8))) == list(range(1, 9))
        assert {one.by for one in objections(case.folder)} == {f"{number}" for number in range(8)}
        list(threads.map(answer, range(1, 9)))
    assert all(one.answer is not None for one in objections(case.folder))


def test_an_upheld_objection_keeps_the_list_from_becoming_final(case: Case) -> None:
    put_up(case.folder, case.rule, UP)
    case.answer(case.file(), upheld=True)
    waiting = case.run(OVER).waiting
    assert waiting is not None and waiting.code == "award.objections_upheld"


def test_objections_need_time_name_and_text(case: Case) -> None:
    assert code_of(case.file) == "award.notice_not_up"
    put_up(case.folder, case.rule, UP)
    assert code_of(lambda: case.file(UP - timedelta(days=1))) == "award.notice_not_up"
    assert code_of(lambda: case.file(OVER)) == "award.objection_late"
    assert code_of(lambda: case.file(by=" ")) == "award.objection_unnamed"
    assert code_of(lambda: case.file(text="")) == "award.objection_empty"
    with pytest.raises(InputError, match="demo-00"):
        file_objection(case.folder, case.rule, by="x", account="demo-00", text="y", today=UP)
    number = case.file(text="第一行\n第二行 \u2028 还有")
    assert objections(case.folder)[0].text == "第一行\n第二行 \u2028 还有"
    assert code_of(lambda: case.answer(number + 1)) == "award.no_such_objection"
    case.answer(number)
    assert code_of(lambda: case.answer(number)) == "award.objection_answered"


def test_the_notice_goes_up_once(case: Case) -> None:
    days = put_up(case.folder, case.rule, UP)
    assert (days.put_up, days.until) == (UP, OVER - timedelta(days=1))
    assert put_up(case.folder, case.rule, UP) == days
    assert code_of(lambda: put_up(case.folder, case.rule, OVER)) == "award.notice_is_up"


@pytest.mark.parametrize("take", [0, 1])
def test_a_line_that_was_changed_or_taken_out_shows(case: Case, take: int) -> None:
    put_up(case.folder, case.rule, UP)
    for _ in range(3):
        case.file()
    path = case.folder.path / OBJECTIONS
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:take] + lines[take + 1 :]), "utf-8")
    assert code_of(lambda: objections(case.folder)) == "award.objections_changed"
    path.write_text("".join(lines).replace("有误", "无误", 1), "utf-8")
    assert code_of(lambda: objections(case.folder)) == "award.objections_changed"
    assert any(one.file == OBJECTIONS for one in verify(case.folder.path).differences)
