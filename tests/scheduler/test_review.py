"""Review: three people on exactly one content, in order, or nothing goes out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from newsroom import Newsroom, make_newsroom
from scenery import COVER
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from config import Database, InputError, ManualClock, MeizhenError
from config.secrets import KeyRing
from connectors import Finding as ConnectorFinding
from connectors import Label, Limits
from connectors.webhook import Webhook
from organisation import Account, Person, Role, Unit, disable_person, entries_of
from organisation.checkups import keep_checkup
from organisation.stages import FULL, Stage, parse_stages, stages_of
from organisation.words import set_word
from scheduler import Enqueued, cancel, enqueue, reschedule, retry, review
from scheduler.deliveries import Attempt, Delivery, State
from scheduler.library import set_alt
from scheduler.media import examine, keep
from scheduler.notices import Notice
from scheduler.posts import Post, Variant
from scheduler.review_content import contents_of, of_facts
from scheduler.review_drafts import Change
from scheduler.review_findings import findings
from scheduler.review_people import name_substitute
from scheduler.review_tables import Planned, SignOff, Submission
from scheduler.review_views import changes, shown, waiting
from scheduler.wording import Wording


@pytest.fixture
def newsroom(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Newsroom:
    return make_newsroom(database, keys, clock, tmp_path)


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(MeizhenError) as error:
        act()
    assert error.value.code == code
    assert error.value.told("zh") and error.value.told("en")


def test_three_people_in_order_and_then_it_may_be_queued(newsroom: Newsroom) -> None:
    post = newsroom.draft()
    refused("review.not_approved", lambda: newsroom.send(post))
    assert newsroom.submit(post).stages == "first,second,final"
    assert newsroom.approve(post, "yi", "er").state == "open"
    refused("review.not_approved", lambda: newsroom.send(post))
    done = newsroom.approve(post, "san")
    assert (done.state, done.signed) == ("approved", 3)
    (delivery,) = newsroom.send(post)
    with newsroom.database.read() as session:
        assert session.get_one(Delivery, delivery).approved_hash == done.content_hash
        acts = [entry.act for entry in entries_of(session, subject=f"post:{post}")]
    assert acts == ["post.send", *3 * ["review.approve"], "review.submit", "post.draft"]


def approved(newsroom: Newsroom, said: str = "五四青年节,我们在草原。") -> tuple[int, Submission]:
    post = newsroom.draft(said)
    newsroom.submit(post)
    return post, newsroom.approve(post, "yi", "er", "san")


def standing(newsroom: Newsroom, delivery: int) -> tuple[str, str, int]:
    with newsroom.database.read() as session:
        row = session.get_one(Delivery, delivery)
        return row.state, row.outcome_code, row.calls


# --- who, and in which order ------------------------------------------------------------------------------


def test_nobody_skips_a_stage_or_signs_two_or_their_own(newsroom: Newsroom) -> None:
    post = newsroom.draft()
    refused("review.never_submitted", lambda: newsroom.read(post, "yi"))
    refused("review.not_open", lambda: newsroom.approve(post, "yi"))
    refused("organisation.not_allowed", lambda: newsroom.submit(post, by="yi"))
    newsroom.submit(post)
    refused("review.alive", lambda: newsroom.submit(post))
    refused("organisation.not_allowed", lambda: newsroom.approve(post, "er"))
    refused("organisation.not_allowed", lambda: newsroom.approve(post, "san"))
    refused("review.own_text", lambda: newsroom.approve(post, "wen"))
    newsroom.person("quan", Role.OWNER)
    newsroom.approve(post, "quan")
    refused("review.signed_already", lambda: newsroom.approve(post, "quan"))
    newsroom.approve(post, "er", "san")
    refused("review.not_open", lambda: newsroom.approve(post, "san"))


def test_whoever_changed_a_text_signs_nothing_of_it(newsroom: Newsroom) -> None:
    newsroom.person("quan", Role.OWNER)
    post = newsroom.draft()
    newsroom.change(post, Change(text="改过的。"), by="quan")
    newsroom.submit(post)
    refused("review.own_text", lambda: newsroom.approve(post, "quan"))


def test_the_tables_hold_the_same_rules(newsroom: Newsroom) -> None:
    post = newsroom.draft()
    one = newsroom.submit(post)
    ids = {login: person.known_id for login, person in newsroom.people.items()}

    def sign(position: int, login: str, **more: object) -> SignOff:
        facts: dict[str, object] = {
            "submission_id": one.known_id,
            "position": position,
            "after": position - 1 if position else None,
            "stage": FULL[position],
            "person_id": ids[login],
            "for_person_id": ids[login],
            "content_hash": one.content_hash,
            "author_id": one.submitted_by,
            "at": newsroom.clock.now(),
        }
        return SignOff(**(facts | more))

    for wrong in (
        sign(1, "er"),  # before the first
        sign(1, "er", after=None),
        sign(0, "wen"),  # their own
        sign(0, "yi", for_person_id=ids["wen"]),
        sign(0, "yi", content_hash="0" * 64),  # on another text
        sign(0, "yi", author_id=ids["fa"]),
    ):
        with pytest.raises(IntegrityError), newsroom.database.write() as session:
            session.add(wrong)
    newsroom.approve(post, "yi")
    with pytest.raises(IntegrityError), newsroom.database.write() as session:
        session.add(sign(1, "yi"))
    for statement in (
        "UPDATE review_submission SET state = 'approved'",
        "UPDATE review_submission SET state = 'approved', signed = stage_count",
        "UPDATE review_submission SET content_hash = 'x'",
        "UPDATE review_submission SET signed = 0",
        "UPDATE review_sign_off SET person_id = person_id",
        "DELETE FROM review_sign_off",
        "DELETE FROM review_submission",
    ):
        with pytest.raises(IntegrityError), newsroom.database.write() as session:
            session.execute(text(statement))


def test_urgent_posts_take_two_people_the_final_reviewer_last_and_a_reason(newsroom: Newsroom) -> None:
    post = newsroom.draft()
    assert newsroom.submit(post, urgent="防汛提醒").stages == "any,final"
    refused("organisation.not_allowed", lambda: newsroom.approve(post, "fa"))
    newsroom.approve(post, "er")
    refused("organisation.not_allowed", lambda: newsroom.approve(post, "yi"))
    assert newsroom.approve(post, "san").state == "approved"
    newsroom.send(post)
    with newsroom.database.read() as session:
        (entry,) = entries_of(session, act="review.submit")
    assert entry.details["urgent"] == "防汛提醒"
    newsroom.demand("HH", "final")
    refused("review.urgent_needless", lambda: newsroom.submit(newsroom.draft(), urgent="快"))


def test_a_substitute_signs_until_the_day_and_for_nobody_twice(newsroom: Newsroom) -> None:
    dai, today = newsroom.person("dai"), date(2026, 3, 2)

    def name(login: str, until: date | None, other: Person | None = dai) -> None:
        with newsroom.database.write() as session:
            person, now = newsroom.who(login), newsroom.clock.now()
            name_substitute(
                session, newsroom.keys, person, other, until=until, now=now, actor=f"person:{login}"
            )

    refused("review.bad_substitute", lambda: name("yi", today - timedelta(days=1)))
    refused("review.bad_substitute", lambda: name("yi", today, newsroom.people["yi"]))
    post = newsroom.draft()
    newsroom.submit(post)
    refused("organisation.not_allowed", lambda: newsroom.approve(post, "dai"))
    refused("organisation.out_of_sight", lambda: newsroom.read(post, "dai"))
    name("yi", today)
    name("er", today)
    newsroom.read(post, "dai")
    newsroom.approve(post, "dai")
    refused("review.signed_already", lambda: newsroom.approve(post, "yi"))
    refused("review.signed_already", lambda: newsroom.approve(post, "dai"))
    newsroom.approve(post, "er", "san")
    with newsroom.database.read() as session:
        first = shown(session, newsroom.latest(post)).signed[0]
    assert (first.login, first.in_place_of) == ("dai", "yi")
    other = newsroom.draft("另一篇。")
    newsroom.submit(other)
    newsroom.clock.advance(86_400)
    refused("organisation.not_allowed", lambda: newsroom.approve(other, "dai"))
    name("yi", today + timedelta(days=9))
    with newsroom.database.write() as session:
        now = newsroom.clock.now()
        disable_person(session, newsroom.keys, dai, at=now, actor="test", reason="离职")
    refused("organisation.not_allowed", lambda: newsroom.approve(other, "dai"))
    name("yi", None, None)


def test_a_returned_post_is_changed_and_starts_anew(newsroom: Newsroom) -> None:
    post = newsroom.draft("第一句。第二句。")
    newsroom.submit(post)
    newsroom.approve(post, "yi")
    refused("review.no_reason", lambda: newsroom.send_back(post, "er", " "))
    refused("organisation.not_allowed", lambda: newsroom.send_back(post, "yi", "不好"))
    assert newsroom.send_back(post, "er", "第二句不准确").reason == "第二句不准确"
    assert not newsroom.change(post, Change(text="第一句。改过的第二句。"))
    assert newsroom.submit(post).number == 2
    with newsroom.database.read() as session:
        present = newsroom.latest(post)
        before = review.known_before(session, present, newsroom.people["er"].known_id)
        assert before is not None and before.number == 1
        lines = changes(before, present)
        assert review.known_before(session, present, newsroom.people["san"].known_id) is None
    assert "-第二句。" in lines and "+改过的第二句。" in lines and " 第一句。" in lines
    newsroom.approve(post, "yi", "er", "san")


def test_a_comment_keeps_the_words_it_is_about(newsroom: Newsroom) -> None:
    said = "五四青年节。我们在草原。"
    post = newsroom.draft(said)
    newsroom.submit(post)
    start, end = review.passage(said, "在草原")
    for wrong in ("", "不在", "。"):
        refused("review.no_such_words", lambda wrong=wrong: review.passage(said, wrong))

    def remark(start: int, end: int, told: str = "哪片草原?") -> None:
        with newsroom.database.write() as session:
            person, now = newsroom.who("yi"), newsroom.clock.now()
            review.comment(
                session,
                newsroom.keys,
                post,
                person,
                start=start,
                end=end,
                told=told,
                now=now,
                actor="person:yi",
            )

    remark(start, end)
    for wrong_end in (start, len(said) + 1):
        refused("review.bad_passage", lambda end=wrong_end: remark(start, end))
    refused("review.no_reason", lambda: remark(start, end, " "))
    first = newsroom.latest(post)
    newsroom.send_back(post, "yi", "见批注")
    newsroom.change(post, Change(text="换了。"))
    with newsroom.database.read() as session:
        (one,) = shown(session, first).remarks
    assert (one.login, one.quoted, one.told, one.start, one.end) == ("yi", "在草原", "哪片草原?", start, end)


# --- what is approved -------------------------------------------------------------------------------------


def test_the_hash_is_of_text_copies_files_accounts_and_times(newsroom: Newsroom) -> None:
    post = newsroom.draft()
    with newsroom.database.read() as session:
        content = contents_of(session, [post])[post]
    (copy,) = content.copies
    assert of_facts(content.facts()) == content
    others = [
        replace(content, title="x"),
        replace(content, text="x"),
        replace(content, options={"a": "b"}),
        replace(content, media=("0" * 64,)),
        replace(content, copies=()),
        *(
            replace(content, copies=(replace(copy, **{name: value}),))
            for name, value in {
                "account": "webhook:other",
                "account_id": 99,
                "due": copy.due + timedelta(seconds=1),
                "late_after": copy.late_after + timedelta(seconds=1),
                "title": "",
                "text": "",
                "options": {},
            }.items()
        ),
    ]
    assert len({content.sha256, *(one.sha256 for one in others)}) == 1 + len(others)


@pytest.mark.parametrize("when", ["open", "approved"])
def test_a_change_voids_what_was_signed(newsroom: Newsroom, when: str) -> None:
    post = newsroom.draft()
    newsroom.submit(post)
    newsroom.approve(post, *(["yi"] if when == "open" else ["yi", "er", "san"]))
    own = Wording(text="只改一个账号的。")
    assert newsroom.change(post, Change(wordings={newsroom.account.known_id: own}))
    assert newsroom.latest(post).state == "void"
    refused("review.not_open", lambda: newsroom.approve(post, "er"))
    refused("review.not_approved", lambda: newsroom.send(post))
    newsroom.submit(post)
    newsroom.approve(post, "yi", "er", "san")
    newsroom.send(post)


def test_nobody_signs_what_was_changed_behind_the_house(newsroom: Newsroom) -> None:
    post = newsroom.draft()
    newsroom.submit(post)
    newsroom.tamper(update(Post).where(col(Post.id) == post).values(text="换掉"))
    refused("review.changed", lambda: newsroom.approve(post, "yi"))


def test_an_approved_post_goes_out_once_and_no_other_statement_is_paid_for(newsroom: Newsroom) -> None:
    post, done = approved(newsroom)
    (delivery,) = newsroom.send(post)
    newsroom.clock.advance(3600)
    (job,) = newsroom.turn()
    assert (job.outgoing.title, job.outgoing.text) == ("预告", "五四青年节,我们在草原。")
    newsroom.end(job)
    assert standing(newsroom, delivery)[0] == State.PUBLISHED
    refused("review.under_way", lambda: newsroom.change(post, Change(text="晚了")))
    assert done.state == "approved"


@pytest.mark.parametrize(
    ("code", "tampering"),
    [
        ("review-changed", "UPDATE post SET text = '换掉'"),
        ("review-changed", "UPDATE post SET title = ''"),
        ("review-changed", "UPDATE account SET handle = 'other'"),
        ("review-changed", "UPDATE planned SET late_after = '2027-01-01 00:00:00+00:00'"),
        ("review-changed", "DELETE FROM planned"),
        ("review-changed", "UPDATE delivery SET approved_hash = 'x'"),
        ("review-window", "UPDATE delivery SET late_after = '2027-01-01 00:00:00+00:00'"),
        ("review-void", "UPDATE review_submission SET state = 'void'"),
    ],
)
def test_what_is_not_as_approved_fails_at_its_time_and_nothing_is_sent(
    newsroom: Newsroom, code: str, tampering: str
) -> None:
    post, _ = approved(newsroom)
    (delivery,) = newsroom.send(post)
    newsroom.tamper(text(tampering.replace("+00:00", "" if newsroom.database.is_sqlite else "+00:00")))
    newsroom.clock.advance(3600)
    assert newsroom.turn() == []
    assert newsroom.turn() == []
    expected = "review-void" if "approved_hash" in tampering else code
    assert standing(newsroom, delivery) == (State.FAILED, expected, 1)
    with newsroom.database.read() as session:
        (attempt,) = session.exec(select(Attempt))
        (notice,) = session.exec(select(Notice))
    assert attempt.outcome == "refused" and "meizhen post send" in attempt.remedy_en
    assert (notice.kind, notice.code) == ("failed", expected)


def test_what_came_into_the_queue_past_the_review_is_not_sent(newsroom: Newsroom) -> None:
    """Straight into the table without an approval, and with the approval taken off."""
    post, _ = approved(newsroom)
    (delivery,) = newsroom.send(post)
    newsroom.tamper(text("UPDATE delivery SET approved_hash = ''"))
    newsroom.clock.advance(3600)
    assert newsroom.turn() == []
    assert standing(newsroom, delivery) == (State.FAILED, "review-missing", 1)


def test_a_delivery_written_straight_into_the_table_is_not_sent(newsroom: Newsroom) -> None:
    post, _ = approved(newsroom)
    (delivery,) = newsroom.send(post)
    other = newsroom.draft("没有人审过。")
    columns = "account_id, state, due, not_before, late_after, attempts, calls, looks, fence, remote_id, url"
    columns += ", detail, needs_person, outcome_code, outcome_text"
    newsroom.tamper(
        text(
            f"INSERT INTO delivery (post_id, key, seq, {columns}) "  # noqa: S608 - our own words
            f"SELECT {other}, 'raw', seq + 1, {columns} FROM delivery WHERE id = {delivery}"
        )
    )
    newsroom.clock.advance(3600)
    (job,) = newsroom.turn()
    assert job.work.id == delivery
    assert newsroom.end(job) == []
    assert newsroom.turn() == []
    with newsroom.database.read() as session:
        states = dict(session.exec(select(Delivery.post_id, Delivery.outcome_code)).all())
    assert states == {post: "", other: "review-missing"}


def test_what_was_queued_before_a_unit_demanded_review_goes_out_as_it_was_queued(newsroom: Newsroom) -> None:
    newsroom.demand("NM", "none")
    post = newsroom.draft()
    newsroom.send(post)
    newsroom.clock.advance(60)
    newsroom.demand("NM", "first")
    newsroom.demand("NM", "first,second")
    newsroom.clock.advance(3600)
    (job,) = newsroom.turn()
    assert job.outgoing.title == "预告"


def test_the_words_of_a_picture_are_signed_with_it(newsroom: Newsroom) -> None:
    path = newsroom.folder / "cover.jpg"
    path.write_bytes(COVER)
    found = examine(path)
    keep(newsroom.folder, found)
    post = newsroom.draft()
    newsroom.change(post, Change(media=(found,)))
    with newsroom.database.write() as session:
        set_alt(session, newsroom.keys, found.sha256, "草原上的升旗", now=newsroom.clock.now(), actor="test")
    newsroom.submit(post)
    newsroom.approve(post, "yi", "er", "san")
    (delivery,) = newsroom.send(post)
    with newsroom.database.write() as session:
        set_alt(session, newsroom.keys, found.sha256, "别的话", now=newsroom.clock.now(), actor="test")
    newsroom.clock.advance(3600)
    assert newsroom.turn() == []
    assert standing(newsroom, delivery) == (State.FAILED, "review-changed", 1)
    with newsroom.database.write() as session:
        set_alt(session, newsroom.keys, found.sha256, "草原上的升旗", now=newsroom.clock.now(), actor="test")
    assert newsroom.send(post) == [delivery]
    (job,) = newsroom.turn()
    assert [file.alt for file in job.outgoing.media] == ["草原上的升旗"]


def test_a_changed_post_in_the_queue_goes_out_as_approved_anew(newsroom: Newsroom) -> None:
    post, _ = approved(newsroom)
    (delivery,) = newsroom.send(post)
    newsroom.change(post, Change(text="新的。"))
    newsroom.clock.advance(3600)
    assert newsroom.turn() == []
    assert standing(newsroom, delivery)[:2] == (State.FAILED, "review-void")
    newsroom.submit(post)
    newsroom.approve(post, "yi", "er", "san")
    assert newsroom.send(post) == [delivery]
    (job,) = newsroom.turn()
    assert job.outgoing.text == "新的。"


def test_what_was_approved_is_moved_within_its_window_only(newsroom: Newsroom) -> None:
    post, _ = approved(newsroom)
    (delivery,) = newsroom.send(post)
    start = newsroom.clock.now() + timedelta(hours=1)  # until two hours later

    def move(**by: float) -> None:
        with newsroom.database.write() as session:
            due, now = start + timedelta(**by), newsroom.clock.now()
            reschedule(session, newsroom.keys, [delivery], due=due, now=now, actor="person:fa")

    for wrong in (-1, 120):
        refused("review.outside_window", lambda minutes=wrong: move(minutes=minutes))
    move(minutes=90)
    with newsroom.database.read() as session:
        assert session.get_one(Delivery, delivery).late_after == start + timedelta(hours=2)
    newsroom.clock.advance(9000)
    (job,) = newsroom.turn()
    newsroom.end(job, ending="refused")

    def again() -> None:
        with newsroom.database.write() as session:
            retry(session, newsroom.keys, [delivery], now=newsroom.clock.now(), actor="person:fa")

    again()
    (job,) = newsroom.turn()
    newsroom.end(job, ending="refused")
    newsroom.clock.advance(1801)
    refused("review.outside_window", again)


def test_no_door_leads_round_review(newsroom: Newsroom) -> None:
    now = newsroom.clock.now()
    with newsroom.database.write() as session:
        plain = Post(title="t", text="没有审过", created_at=now, created_by="x")
        session.add(plain)
        session.flush()

    def directly(post: int, due: float = 60, lateness: float = 60) -> None:
        with newsroom.database.write() as session:
            item = Enqueued(
                post,
                newsroom.account.known_id,
                newsroom.clock.now() + timedelta(minutes=due),
                timedelta(minutes=lateness),
            )
            enqueue(session, [item], now=newsroom.clock.now(), actor="anybody")

    refused("review.unplanned", lambda: directly(plain.id or 0))
    post, _ = approved(newsroom)
    refused("review.outside_window", lambda: directly(post, due=59))
    refused("review.outside_window", lambda: directly(post, lateness=121))
    directly(post)


def test_a_unit_that_demands_more_since_wants_a_new_review(newsroom: Newsroom) -> None:
    newsroom.demand("HH", "final")
    post = newsroom.draft()
    assert newsroom.submit(post).stages == "final"
    newsroom.approve(post, "san")
    newsroom.demand("HH", "first,final")
    refused("review.not_approved", lambda: newsroom.send(post))
    newsroom.demand("HH", "none")
    assert newsroom.send(post)


def test_units_inherit_their_stages_and_a_post_needs_those_of_all_its_accounts(newsroom: Newsroom) -> None:
    newsroom.demand("HH", "inherit")
    accounts = [newsroom.account, *(newsroom.open_account(code) for code in ("HH-1", "BT", "BJ"))]
    newsroom.demand("HH-1", "final")
    newsroom.demand("BT", "none")
    with newsroom.database.read() as session:
        found = stages_of(session, [one.known_id for one in accounts])
    assert found == {accounts[0].known_id: FULL, accounts[1].known_id: (Stage.FINAL,)}
    assert parse_stages(" First , final ") == (Stage.FIRST, Stage.FINAL)
    assert (parse_stages("none"), parse_stages("inherit")) == ((), None)
    for wrong in ("", "final,first", "first,first", "any", "third"):
        refused("org.bad_stages", lambda wrong=wrong: parse_stages(wrong))
    newsroom.person("zhu", Role.OWNER, unit=None)
    post = newsroom.draft(accounts=[accounts[1], accounts[2]], by="zhu")
    assert newsroom.submit(post, by="zhu").stages == "final"
    refused("organisation.not_allowed", lambda: newsroom.approve(post, "san"))  # nobody's in BT


# --- what is looked at before -----------------------------------------------------------------------------


def test_findings_stop_or_warn(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    with newsroom.database.write() as session:
        unit, now = session.get_one(Unit, newsroom.units["NM"].id), newsroom.clock.now()
        set_word(session, newsroom.keys, unit, "最佳", True, at=now, actor="test")
        set_word(session, newsroom.keys, unit, "草原", False, at=now, actor="test")
        refused("org.bad_word", lambda: set_word(session, newsroom.keys, unit, " ", True, at=now, actor="t"))
    post = newsroom.draft("最佳草原。")
    with pytest.raises(InputError) as error:
        newsroom.submit(post)
    assert [one.code for one in error.value.problems] == ["review.word_forbidden"]
    newsroom.change(post, Change(text="好草原。"))
    assert newsroom.warnings(post) == ["review.word_watched", "review.no_cover"]
    newsroom.approve(post, "yi", "er", "san")
    newsroom.send(post)
    again = newsroom.draft("好草原。")
    assert "review.same_text" in newsroom.warnings(again)
    newsroom.clock.advance(8 * 86_400)
    late = newsroom.draft("好草原。")
    assert "review.same_text" not in newsroom.warnings(late)
    monkeypatch.setattr(Webhook, "limits", Limits(text_length=3, count_text=lambda told: 2 * len(told)))
    long = newsroom.draft("四个字了")
    with pytest.raises(InputError) as error:
        newsroom.submit(long)
    assert [one.code for one in error.value.problems] == ["post.text_too_long"]
    assert "8" in error.value.problems[0].told("en")
    monkeypatch.undo()
    newsroom.clock.advance(4 * 3600)
    with pytest.raises(InputError) as error:
        newsroom.submit(long)
    assert [one.code for one in error.value.problems] == ["review.window_past"]


def test_what_the_platform_last_said_of_an_account_is_told_of_its_draft(newsroom: Newsroom) -> None:
    post, told = newsroom.draft("一"), Label("…", "…")
    with newsroom.database.read() as session:
        due = session.exec(select(Planned.due).where(Planned.post_id == post)).one()

    def warned(*found: ConnectorFinding) -> list[str]:
        now = newsroom.clock.now()
        with newsroom.database.write() as session:
            keep_checkup(session, newsroom.account.known_id, found, at=now)
            content = contents_of(session, [post])[post]
            seen = findings(session, post, content, newsroom.folder, now)
        assert not any(one.stops for one in seen)
        return [one.problem.code for one in seen if one.problem.code != "review.no_cover"]

    assert warned(ConnectorFinding(True, told, ends=due + timedelta(seconds=1), left=1)) == []
    assert warned(ConnectorFinding(True, told, ends=due)) == ["review.authorisation_ends"]
    assert warned(ConnectorFinding(False, told, left=0)) == ["review.nothing_left_today"]
    with newsroom.database.write() as session:
        session.execute(
            update(Planned).values(due=due + timedelta(days=1), late_after=due + timedelta(days=2))
        )
    assert warned(ConnectorFinding(False, told, left=0)) == []


def test_drafts_wait_in_the_list_of_those_who_may_read_them(newsroom: Newsroom) -> None:
    first, second = newsroom.draft("一"), newsroom.draft("二")
    newsroom.submit(second)
    newsroom.approve(second, "yi")
    newsroom.person("fang", Role.VIEWER, unit="BT")
    with newsroom.database.read() as session:
        now = newsroom.clock.now()
        rows = waiting(session, None, now)
        assert [(one.post, one.state, one.stage, one.by) for one in rows] == [
            (first, "draft", "", ""),
            (second, "open", "second", "wen"),
        ]
        assert waiting(session, newsroom.who("er"), now) == rows
        assert waiting(session, newsroom.who("fang"), now) == []
        assert [review.may_sign(session, second, newsroom.who(one), now) for one in ("yi", "er", "san")] == [
            False,
            True,
            False,
        ]
    newsroom.approve(second, "er", "san")
    newsroom.send(second)
    with newsroom.database.read() as session:
        assert [one.post for one in waiting(session, None, newsroom.clock.now())] == [first]


def test_a_called_off_post_is_done(newsroom: Newsroom) -> None:
    post, _ = approved(newsroom)
    (delivery,) = newsroom.send(post)
    with newsroom.database.write() as session:
        cancel(session, newsroom.keys, [delivery], now=newsroom.clock.now(), actor="person:fa")
    refused("review.under_way", lambda: newsroom.change(post, Change(text="x")))
    refused("review.under_way", lambda: newsroom.send(post))
    with newsroom.database.read() as session:
        assert session.exec(select(Variant)).all() == []
        assert session.exec(select(Account)).all()
