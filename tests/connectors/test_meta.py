"""What Meta's platforms share: the error table, the limits' headers, containers published once, insights."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import responses
from access import make_access
from videos import picture

from config import ManualClock
from connectors import (
    ConnectorError,
    NeedsPerson,
    Outgoing,
    ReceiptState,
    Refused,
    Throttled,
    Uncertain,
    Unreachable,
    connector_for,
)
from connectors._meta_errors import RULES
from connectors._meta_threads_text import length, links
from connectors._reactions import LOOK
from sandbox.platforms import facebook, instagram, meta_threads
from sandbox.world import Fault, World

DOUBLES = {"facebook": facebook, "instagram": instagram, "meta_threads": meta_threads}
PUBLISHES = {"facebook": "/feed", "instagram": "/media_publish", "meta_threads": "/threads_publish"}
LISTS = {"facebook": "/feed", "instagram": "/media", "meta_threads": "/threads"}


class Stage:
    """One account at one double. It is 2 March 2026, 09:00."""

    def __init__(self, platform: str, sandbox: Any, clock: ManualClock, folder: Path) -> None:
        self.platform, self.clock = platform, clock
        self.connector = connector_for(platform)
        self.world: World = sandbox.world
        self.account = DOUBLES[platform].example(self.world, "league")
        self.account.posts_per_week = 0
        self.switches = self.account.switches
        self.access = make_access(
            platform,
            "league",
            credentials=self.account.credentials,
            api_base=f"{sandbox.url}/{platform}",
            now=clock.now,
        )
        self.post = Outgoing("k-1", 1, "五四", "活动 https://www.example.org/a/1", (picture(folder),))

    def move(self, **step: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(**step))
        self.world.move_to(self.clock.now())

    def calls(self, ending: str) -> int:
        return sum(count for name, count in self.world.calls.items() if name.endswith(ending))

    def publish(self, post: Outgoing | None = None) -> Any:
        return self.connector.publish(self.access, post or self.post)

    def find(self, post: Outgoing | None = None) -> Any:
        return self.connector.find(self.access, post or self.post, self.clock.now() - timedelta(hours=1))

    def error(self, **error: Any) -> ConnectorError:
        """What publishing raises while the platform always answers its last call so."""
        self.switches["error"] = {f"POST {PUBLISHES[self.platform]}": error}
        with pytest.raises(ConnectorError) as caught:
            self.publish()
        self.switches["error"] = {}
        return caught.value

    def figures(self) -> dict[str, Any]:
        day = self.clock.now().date()
        (article,) = self.connector.articles(self.access, day - timedelta(days=3), day)
        return dict(article.figures[0].values)


@pytest.fixture
def stage(request: pytest.FixtureRequest, sandbox: Any, clock: ManualClock, tmp_path: Path) -> Stage:
    return Stage(request.param, sandbox, clock, tmp_path)


on_facebook = pytest.mark.parametrize("stage", ["facebook"], indirect=True)
on_instagram = pytest.mark.parametrize("stage", ["instagram"], indirect=True)
on_profiles = pytest.mark.parametrize("stage", ["meta_threads"], indirect=True)
with_containers = pytest.mark.parametrize("stage", ["instagram", "meta_threads"], indirect=True)
everywhere = pytest.mark.parametrize("stage", list(DOUBLES), indirect=True)


# Errors: every row of the sheet.

TABLE = [
    *[(code, NeedsPerson) for code in (190, 102, 10, 200, 299, 3, 368)],
    *[(code, Throttled) for code in (4, 17, 32, 613, *range(80001, 80007), 9)],
    *[(code, Uncertain) for code in (1, 2, 506)],
    *[(code, Refused) for code in (100, 3001)],
]


@on_facebook
@pytest.mark.parametrize(("code", "kind"), TABLE)
def test_every_code_asks_what_the_sheet_says(stage: Stage, code: int, kind: type) -> None:
    token = stage.account.credentials["access_token"]
    error = stage.error(code=code, message=f"no {token}", error_subcode=460)
    assert type(error) is kind and error.platform_code == str(code)
    told = LOOK if kind is Uncertain else stage.connector.explain(str(code))
    assert error.remedy is not None and error.remedy == told
    assert (error.request_id, "460" in error.platform_text, token in str(error)) == ("A1b2", True, False)
    assert stage.world.published == []
    if isinstance(error, NeedsPerson):
        assert error.account_wide
    if isinstance(error, Throttled):
        assert error.app_wide is (code == 4)


def test_the_table_has_every_row() -> None:
    told = {str(code) for code, _ in TABLE} | {str(code) for code in range(200, 300)}
    assert RULES.keys() == told


@with_containers
def test_a_code_that_nobody_knows_needs_a_person_for_this_post_only(stage: Stage) -> None:
    error = stage.error(code=77_777, message="?")
    assert isinstance(error, NeedsPerson) and not error.account_wide


@everywhere
def test_another_token_is_told_by_the_check(stage: Stage) -> None:
    access = replace(
        stage.access, credentials={**stage.access.credentials, "access_token": "another-token-0123"}
    )
    (finding,) = stage.connector.check(access)
    assert (finding.fine, finding.remedy) == (False, stage.connector.explain("190"))


# Limits: percent in headers.


@on_facebook
@pytest.mark.parametrize(
    ("headers", "minutes"),
    [
        ({}, 15),
        ({"X-App-Usage": '{"call_count":100,"total_time":15,"total_cputime":9}'}, 15),
        ({"X-Business-Use-Case-Usage": '{"7":[{"estimated_time_to_regain_access":42}]}'}, 42),
        ({"X-Business-Use-Case-Usage": '{"7":[{"estimated_time_to_regain_access":"7"}],"8":[{}]}'}, 7),
        ({"X-Business-Use-Case-Usage": '{"7":[{"estimated_time_to_regain_access":999999}]}'}, 1440),
        ({"X-Business-Use-Case-Usage": '{"7":[{"estimated_time_to_regain_access":-1}]}'}, 15),
        ({"X-Business-Use-Case-Usage": '{"7":{"x":1},"8":[7]}'}, 15),
        ({"X-App-Usage": "[1]", "X-Business-Use-Case-Usage": "{"}, 15),
    ],
)
def test_a_limit_ends_when_the_headers_say(stage: Stage, headers: dict[str, str], minutes: int) -> None:
    stage.switches["usage"] = headers
    error = stage.error(code=32)
    assert isinstance(error, Throttled)
    assert error.until == stage.clock.now() + timedelta(minutes=minutes)


@on_instagram
@pytest.mark.parametrize(
    ("percent", "minutes"), [({"call_count": 80}, 0), ({"total_time": 81}, 10), ({"total_cputime": 200}, 10)]
)
def test_above_80_percent_figures_wait_and_publishing_goes_on(
    stage: Stage, percent: dict[str, int], minutes: int
) -> None:
    stage.switches["usage"] = {"X-App-Usage": json.dumps(percent)}
    stage.publish()
    stage.switches["usage"] = {}
    today = stage.clock.now().date()
    if minutes:
        for ask in (lambda: list(stage.connector.articles(stage.access, today, today)), lambda: day(stage)):
            with pytest.raises(Throttled) as caught:
                ask()
            assert caught.value.until == stage.clock.now() + timedelta(minutes=minutes)
        stage.publish(replace(stage.post, key="k-2"))
        stage.move(minutes=minutes)
    assert day(stage) is not None


def day(stage: Stage) -> Any:
    return stage.connector.account_day(stage.access, stage.clock.now().date())


# Containers: one post at most.


@with_containers
@pytest.mark.parametrize(("kind", "there"), [("cut_after", True), ("cut_before", False)])
def test_after_a_lost_answer_the_container_tells(stage: Stage, kind: str, there: bool) -> None:
    stage.world.set_faults(Fault(kind, path=PUBLISHES[stage.platform], method="POST", times=1))
    with pytest.raises(Uncertain):
        stage.publish()
    stage.move(minutes=1)
    assert (stage.find() is not None) is there
    receipt = stage.publish()  # a repeat that nobody should make: it is the same container
    assert len(stage.account.state["containers"]) == len(stage.world.published) == 1
    assert receipt.remote_id == stage.world.published[0].remote_id == stage.find().remote_id


@with_containers
def test_a_lost_answer_of_the_first_step_publishes_nothing(stage: Stage) -> None:
    stage.world.set_faults(Fault("html_after", path=LISTS[stage.platform], method="POST", times=1))
    with pytest.raises(Unreachable):
        stage.publish()
    assert (stage.find(), stage.world.published) == (None, [])
    stage.publish()
    assert (len(stage.account.state["containers"]), len(stage.world.published)) == (2, 1)


@with_containers
def test_media_that_are_worked_on_are_waited_for_with_the_same_container(stage: Stage) -> None:
    stage.switches["working_seconds"] = 45
    for _ in range(2):
        with pytest.raises(Throttled) as caught:
            stage.publish()
        assert caught.value.until == stage.clock.now() + timedelta(seconds=30)
        assert stage.find() is None
        stage.move(seconds=30)
    stage.publish()
    assert len(stage.account.state["containers"]) == len(stage.world.published) == 1


@with_containers
def test_a_container_that_has_ended_is_made_anew(stage: Stage) -> None:
    stage.switches["working_seconds"] = 60
    with pytest.raises(Throttled):
        stage.publish()
    stage.switches["working_seconds"] = 0
    stage.move(hours=25)
    assert stage.find() is None
    stage.publish()
    assert (len(stage.account.state["containers"]), len(stage.world.published)) == (2, 1)


@with_containers
def test_a_container_that_ended_after_it_was_published_makes_no_second_post(stage: Stage) -> None:
    stage.world.set_faults(Fault("cut_after", path=PUBLISHES[stage.platform], method="POST", times=1))
    with pytest.raises(Uncertain):
        stage.publish()
    stage.move(hours=25)
    for container in stage.account.state["containers"].values():
        container["published"] = False  # says EXPIRED from now on
    assert stage.find() == stage.publish()
    assert len(stage.world.published) == 1


@with_containers
def test_media_that_the_platform_could_not_take_are_refused_and_forgotten(stage: Stage) -> None:
    stage.switches["state"] = "ERROR"
    with pytest.raises(Refused) as caught:
        stage.publish()
    assert caught.value.platform_code == "ERROR" and caught.value.remedy is not None
    stage.switches["state"] = "?"
    with pytest.raises(Unreachable):
        stage.publish()
    stage.switches["state"] = None
    stage.publish()
    assert len(stage.world.published) == 1


@with_containers
def test_what_is_published_and_not_listed_yet_is_accepted_until_it_is(stage: Stage) -> None:
    stage.world.set_faults(Fault("cut_after", path=PUBLISHES[stage.platform], method="POST", times=1))
    with pytest.raises(Uncertain):
        stage.publish()
    stage.switches["unlisted_seconds"] = 300
    accepted = stage.find()
    assert accepted.state is ReceiptState.ACCEPTED and accepted.note is not None
    assert stage.connector.settle(stage.access, accepted) == accepted
    stage.move(minutes=5)
    settled = stage.connector.settle(stage.access, accepted)
    assert (settled.state, settled.url) == (ReceiptState.PUBLISHED, stage.world.published[0].url)


@with_containers
def test_the_same_words_of_another_delivery_are_not_taken_for_ours(stage: Stage) -> None:
    first = stage.publish()
    stage.world.set_faults(Fault("cut_after", path=PUBLISHES[stage.platform], method="POST", times=1))
    with pytest.raises(Uncertain):
        stage.publish(replace(stage.post, key="k-2"))
    second = stage.find(replace(stage.post, key="k-2"))
    assert {first.remote_id, second.remote_id} == {item.remote_id for item in stage.world.published}


@with_containers
def test_several_pictures_are_a_carousel_of_containers(stage: Stage, tmp_path: Path) -> None:
    media = (replace(picture(tmp_path, "2.png"), alt="合影"), *stage.post.media)
    stage.publish(replace(stage.post, media=media))
    (item,) = stage.world.published
    assert item.extra["form"]["media_type"] == "CAROUSEL" and item.text == "五四\n" + stage.post.text
    children = item.extra["children"]
    assert [child.get("alt_text") for child in children] == ["合影", None]
    for child, one in zip(children, media, strict=True):
        assert child["image_url"] == f"https://media.example.org/m/{one.sha256}.png"


@with_containers
def test_a_receipt_is_given_even_where_the_link_cannot_be_had(stage: Stage) -> None:
    number = "18000000000000000"
    stage.switches["error"] = {f"GET {number}": {"code": 2}}
    receipt = stage.publish()
    assert (receipt.state, receipt.remote_id, receipt.url) == (ReceiptState.PUBLISHED, number, "")


@with_containers
def test_pictures_without_a_public_address_need_a_person(stage: Stage) -> None:
    credentials = {name: value for name, value in stage.access.credentials.items() if name != "media_base"}
    with pytest.raises(NeedsPerson) as caught:
        stage.connector.publish(replace(stage.access, credentials=credentials), stage.post)
    assert caught.value.platform_code == "media-base"
    assert stage.world.calls == {}


@with_containers
def test_the_quota_is_the_platforms_number(stage: Stage) -> None:
    stage.switches["quota"] = 1
    assert [finding.fine for finding in stage.connector.check(stage.access)] == [True, True]
    stage.publish()
    left = stage.connector.check(stage.access)[1]
    assert (left.fine, "1" in left.told.en, left.remedy is not None) == (False, True, True)
    with pytest.raises(Throttled) as caught:
        stage.publish(replace(stage.post, key="k-2"))
    assert caught.value.platform_code == "9" and len(stage.world.published) == 1


# Pages.


@on_facebook
def test_pictures_are_uploaded_unseen_and_once(stage: Stage) -> None:
    post = replace(stage.post, media=(replace(stage.post.media[0], alt="合影"),))
    stage.world.set_faults(Fault("cut_before", path="/feed", method="POST", times=1))
    with pytest.raises(Uncertain):
        stage.publish(post)
    stage.publish(post)
    (item,) = stage.world.published
    (photo,) = item.extra["photos"]
    assert stage.account.state["photos"] == {photo: {"bytes": post.media[0].path.read_bytes(), "alt": "合影"}}


@on_facebook
def test_ours_is_found_in_the_feed_and_absence_proves_nothing(stage: Stage) -> None:
    stage.world.set_faults(Fault("cut_after", path="/feed", method="POST", times=1))
    with pytest.raises(Uncertain):
        stage.publish()
    assert stage.find().remote_id == stage.world.published[0].remote_id
    for other in (replace(stage.post, key="k-2"), replace(stage.post, text="另一篇")):
        with pytest.raises(Uncertain) as caught:
            stage.find(replace(other, key="k-2"))
        assert caught.value.platform_code == "not-seen"


@on_facebook
def test_what_visitors_wrote_on_the_page_is_not_ours(stage: Stage) -> None:
    stage.publish()
    stage.switches["visitors"] = [stage.world.published[0].text]
    today = stage.clock.now().date()
    assert list(stage.connector.articles(stage.access, today, today)) == []


@on_facebook
@pytest.mark.parametrize(
    ("changes", "fine"),
    [
        ({"media": (), "options": {"link": "https://www.example.org/a"}}, True),
        ({"options": {"link": "https://www.example.org/a"}}, False),
        ({"media": (), "options": {"link": "javascript:x"}}, False),
        ({"media": (), "title": "", "text": " "}, False),
    ],
)
def test_what_would_be_refused_is_seen_before(stage: Stage, changes: Any, fine: bool) -> None:
    assert (stage.connector.problems(replace(stage.post, **changes)) == ()) is fine


@on_facebook
def test_a_link_card_goes_with_the_text_and_the_version_is_the_accounts(stage: Stage) -> None:
    access = replace(stage.access, credentials={**stage.access.credentials, "api_version": "v31.0"})
    stage.connector.publish(access, replace(stage.post, media=(), options={"link": "https://e.org/a"}))
    assert stage.world.published[0].extra["link"] == "https://e.org/a"
    assert all("/v31.0/" in name for name in stage.world.calls)


# Profiles.


@pytest.mark.parametrize(
    ("text", "long"),
    [("", 0), ("青年", 2), ("a😀", 5), ("❤️", 6), ("👨‍👩‍👧", 18), ("🇨🇳", 8), ("⭐", 3), ("©", 2), ("㊗", 3)],
)
def test_an_emoji_counts_as_its_bytes(text: str, long: int) -> None:
    assert length(text) == long


@on_profiles
@pytest.mark.parametrize(
    ("changes", "fine"),
    [
        ({"title": "", "text": "字" * 500}, True),
        ({"title": "", "text": "字" * 497 + "😀"}, False),
        ({"text": " ".join(f"https://e.org/{number}" for number in range(5))}, True),
        ({"text": " ".join(f"https://e.org/{number}" for number in range(6))}, False),
        ({"options": {"reply_control": "everyone"}}, True),
        ({"options": {"reply_control": "nobody"}}, False),
        ({"title": "", "text": "", "media": ()}, False),
    ],
)
def test_a_profiles_limits_are_seen_before(stage: Stage, changes: Any, fine: bool) -> None:
    assert (stage.connector.problems(replace(stage.post, **changes)) == ()) is fine


def test_a_link_that_stands_twice_counts_once() -> None:
    assert links("https://e.org/a https://e.org/a https://e.org/b") == 2


@on_profiles
def test_a_text_alone_needs_no_public_address(stage: Stage) -> None:
    credentials = {name: value for name, value in stage.access.credentials.items() if name != "media_base"}
    post = replace(stage.post, media=(), options={"reply_control": "mentioned_only"})
    stage.connector.publish(replace(stage.access, credentials=credentials), post)
    form = stage.world.published[0].extra["form"]
    assert (form["media_type"], form["reply_control"]) == ("TEXT", "mentioned_only")


# Figures.


@everywhere
def test_counts_come_with_a_post(stage: Stage) -> None:
    stage.publish()
    stage.move(days=2)
    values = stage.figures()
    declared = {metric.name for metric in stage.connector.metrics if metric.level == "article"}
    assert values.keys() == declared and values["read_events"] > 0
    told = day(stage)
    assert told.values["followers_total"] > 0
    assert stage.connector.account_day(stage.access, told.as_of - timedelta(days=1)) is None


@with_containers
def test_a_figure_that_is_no_more_is_left_out_alone_and_asked_again_tomorrow(stage: Stage) -> None:
    stage.publish()
    stage.move(days=1)
    stage.switches["gone"] = ["views"]
    assert [name for name, value in stage.figures().items() if value is None] == ["read_events"]
    asked = stage.calls("/insights")
    stage.figures()
    assert stage.calls("/insights") == asked + 1
    stage.switches["gone"] = []
    stage.move(days=1)
    assert stage.figures()["read_events"] > 0


@with_containers
def test_no_data_and_too_few_viewers_are_unknown_and_never_0(stage: Stage) -> None:
    stage.publish()
    stage.switches["no_data"] = ["likes"]
    assert (stage.figures()["like"], stage.figures()["comment"]) == (None, 0)
    stage.switches["error"] = {"GET /insights": {"code": 10}}
    assert set(stage.figures().values()) == {None}
    stage.switches["error"] = {"GET /insights": {"code": 190}}
    with pytest.raises(NeedsPerson):
        stage.figures()


@on_facebook
def test_a_page_without_shares_tells_none_and_its_metric_of_views_is_the_accounts(stage: Stage) -> None:
    stage.publish()
    assert stage.figures() == {"like": 0, "comment": 0, "share": None, "read_events": 0}
    access = replace(stage.access, credentials={**stage.access.credentials, "view_metric": "old_name"})
    today = stage.clock.now().date()
    (article,) = stage.connector.articles(access, today, today)
    assert article.figures[0].values["read_events"] is None


@everywhere
def test_the_list_is_paged_to_its_end(stage: Stage) -> None:
    for number in range(51):
        stage.world.publish(stage.platform, "league", remote_id=f"77{number:04}", title="", text="")
    stage.switches["error"] = {"GET /insights": {"code": 10}}
    today = stage.clock.now().date()
    found = [article.remote_id for article in stage.connector.articles(stage.access, today, today)]
    assert len(set(found)) == len(found) == 51
    assert stage.calls(LISTS[stage.platform]) == 2


@on_instagram
@pytest.mark.parametrize(
    "told",
    [
        {"data": {}},
        {"data": [1]},
        {"data": [{"id": True, "timestamp": "2026-03-01T00:00:00+0000"}]},
        {"data": [{"id": "1", "timestamp": "yesterday"}]},
        {"data": [{"id": "1", "timestamp": "2026-03-01T00:00:00"}]},
        {"data": [], "paging": {"next": "https://x", "cursors": {"after": "same"}}},
    ],
)
def test_a_list_that_cannot_be_read_is_a_gap(stage: Stage, told: object) -> None:
    user = stage.account.credentials["user_id"]
    today = stage.clock.now().date()
    with responses.RequestsMock() as mock:
        mock.get(f"{stage.access.api_base}/v26.0/{user}/media", json=told)
        with pytest.raises(Unreachable):
            list(stage.connector.articles(stage.access, today - timedelta(days=3), today))


@on_instagram
@pytest.mark.parametrize("told", [{}, {"id": 7.5}, {"id": "../1"}])
def test_an_answer_without_an_id_is_no_receipt(stage: Stage, told: object) -> None:
    user = stage.account.credentials["user_id"]
    with responses.RequestsMock() as mock:
        base = f"{stage.access.api_base}/v26.0"
        mock.post(f"{base}/{user}/media", json={"id": "1"})
        mock.get(f"{base}/1", json={"status_code": "FINISHED"})
        mock.post(f"{base}/{user}/media_publish", json=told)
        with pytest.raises(Uncertain):
            stage.publish()
