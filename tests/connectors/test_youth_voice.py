"""The 青年之声 connector against its double, and against sites that answer as they like."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import responses
from access import make_access
from hypothesis import given
from hypothesis import strategies as st

from config import ManualClock
from connectors import (
    Access,
    ArticleFigures,
    NeedsPerson,
    Outgoing,
    ReceiptState,
    Refused,
    Throttled,
    Uncertain,
    Unreachable,
)
from connectors.youth_voice import connector
from sandbox.platforms.youth_voice import example
from sandbox.world import Fault, SandboxAccount, World

BASE = "https://youth.example.org"
POST = Outgoing(key="k-1", seq=1, title="志愿者招募", text="欢迎报名。")
SINCE, UNTIL = date(2026, 2, 1), date(2026, 3, 2)
ASKED = "2026-02-20T09:00:00+08:00"


class Stage:
    """One site in the world, and the account's access to it. It is 2 March 2026, 09:00."""

    def __init__(self, world: World, clock: ManualClock, url: str) -> None:
        self.world, self.clock = world, clock
        self.account = example(world, "binhe")
        self.access = make_access(
            "youth_voice",
            "binhe",
            credentials=self.account.credentials,
            api_base=f"{url}/youth_voice",
            now=clock.now,
        )

    def move(self, step: timedelta) -> None:
        self.clock.move_to(self.clock.now() + step)
        self.world.move_to(self.clock.now())

    def articles(self, kind: str, since: date = SINCE, until: date = UNTIL) -> list[ArticleFigures]:
        found = connector.articles(self.access, since, until)
        return [article for article in found if article.kind == kind]


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


@pytest.fixture
def access(clock: ManualClock) -> Access:
    """Access to a site that `responses` plays."""
    token = {"token": "token-of-this-test-0123"}
    return make_access("youth_voice", "binhe", credentials=token, api_base=BASE, now=clock.now)


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def answer_lists(mocked: responses.RequestsMock, **question: object) -> None:
    """No announcement, and one question with these fields."""
    mocked.get(f"{BASE}/v1/announcements", json={"items": [], "next_cursor": None})
    item = {"id": "q1", "asked_at": ASKED, **question}
    mocked.get(f"{BASE}/v1/questions", json={"items": [item], "next_cursor": None})


def values_of(access: Access) -> dict[str, int | Decimal | None]:
    (article,) = connector.articles(access, SINCE, UNTIL)
    (figures,) = article.figures
    return dict(figures.values)


# Announcements.


def test_an_announcement_is_published_with_its_number_and_address(stage: Stage) -> None:
    receipt = connector.publish(stage.access, POST)
    (item,) = stage.world.published
    assert (receipt.state, receipt.remote_id, receipt.url) == (
        ReceiptState.PUBLISHED,
        item.remote_id,
        item.url,
    )
    assert (item.title, item.text, item.key) == ("志愿者招募", "欢迎报名。", "k-1")


def test_the_same_key_is_one_announcement(stage: Stage) -> None:
    assert connector.publish(stage.access, POST) == connector.publish(stage.access, POST)
    (item,) = stage.world.published
    assert item.received == 2


def test_the_same_key_with_another_text_is_refused(stage: Stage) -> None:
    connector.publish(stage.access, POST)
    with pytest.raises(Refused) as raised:
        connector.publish(stage.access, replace(POST, text="另一篇"))
    assert raised.value.platform_code == "key-reused"


@pytest.mark.parametrize(
    ("kind", "there"), [("cut_after", True), ("html_after", True), ("cut_before", False)]
)
def test_a_lost_answer_is_uncertain_and_the_look_up_tells(stage: Stage, kind: str, there: bool) -> None:
    stage.world.set_faults(Fault(kind, method="POST", times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, POST)
    found = connector.find(stage.access, POST, stage.clock.now())
    assert (found is not None) is there
    again = connector.publish(stage.access, POST)
    assert found in (None, again)
    assert len(stage.world.published) == 1


def test_an_announcement_tells_its_readers(stage: Stage) -> None:
    receipt = connector.publish(stage.access, POST)
    stage.move(timedelta(days=3))
    (article,) = stage.articles("announcement", until=date(2026, 3, 5))
    assert article.remote_id == receipt.remote_id
    assert article.title == "志愿者招募"
    (figures,) = article.figures
    assert figures.as_of == date(2026, 3, 5)
    assert figures.values.keys() == {"read_events", "like", "comment"}
    assert (figures.values["read_events"] or 0) > 0


# Rights and tokens.


def test_a_sound_account_has_all_rights(stage: Stage) -> None:
    assert [finding.fine for finding in connector.check(stage.access)] == [True, True]


def test_a_missing_right_is_told_with_a_remedy(stage: Stage) -> None:
    stage.account.switches["rights"] = ["statistics"]
    announce, statistics = connector.check(stage.access)
    assert (announce.fine, statistics.fine) == (False, True)
    assert announce.remedy is not None
    with pytest.raises(NeedsPerson) as raised:
        connector.publish(stage.access, POST)
    assert raised.value.platform_code == "missing-right"


@pytest.mark.parametrize(("days", "fine"), [(13, False), (15, True)])
def test_a_token_that_ends_soon_is_told(stage: Stage, days: int, fine: bool) -> None:
    stage.account.switches["token_expires_at"] = (stage.clock.now() + timedelta(days=days)).isoformat()
    finding = connector.check(stage.access)[-1]
    assert finding.fine is fine
    assert (finding.remedy is None) is fine


@pytest.mark.parametrize("expired", [True, False])
def test_a_dead_token_needs_a_person(stage: Stage, expired: bool) -> None:
    access = stage.access
    if expired:
        stage.account.switches["token_expires_at"] = stage.clock.now().isoformat()
    else:
        access = replace(access, credentials={"token": "another-token-0123456"})
    with pytest.raises(NeedsPerson) as raised:
        connector.publish(access, POST)
    assert raised.value.platform_code == ("token-expired" if expired else "unknown-token")
    assert raised.value.remedy is not None


def test_a_throttled_site_says_until_when(stage: Stage) -> None:
    stage.world.set_faults(Fault("throttle", value="90"))
    with pytest.raises(Throttled) as raised:
        next(connector.articles(stage.access, SINCE, UNTIL))
    assert raised.value.until == stage.clock.now() + timedelta(seconds=90)


# Questions.


def test_every_question_comes_once_over_all_pages(stage: Stage) -> None:
    stage.account.posts_per_week = 70
    questions = stage.articles("question")
    assert len(questions) > 200
    assert len({question.remote_id for question in questions}) == len(questions)
    assert all(date(2026, 2, 1) <= question.published_at.date() <= UNTIL for question in questions)
    assert stage.world.calls["GET /youth_voice/v1/questions"] > 4


def test_questions_are_the_same_whatever_the_steps_of_the_clock(stage: Stage) -> None:
    early = {question.remote_id for question in stage.articles("question")}
    stage.move(timedelta(days=5))
    late = stage.articles("question", until=date(2026, 3, 7))
    assert early < {question.remote_id for question in late}
    stage.account.state.clear()
    assert stage.articles("question", until=date(2026, 3, 7)) == late


def test_seeded_questions_show_every_kind_of_figure(stage: Stage) -> None:
    stage.account.posts_per_week = 70
    values = [question.figures[0].values for question in stage.articles("question")]
    for name in ("answered_within_72h", "satisfied", "reopened", "duplicate"):
        assert {0, 1} <= {value.get(name) for value in values}, name
    assert any(value.get("answered_within_72h", 0) is None for value in values)
    assert any("first_answer_hours" in value and value["first_answer_hours"] is None for value in values)


def test_figures_that_the_site_leaves_out_are_unknown(access: Access, mocked: Any) -> None:
    answer_lists(mocked, duplicate=False)
    assert values_of(access) == {
        "duplicate": 0,
        "read_events": None,
        "like": None,
        "answers": None,
        "first_answer_hours": None,
        "answered_within_72h": 0,
        "satisfied": None,
        "reopened": None,
    }


def test_a_duplicate_has_no_figures_of_its_own(access: Access, mocked: Any) -> None:
    answer_lists(mocked, duplicate=True, answers=3, first_answer_at=ASKED, satisfied=True)
    assert values_of(access) == {"duplicate": 1}


@pytest.mark.parametrize(
    ("asked_hours_ago", "answered_after", "expected"),
    [
        (71.9, 1, None),
        (72, 1, 1),
        (72, None, 0),
        (100, 72, 1),
        (100, 72.1, 0),
        (100, None, 0),
        (71.9, None, None),
    ],
)
def test_answered_within_72_hours_waits_until_they_have_passed(
    access: Access, mocked: Any, asked_hours_ago: float, answered_after: float | None, expected: int | None
) -> None:
    asked = access.now() - timedelta(hours=asked_hours_ago)
    answered = None if answered_after is None else asked + timedelta(hours=answered_after)
    answer_lists(
        mocked,
        asked_at=asked.isoformat(),
        first_answer_at=answered and answered.isoformat(),
        first_official_answer_at=answered and answered.isoformat(),
    )
    values = values_of(access)
    assert values["answered_within_72h"] == expected
    assert values["first_answer_hours"] == (None if answered_after is None else Decimal(str(answered_after)))


def test_an_answer_by_another_user_is_not_an_official_one(access: Access, mocked: Any) -> None:
    answer_lists(mocked, first_answer_at=ASKED, first_answer_by="user", first_official_answer_at=None)
    values = values_of(access)
    assert values["first_answer_hours"] == 0
    assert values["answered_within_72h"] == 0


@given(st.one_of(st.integers(), st.booleans(), st.none(), st.text(), st.lists(st.integers())))
def test_a_count_is_a_whole_number_from_0_or_unknown(value: object) -> None:
    moment = ManualClock(datetime(2026, 3, 2, tzinfo=UTC))
    token = {"token": "token-of-this-test-0123"}
    access = make_access("youth_voice", "x", credentials=token, api_base=BASE, now=moment.now)
    with responses.RequestsMock() as mocked:
        answer_lists(mocked, views=value)
        read = values_of(access)["read_events"]
    assert read == (value if type(value) is int and value >= 0 else None)


@pytest.mark.parametrize(
    "question",
    [
        {"id": None},
        {"id": ""},
        {"id": "a\nb"},
        {"asked_at": None},
        {"asked_at": "yesterday"},
        {"asked_at": "2026-02-20T09:00:00"},
        {"asked_at": 1771549200},
        {"first_answer_at": "soon"},
    ],
)
def test_a_question_that_cannot_be_read_is_a_gap_not_a_figure(
    access: Access, mocked: Any, question: dict[str, object]
) -> None:
    answer_lists(mocked, **question)
    with pytest.raises(Unreachable) as raised:
        values_of(access)
    assert raised.value.platform_code == "bad-answer"


@pytest.mark.parametrize("items", [None, {}, "x", [1], [None]])
def test_a_list_that_is_none_is_a_gap(access: Access, mocked: Any, items: object) -> None:
    mocked.get(f"{BASE}/v1/announcements", json={"items": items, "next_cursor": None})
    with pytest.raises(Unreachable):
        list(connector.articles(access, SINCE, UNTIL))


@pytest.mark.parametrize("cursor", ["same", 7, {}])
def test_pages_that_do_not_end_are_cut(access: Access, mocked: Any, cursor: object) -> None:
    mocked.get(f"{BASE}/v1/announcements", json={"items": [], "next_cursor": cursor})
    with pytest.raises(Unreachable):
        list(connector.articles(access, SINCE, UNTIL))
    assert len(mocked.calls) <= 2


def test_titles_can_be_stored_anywhere(access: Access, mocked: Any) -> None:
    answer_lists(mocked, topic="就业\x00创业\n" + "长" * 600, url="javascript:alert(1)")
    (article,) = connector.articles(access, SINCE, UNTIL)
    assert article.title.startswith("就业 创业 长")
    assert len(article.title) == 500
    assert article.url == ""


# Days.


def test_a_day_tells_questions_answers_and_active_people(stage: Stage) -> None:
    figures = connector.account_day(stage.access, date(2026, 3, 1))
    assert figures is not None
    assert not figures.delayed
    values = {name: int(value) for name, value in figures.values.items() if value is not None}
    assert values.keys() == {metric.name for metric in connector.metrics if metric.level == "account"}
    assert values["askers"] <= values["questions"]
    assert values["askers"] <= values["askers_ytd"]
    assert values["experts"] <= values["experts_ytd"]
    asked = stage.articles("question", since=date(2026, 3, 1), until=date(2026, 3, 1))
    assert values["questions"] == len(asked)


def test_people_of_the_year_only_grow_and_start_anew_in_january(stage: Stage) -> None:
    days = [date(2025, 12, 1) + timedelta(days=step) for step in range(90)]
    figures = [connector.account_day(stage.access, day) for day in days]
    grown = [
        (day, value)
        for day, told in zip(days, figures, strict=True)
        if told is not None and (value := told.values["askers_ytd"]) is not None
    ]
    assert len(grown) == 90
    for (day, before), (next_day, after) in pairwise(grown):
        assert after < before if day.year < next_day.year else after >= before


def test_a_day_that_is_not_over_is_delayed(stage: Stage) -> None:
    figures = connector.account_day(stage.access, date(2026, 3, 2))
    assert figures is not None
    assert figures.delayed


@pytest.mark.parametrize("day", [date(2026, 3, 3), date(2020, 1, 1)])
def test_a_day_without_figures_is_none(stage: Stage, day: date) -> None:
    assert connector.account_day(stage.access, day) is None


def test_a_site_without_questions_has_days_of_0(stage: Stage) -> None:
    stage.world.add_account(SandboxAccount("youth_voice", "quiet", {"token": "token-of-quiet-0123"}))
    access = replace(stage.access, handle="quiet", credentials={"token": "token-of-quiet-0123"})
    figures = connector.account_day(access, date(2026, 3, 1))
    assert figures is not None
    assert figures.values["questions"] == 0


def test_a_problem_is_told_in_the_sites_words(access: Access, mocked: Any) -> None:
    mocked.post(
        f"{BASE}/v1/announcements",
        status=422,
        json={"title": "标题太长", "detail": "最多 60 字", "code": "invalid"},
        content_type="application/problem+json",
    )
    with pytest.raises(Refused) as raised:
        connector.publish(access, POST)
    assert raised.value.platform_text == "标题太长: 最多 60 字"
    assert raised.value.platform_code == "invalid"


@pytest.mark.parametrize("state", ["draft", None, 1])
def test_what_is_not_published_is_uncertain(access: Access, mocked: Any, state: object) -> None:
    mocked.post(f"{BASE}/v1/announcements", json={"id": "a1", "state": state}, status=201)
    with pytest.raises(Uncertain):
        connector.publish(access, POST)
