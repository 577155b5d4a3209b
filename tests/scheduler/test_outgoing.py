"""What goes out: built for a batch in few statements, checked against each platform before queueing."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from scenery import make_account, queue_posts
from sqlalchemy import event
from sqlmodel import col, select

from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from connectors import Connector, Label, Limits, Outgoing, connector_for
from connectors.webhook import Webhook
from organisation.accounts import Account
from scheduler.deliveries import Delivery
from scheduler.media import FoundMedia, check_media, examine, media_path, store_media
from scheduler.outgoing import account_problems, check_draft, draft_problems, outgoing_for, post_problems
from scheduler.posts import Draft, Post, Variant


class Strict(Webhook):
    """A platform with every limit there is; text counts two a character."""

    label = Label("严格", "Strict")
    limits = Limits(
        title_length=4,
        text_length=10,
        count_text=lambda text: 2 * len(text),
        pictures=1,
        picture_bytes=2_000,
        picture_types=frozenset({"image/png"}),
        title_required=True,
        picture_required=True,
    )

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        return (Label("不要“广告”", "no adverts"),) if "广告" in outgoing.text else ()


def found(folder: Path, kind: str = "PNG", side: int = 4) -> FoundMedia:
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 90).save(buffer, kind)
    path = folder / f"{side}.{kind.lower()}"
    path.write_bytes(buffer.getvalue())
    return examine(path)


def codes(connector: Connector, draft: Draft) -> list[tuple[str, str | None]]:
    problems = post_problems(connector, draft)
    assert all(problem.told("zh") and problem.told("en") for problem in problems)
    return [(problem.code, problem.column) for problem in problems]


def test_a_post_within_all_limits_is_fine(tmp_path: Path) -> None:
    assert codes(Strict(), Draft("标题四字", "正好五个字", (found(tmp_path),))) == []


def test_each_limit_is_told_with_limit_count_and_remedy(tmp_path: Path) -> None:
    small, large, wrong = found(tmp_path), found(tmp_path, side=90), found(tmp_path, "GIF")
    strict = Strict()
    fine = Draft("标题四字", "正好五个字", (small,))
    assert codes(strict, replace(fine, title=" ")) == [("post.title_required", "title")]
    assert codes(strict, replace(fine, title="标题五个字")) == [("post.title_too_long", "title")]
    assert codes(strict, replace(fine, media=())) == [("post.picture_required", "media")]
    assert codes(strict, replace(fine, media=(small, small))) == [("post.too_many_pictures", "media")]
    assert codes(strict, replace(fine, media=(wrong,))) == [("post.picture_type", "media")]
    assert codes(strict, replace(fine, media=(large,))) == [("post.picture_too_large", "media")]
    (problem,) = post_problems(strict, replace(fine, text="这是六个字啊"))
    assert (problem.code, problem.column) == ("post.text_too_long", "text")
    told = problem.told("en")
    assert "Strict" in told and "12" in told and "limit is 10" in told and "2 too many" in told
    assert "Shorten" in told


def test_videos_are_counted_apart_from_pictures_where_a_platform_takes_them(tmp_path: Path) -> None:
    class Cinema(Strict):
        limits = replace(Strict.limits, videos=1, video_bytes=5_000)

    cover, film = found(tmp_path), FoundMedia(tmp_path / "a.mp4", "0" * 64, "video/mp4", "a.mp4", 5_000)
    fine = Draft("标题四字", "正好五个字", (cover, film))
    assert codes(Cinema(), fine) == []
    assert codes(Cinema(), replace(fine, media=(film,))) == []
    assert codes(Cinema(), replace(fine, media=(film, film))) == [("post.too_many_videos", "media")]
    large = replace(film, size=5_001)
    assert codes(Cinema(), replace(fine, media=(large,))) == [("post.picture_too_large", "media")]
    assert ("post.picture_type", "media") in codes(Strict(), replace(fine, media=(film,)))


def test_the_platforms_own_rules_are_asked_where_its_limits_hold(tmp_path: Path) -> None:
    (problem,) = post_problems(Strict(), Draft("标题", "广告", (found(tmp_path),)))
    assert problem.code == "post.platform_refuses"
    assert problem.told("zh") == "严格:不要“广告”" and problem.told("en") == "Strict: no adverts"


def test_a_text_over_weibos_limit_is_counted_weibos_way() -> None:
    text = "字" * 131 + " https://example.cn/a"
    problems = check_draft(Draft("", text), ["weibo", "webhook"])
    assert [problem.code for problem in problems] == ["post.text_too_long"]
    assert problems[0].params["limit"] == connector_for("weibo").limits.text_length


def test_what_no_platform_takes_is_told_once() -> None:
    def told(draft: Draft) -> list[str]:
        return [problem.code for problem in draft_problems(draft)]

    assert told(Draft("", " \n")) == ["post.empty"]
    assert told(Draft("标题", "")) == []
    assert told(Draft("t" * 301, "text")) == ["post.title_too_long"]
    for hostile in ("nul\x00", "bell\x07", "half \ud800", "escape \x1b[2J"):
        assert told(Draft("", hostile)) == ["input.control_character"]
        assert told(Draft(hostile, "text")) == ["input.control_character"]
    assert told(Draft("", "lines\n\tare text 😀")) == []
    for hours in (0.0, -1.0, 721.0, float("nan"), float("inf")):
        assert told(Draft("", "text", lateness_hours=hours)) == ["post.lateness"]
    assert told(Draft("", "text", lateness_hours=720.0)) == []


def test_an_option_that_no_platform_knows_is_a_slip() -> None:
    link = "https://example.cn/a"
    assert check_draft(Draft("", link, options={"mode": "share"}), ["weibo", "webhook"]) == ()
    (problem,) = check_draft(Draft("", link, options={"mod": "share"}), ["weibo", "webhook"])
    assert problem.code == "post.unknown_option" and "mode" in problem.told()


def test_accounts_that_take_no_posts_are_named() -> None:
    def codes_of(**facts: str) -> list[str]:
        account = Account(**{"unit_id": 1, "platform": "webhook", "handle": "a", "name": "a"} | facts)
        return [problem.code for problem in account_problems(account)]

    assert codes_of() == []
    assert codes_of(state="paused") == []
    assert codes_of(state="retired") == ["post.account_retired"]
    assert codes_of(platform="myspace") == ["post.no_connector"]


def test_an_account_of_a_platform_that_only_reads_takes_no_posts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Webhook, "capabilities", frozenset({"articles"}))
    account = Account(unit_id=1, platform="webhook", handle="a", name="a")
    assert [problem.code for problem in account_problems(account)] == ["post.cannot_publish"]


# --- built for a batch ------------------------------------------------------------------------------------


def test_a_batch_is_built_in_two_statements_however_large(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    account = make_account(database, keys, "webhook", "site")
    ids = queue_posts(database, account, [f"正文{number}" for number in range(40)], due=clock.now())
    picture = found(tmp_path)
    with database.write() as session:
        stored = store_media(session, tmp_path / "media", picture.path, now=clock.now())
        posts = session.exec(select(Post).order_by(col(Post.id))).all()
        posts[3].media, posts[3].options = [stored.sha256], {"author": "张"}
        session.add(posts[3])
        variant = Variant(
            post_id=posts[3].id or 0, account_id=account.known_id, text="另", options={"digest": "摘"}
        )
        session.add(variant)

    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: statements.append(str(given[2])))
    with database.read() as session:
        deliveries = session.exec(select(Delivery).order_by(col(Delivery.id))).all()
        statements.clear()
        built = outgoing_for(session, deliveries, tmp_path / "media").outgoing
        assert len(statements) == 2
        assert outgoing_for(session, [], tmp_path).outgoing == {}

    assert sorted(built) == sorted(ids)
    plain, rich = built[ids[0]], built[ids[3]]
    assert (plain.key, plain.seq) == (deliveries[0].key, deliveries[0].seq)
    assert (plain.title, plain.text, plain.media, plain.options) == ("标题", "正文0", (), {})
    assert (rich.text, rich.options) == ("另", {"author": "张", "digest": "摘"})
    (media,) = rich.media
    assert media.path == media_path(tmp_path / "media", picture.sha256)
    assert (media.sha256, media.content_type) == (picture.sha256, "image/png")
    check_media(rich)


@pytest.mark.parametrize("sha256", ["f" * 64, "../../../etc/passwd"])
def test_a_file_that_nobody_knows_stops_its_post_and_no_other(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path, sha256: str
) -> None:
    account = make_account(database, keys, "webhook", "site")
    ids = queue_posts(database, account, ["坏", "好"], due=clock.now())
    with database.write() as session:
        post = session.exec(select(Post).where(Post.text == "坏")).one()
        post.media = [sha256]
        session.add(post)
    with database.read() as session:
        deliveries = session.exec(select(Delivery)).all()
        built = outgoing_for(session, deliveries, tmp_path).outgoing
    check_media(built[ids[1]])
    with pytest.raises(MeizhenError) as error:
        check_media(built[ids[0]])
    assert error.value.code == "post.media_missing"
