"""What every platform for videos must do with one, whatever it is: the conformance suite has no videos.

A double gives `video_example(world, handle)` where an account needs a right for it, else `example`.
"""

from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from access import MemoryStore, make_access
from videos import picture, video, video_post

from config import ManualClock
from connectors import (
    Access,
    ConnectorError,
    NeedsPerson,
    Receipt,
    Refused,
    Unauthorised,
    Uncertain,
    Unreachable,
    connector_for,
    platforms,
)
from connectors import ReceiptState as State
from connectors._film import Parts, Piece, as_form
from sandbox.world import Fault, Published, World

with_videos = pytest.mark.parametrize(
    "platform", [name for name in platforms() if connector_for(name).limits.videos]
)


class Stage:
    """One account at one platform's double, and a post with a video."""

    def __init__(self, platform: str, sandbox: Any, clock: ManualClock, folder: Path) -> None:
        self.connector = connector_for(platform)
        self.world: World = sandbox.world
        self.clock = clock
        self.url = f"{sandbox.url}/{platform}"
        self.post = video_post(folder)
        if self.connector.problems(self.post):  # some want a cover with it, others take none
            self.post = replace(self.post, media=(*self.post.media, picture(folder)))
        self.begin()

    def begin(self) -> None:
        double = import_module(f"sandbox.platforms.{self.connector.platform}")
        self.world.reset(now=self.clock.now(), seed=1)
        self.account = getattr(double, "video_example", double.example)(self.world, "league")
        self.account.posts_per_week = 0
        self.memory = MemoryStore(self.clock.now)
        self.access = self.opened(5.0)
        assert self.connector.check(self.access)[0].fine  # tokens that are fetched first are there
        self.world.calls.clear()

    def opened(self, seconds: float) -> Access:
        return make_access(
            self.connector.platform,
            "league",
            credentials=self.account.credentials,
            api_base=self.url,
            now=self.clock.now,
            memory=self.memory,
            seconds=seconds,
        )

    def publish(self, access: Access | None = None) -> Receipt:
        return self.connector.publish(access or self.access, self.post)

    def settled(self, receipt: Receipt) -> Receipt:
        self.clock.move_to(self.clock.now() + timedelta(minutes=30))
        self.world.move_to(self.clock.now())
        return self.connector.settle(self.access, receipt)

    def published(self) -> list[Published]:
        return self.world.of(self.connector.platform, "league")


@pytest.fixture
def stage(platform: str, sandbox: Any, clock: ManualClock, tmp_path: Path) -> Stage:
    return Stage(platform, sandbox, clock, tmp_path)


@with_videos
def test_a_video_arrives_whole_and_is_settled_until_it_is_public(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_whole(path: Path) -> bytes:
        assert path.suffix != ".mp4", "the video was read whole"
        with path.open("rb") as file:
            return file.read()

    monkeypatch.setattr(Path, "read_bytes", read_whole)
    assert stage.connector.problems(stage.post) == ()
    receipt = stage.publish()
    assert receipt.state is State.ACCEPTED
    receipt = stage.settled(receipt)
    assert receipt.state is State.PUBLISHED and receipt.url.startswith("https://")
    (item,) = stage.published()
    assert item.extra["sha256"] == stage.post.media[0].sha256


@with_videos
@pytest.mark.parametrize("kind", ["cut_after", "truncated_json"])
def test_a_lost_answer_at_any_call_never_makes_a_second_post(stage: Stage, kind: str) -> None:
    stage.publish()
    calls = sum(stage.world.calls.values())
    for spared in range(calls):
        stage.begin()
        since = stage.clock.now()
        stage.world.set_faults(Fault(kind, after=spared, times=2 if kind == "cut_after" else 1))
        try:
            stage.publish()
        except Unreachable:
            assert stage.published() == [], f"call {spared + 1} of {calls}"
            stage.world.set_faults()
            stage.publish()
        except Uncertain:
            stage.world.set_faults()
            if "find" in stage.connector.capabilities:
                assert stage.connector.find(stage.access, stage.post, since) is not None
        except ConnectorError as error:
            pytest.fail(f"call {spared + 1} of {calls}: {type(error).__name__} {error}")
        assert len(stage.published()) == 1


@with_videos
@pytest.mark.parametrize(
    "kind", ["html", "html_after", "null", "gbk", "duplicate_keys", "status", "throttle"]
)
def test_a_fault_is_one_of_the_six_errors_and_shows_no_secret(stage: Stage, kind: str) -> None:
    stage.publish()
    calls = sum(stage.world.calls.values())
    secret = {field.name for field in stage.connector.credential_fields if field.secret}
    for spared in range(calls):
        stage.begin()
        stage.world.set_faults(Fault(kind, after=spared))
        with pytest.raises(ConnectorError) as caught:
            stage.publish(stage.opened(0.5))
        shown = f"{caught.value} {caught.value.__dict__}"
        assert not [name for name in secret if stage.account.credentials.get(name, "?") in shown]
        assert not isinstance(caught.value, Refused)


@with_videos
def test_a_video_that_is_gone_is_refused_before_anything_is_made(stage: Stage) -> None:
    stage.post.media[0].path.unlink()
    with pytest.raises(Refused):
        stage.publish()
    assert stage.published() == []


@with_videos
def test_a_dead_token_is_renewed_and_the_next_call_works(stage: Stage) -> None:
    if "refresh_token" not in stage.account.credentials:
        pytest.skip("has no tokens that end")
    stage.account.switches["token_ends"] = stage.clock.now()
    try:
        receipt = stage.publish()  # some renew by the token's known life, before it dies
    except Unauthorised:
        stage.connector.refresh(stage.access)
        receipt = stage.publish()
    assert receipt.state is State.ACCEPTED
    assert stage.account.state["renewals"] == 1
    stage.connector.refresh(stage.access)  # from the renewed pair, not the entered one
    stage.account.state["renewing"] = "revoked"
    with pytest.raises(NeedsPerson):
        stage.connector.refresh(stage.access)


@with_videos
def test_it_takes_one_video_of_a_bounded_size(platform: str) -> None:
    limits = connector_for(platform).limits
    assert limits.videos == 1
    assert limits.video_bytes is not None


# Pieces and parts.


def test_a_piece_is_its_stretch_between_head_and_tail_and_can_be_sent_again(tmp_path: Path) -> None:
    media = video(tmp_path, 200_000)
    piece, headers = as_form("video", media.path, 1_000, 150_000)
    for _ in range(2):
        parts = iter(lambda: piece.read(16_384), b"")
        read = list(parts)
        assert max(map(len, read)) <= 65_536
        assert sum(map(len, read)) == len(piece)
        assert media.path.read_bytes()[1_000:151_000] in b"".join(read)
        piece.rewind()
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")


def test_a_file_that_became_shorter_is_no_whole_body(tmp_path: Path) -> None:
    media = video(tmp_path, 1_000)
    piece = Piece(media.path, 500, 600)
    with pytest.raises(OSError, match="shorter"):
        while piece.read(100):
            pass


def test_an_upload_goes_on_with_the_part_that_was_cut_off(tmp_path: Path, clock: ManualClock) -> None:
    access = make_access("video", "league", credentials={}, api_base="http://127.0.0.1:9", now=clock.now)
    post = video_post(tmp_path, 1_000)
    parts, sent, failing = Parts(access, post, post.media[0], 300), list[tuple[int, int, int]](), [2]

    def part(session: str, number: int, begin: int, size: int) -> None:
        assert session == "s1"
        if number in failing:
            raise Unreachable("cut off")
        sent.append((number, begin, size))

    with pytest.raises(Unreachable):
        parts.send(lambda: "s1", part)
    failing.clear()
    assert parts.send(lambda: pytest.fail("a second session"), part) == ("s1", 4)
    assert sent == [(0, 0, 300), (1, 300, 300), (2, 600, 300), (3, 900, 100)]


def test_a_refused_part_gives_the_session_up(tmp_path: Path, clock: ManualClock) -> None:
    access = make_access("video", "league", credentials={}, api_base="http://127.0.0.1:9", now=clock.now)
    post = video_post(tmp_path, 1_000)
    parts, sessions = Parts(access, post, post.media[0], 300), iter(["s1", "s2"])

    def part(session: str, number: int, begin: int, size: int) -> None:
        if session == "s1":
            raise Refused("this session is over")

    with pytest.raises(Refused):
        parts.send(lambda: next(sessions), part)
    assert parts.send(lambda: next(sessions), part) == ("s2", 4)
