"""Nothing is done twice, nothing is overwritten, nothing that is wrong changes anything."""

import threading
from pathlib import Path
from typing import Any

import pytest
from api_caller import Answered
from api_house import ApiHouse
from sqlmodel import col, func, select

from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from organisation import Role, claim_key, give_up, keep_answer, sweep_answers
from organisation.kept_answers import CLAIMED, KEPT, Claim, KeptAnswer
from scheduler.posts import Post


@pytest.fixture
def both(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> ApiHouse:
    """The house on each database."""
    return ApiHouse(database, keys, clock, tmp_path)


def posts(house: ApiHouse) -> int:
    with house.database.read() as session:
        return session.exec(select(func.count(col(Post.id)))).one()


def test_the_same_request_again_gets_the_same_answer_and_does_nothing(both: ApiHouse) -> None:
    owner = both.owner()
    first = owner.post("/posts", both.written(), Idempotency_Key="k1")
    again = owner.post("/posts", both.written(), Idempotency_Key="k1")
    assert (first.status, again.status, posts(both)) == (201, 201, 1)
    assert again.raw == first.raw and again.headers["etag"] == first.headers["etag"]
    assert again.headers["idempotency-replayed"] == "true" and "idempotency-replayed" not in first.headers
    owner.post("/posts", both.written(), Idempotency_Key="k2")
    assert posts(both) == 2


def test_the_same_key_for_another_request_is_refused(both: ApiHouse) -> None:
    owner = both.owner()
    owner.post("/posts", both.written(), Idempotency_Key="k1")
    other = owner.post("/posts", both.written(title="另一篇"), Idempotency_Key="k1")
    assert (other.status, other.body["code"], posts(both)) == (422, "api.key_used_otherwise", 1)
    elsewhere = owner.post("/deliveries", both.written(), Idempotency_Key="k1")
    assert elsewhere.body["code"] == "api.key_used_otherwise"


def test_another_program_may_use_the_same_key(both: ApiHouse) -> None:
    person = both.person("li", Role.OWNER)
    one, two = both.caller(both.key(person)), both.caller(both.key(person))
    assert [caller.post("/posts", both.written(), Idempotency_Key="k").status for caller in (one, two)] == [
        201,
        201,
    ]
    assert posts(both) == 2


def test_a_refused_request_leaves_its_key_free(both: ApiHouse) -> None:
    owner = both.owner()
    past = both.written(due="2026-03-01T00:00:00+08:00")
    assert owner.post("/posts", past, Idempotency_Key="k1").status == 422
    assert owner.post("/posts", both.written(), Idempotency_Key="k1").status == 201


def test_at_the_same_time_one_does_the_work(both: ApiHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second finds the first under way, and afterwards its answer."""
    from api_caller import Caller

    from web.api import posts as room

    token = both.key(both.person("li", Role.OWNER))
    begun, go_on = threading.Event(), threading.Event()
    before = room.told_draft

    def slow(*given: Any, **named: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        return before(*given, **named)

    answers: list[Answered] = []
    if both.database.is_sqlite:  # its writers wait for each other: the second only ever finds the answer
        go_on.set()
    monkeypatch.setattr(room, "told_draft", slow)

    def ask() -> None:
        answers.append(
            Caller(both.app, token, prefix="", own_loop=True).post(
                "/posts", both.written(), Idempotency_Key="k"
            )
        )

    first = threading.Thread(target=ask)
    first.start()
    assert begun.wait(20)
    second = threading.Thread(target=ask)
    second.start()
    second.join(20)
    go_on.set()
    first.join(20)
    assert posts(both) == 1
    statuses = sorted(answer.status for answer in answers)
    assert statuses == ([201, 201] if both.database.is_sqlite else [201, 409])
    assert both.caller(token).post("/posts", both.written(), Idempotency_Key="k").status == 201


def test_an_answer_is_kept_for_a_day_sealed(both: ApiHouse, clock: ManualClock) -> None:
    owner = both.owner()
    owner.post("/posts", both.written(title="不外传"), Idempotency_Key="k1")
    with both.database.read() as session:
        (row,) = session.exec(select(KeptAnswer))
    assert row.ciphertext is not None and "不外传".encode() not in row.ciphertext
    clock.advance(KEPT.total_seconds() - 1)
    later = both.written(due="2026-03-05T00:00:00+08:00")
    assert owner.post("/posts", later, Idempotency_Key="k1").body["code"] == "api.key_used_otherwise"
    clock.advance(1)
    assert owner.post("/posts", later, Idempotency_Key="k1").status == 201
    with both.database.write() as session:
        clock.advance(KEPT.total_seconds())
        sweep_answers(session, clock.now())
        assert session.exec(select(KeptAnswer)).all() == []


def test_a_claim_whose_process_died_is_taken_over_and_the_late_one_changes_nothing(
    both: ApiHouse, clock: ManualClock
) -> None:
    key_id = _key_id(both)

    def claim() -> Claim | bytes:
        with both.database.write() as session:
            return claim_key(session, both.keys, key_id, "k", "h", now=clock.now())

    late = claim()
    with pytest.raises(MeizhenError) as under_way:
        claim()
    assert under_way.value.code == "api.under_way"
    clock.advance(CLAIMED.total_seconds())
    taken = claim()
    assert isinstance(late, Claim) and isinstance(taken, Claim)
    with pytest.raises(MeizhenError) as overtaken, both.database.write() as session:
        keep_answer(session, both.keys, late, b"late")
    assert overtaken.value.code == "api.overtaken"
    with both.database.write() as session:
        give_up(session, late)  # what is not its own stays
        keep_answer(session, both.keys, taken, b"answer")
    assert claim() == b"answer"


def _key_id(house: ApiHouse) -> int:
    from organisation import find_key

    token = house.key(house.person("li", Role.OWNER))
    with house.database.read() as session:
        return find_key(session, token.split("_")[1])[0].known_id


def test_only_who_has_read_it_changes_it(both: ApiHouse) -> None:
    owner = both.owner()
    made = owner.post("/posts", both.written())
    path, etag = f"/posts/{made.body['id']}", made.headers["etag"]
    assert owner.patch(path, {"title": "一"}).body["code"] == "api.no_match"
    changed = owner.patch(path, {"title": "一"}, etag)
    assert (changed.status, changed.body["title"]) == (200, "一") and changed.headers["etag"] != etag
    lost = owner.patch(path, {"title": "二"}, etag)
    assert (lost.status, lost.body["code"]) == (412, "api.changed")
    copy = owner.patch(f"{path}/copies/webhook:HH", {"text": "自己的"}, changed.headers["etag"])
    assert copy.body["copies"][0]["text"] == "自己的" and copy.body["text"] == "早上六点"
    shown = owner.get(path)
    assert (shown.body, shown.headers["etag"]) == (copy.body, copy.headers["etag"])
    same = owner.get(path, headers={"If-None-Match": shown.headers["etag"]})
    assert (same.status, same.raw) == (304, b"")


@pytest.mark.parametrize(
    "wrong",
    [
        {"due": "2026-03-01T00:00:00+08:00"},
        {"due": "2026-03-03T00:00:00"},
        {"due": "9999-12-31T23:59:59Z"},
        {"accounts": []},
        {"accounts": ["webhook:HH", "webhook:HH"]},
        {"title": "x" * 301},
        {"text": "\x00"},
        {"title": "", "text": ""},
        {"media": ["0" * 63]},
        {"state": "published"},
        {"created_by": "somebody"},
        {"lateness_hours": 0},
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_changes_nothing(
    house: ApiHouse, wrong: dict[str, object]
) -> None:
    answer = house.owner().post("/posts", house.written() | wrong)
    assert (answer.status, posts(house)) == (422, 0)
    assert answer.body["code"] in {"api.invalid", "input.refused", "post.due_past"}


def test_a_body_that_is_too_large_or_none_is_refused(house: ApiHouse) -> None:
    owner = house.owner()
    large = owner.call("POST", "/posts", raw=b'{"text": "' + b"x" * 2**20 + b'"}')
    assert (large.status, large.body["code"]) == (413, "api.too_large")
    assert owner.call("POST", "/posts", raw=b"{").body["code"] == "api.invalid"
    assert owner.call("POST", "/posts", raw=b"\xff").status in (400, 422)
    assert owner.call("PUT", "/posts", raw=b"").body["code"] == "api.bad_method"
    assert owner.get("/nothing").body["code"] == "api.not_found"


def test_refusals_speak_the_language_asked_for(house: ApiHouse) -> None:
    owner = house.owner()
    for asked, told in (
        ("zh-CN,en;q=0.5", "zh"),
        ("en;q=0.4, zh;q=0.9", "zh"),
        ("fr", "en"),
        ("en-GB", "en"),
        ("zh;q=x", "en"),
    ):
        answer = owner.get("/posts/99", headers={"Accept-Language": asked})
        assert answer.headers["content-language"] == told
        assert answer.body["detail"].startswith("这里没有" if told == "zh" else "There is no such")
        assert answer.body["remedy"]


def test_a_fault_of_ours_says_nothing_and_frees_the_key(
    house: ApiHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from web.api import posts as room

    def fails(*_given: object, **_named: object) -> None:
        raise RuntimeError("canary-4711")

    owner = house.owner()
    with monkeypatch.context() as broken:
        broken.setattr(room, "told_draft", fails)
        with pytest.raises(RuntimeError):  # the server's own last handler raises it on for its log
            owner.post("/posts", house.written(), Idempotency_Key="k")
    assert owner.post("/posts", house.written(), Idempotency_Key="k").status == 201
