"""审稿 Review 三审三校: what waits for whom, signing, returning, comments, what changed."""

from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import Query
from pydantic import Field, StringConstraints

from config.errors import MeizhenError
from organisation import Act, Place
from scheduler import review
from scheduler.posts_read import paths_of_post
from scheduler.review_people import reads
from scheduler.review_views import changes, shown, waiting
from web.api.call import Asked
from web.api.files import Download
from web.api.noun import Noun
from web.api.texts import Body, Number, Reason, Told

noun = Noun("reviews")


class WaitingShown(Told):
    """A draft that is in review or not sent yet."""

    post: int
    headline: str
    accounts: list[str]
    due: datetime
    state: str
    number: int
    stage: str
    urgent: bool
    by: str
    submitted_at: datetime | None


class WaitingList(Told):
    """All that waits, by its time."""

    items: list[WaitingShown]


class SignedShown(Told):
    """A stage that was passed."""

    stage: str
    login: str
    name: str
    in_place_of: str
    at: datetime


class RemarkShown(Told):
    """A comment with the words it is about."""

    login: str
    at: datetime
    start: int
    end: int
    quoted: str
    told: str


class ReviewShown(Told):
    """A post's last submission with all that was said and signed."""

    post: int
    number: int
    state: str
    content_hash: str
    stages: list[str]
    missing: list[str]
    urgent_reason: str
    submitted_by: str
    submitted_at: datetime
    ended_by: str
    ended_at: datetime | None
    reason: str
    title: str
    text: str
    signed: list[SignedShown]
    remarks: list[RemarkShown]


class Submitted(ReviewShown):
    """What was handed in, with what a person should look at; it stops nothing."""

    warnings: list[str]


class Submit(Body):
    """Handing in; `urgent` is the reason why two people must do."""

    urgent: Reason | None = None


class Return(Body):
    """Why it goes back to its authors."""

    reason: Annotated[Reason, StringConstraints(max_length=1000)]


class Remark(Body):
    """A remark on the characters from `start` to `end` of the text (the end excluded)."""

    start: Annotated[int, Field(ge=0, le=10**7)]
    end: Annotated[int, Field(ge=1, le=10**7)]
    told: Reason


class Changes(Told):
    """What changed since the caller last read it: a unified diff, line by line; null where they never did."""

    since: int | None
    lines: list[str] | None


@noun.read("", Act.REVIEW_READ)
def list_reviews(
    asked: Asked, mine: Annotated[bool, Query(description="Only what waits for me.")] = False
) -> WaitingList:
    """待审列表 What is in review or not sent yet, at most 500 by their time."""
    asked.everybody()  # `waiting` shows only what the caller may read, also in somebody's place
    found = waiting(asked.session, asked.person, asked.now)
    if mine:
        found = [
            one
            for one in found
            if one.stage and review.may_sign(asked.session, one.post, asked.person, asked.now)
        ]
    return WaitingList(items=[WaitingShown.model_validate(one) for one in found])


@noun.read("/{post}", Act.REVIEW_READ)
def show(asked: Asked, post: Number) -> ReviewShown:
    """一篇的审稿 A post's last submission."""
    return _shown(asked, post)


@noun.write("POST", "/{post}/submit", Act.POST_WRITE, status=HTTPStatus.CREATED)
def submit(asked: Asked, post: Number, body: Submit) -> Submitted:
    """送审 Hand a draft in for review."""
    asked.at(*paths_of_post(asked.session, post))
    _, warnings = review.submit(
        asked.session,
        asked.keys,
        post,
        asked.person,
        asked.media_folder,
        urgent=body.urgent or "",
        now=asked.now,
        actor=asked.actor,
    )
    seen = _told(asked, post)
    return Submitted(**seen.model_dump(), warnings=[one.problem.told() for one in warnings])


@noun.write("POST", "/{post}/approve", Act.REVIEW_READ)
def approve(asked: Asked, post: Number) -> ReviewShown:
    """签发这一审 Sign the next stage; the last one approves. Act: that of the stage."""
    _may_read(asked, post)
    review.approve(asked.session, asked.keys, post, asked.person, now=asked.now, actor=asked.actor)
    return _shown(asked, post)


@noun.write("POST", "/{post}/return", Act.REVIEW_READ)
def send_back(asked: Asked, post: Number, body: Return) -> ReviewShown:
    """退稿 Return it to its authors with a reason. Act: that of the stage."""
    _may_read(asked, post)
    review.send_back(
        asked.session, asked.keys, post, asked.person, body.reason, now=asked.now, actor=asked.actor
    )
    return _shown(asked, post)


@noun.write("POST", "/{post}/comments", Act.REVIEW_READ, status=HTTPStatus.CREATED)
def comment(asked: Asked, post: Number, body: Remark) -> RemarkShown:
    """批注 Remark on a passage."""
    _may_read(asked, post)
    made = review.comment(
        asked.session,
        asked.keys,
        post,
        asked.person,
        start=body.start,
        end=body.end,
        told=body.told,
        now=asked.now,
        actor=asked.actor,
    )
    return RemarkShown(
        login=asked.person.login,
        at=made.at,
        start=made.start,
        end=made.end,
        quoted=made.quoted,
        told=made.told,
    )


@noun.read("/{post}/changes", Act.REVIEW_READ)
def show_changes(asked: Asked, post: Number) -> Changes:
    """改了什么 What changed since the caller last read, signed or returned it."""
    _may_read(asked, post)
    present = review.latest(asked.session, post)
    if present is None:
        raise MeizhenError("review.never_submitted", post=post)
    before = review.known_before(asked.session, present, asked.person.person_id)
    if before is None:
        return Changes(since=None, lines=None)
    return Changes(since=before.number, lines=changes(before, present))


@noun.download("/{post}/form", Act.REVIEW_READ, "application/pdf")
def form(asked: Asked, post: Number) -> Download:
    """登记表 The printed form 三审三校 of the last submission, with names, times and hash."""
    from scheduler.review_form import review_form

    _may_read(asked, post)
    submission = review.latest(asked.session, post)
    if submission is None:
        raise MeizhenError("review.never_submitted", post=post)
    seen, session, now = shown(asked.session, submission), asked.session, asked.now

    def write(folder: Path) -> Path:
        path = folder / f"review-{post}-{submission.number}.pdf"
        path.write_bytes(review_form(session, seen, now=now))
        return path

    return Download(write)


def _may_read(asked: Asked, post: int) -> None:
    """By a role, or in the place of somebody who may."""
    places = [Place(path) for path in paths_of_post(asked.session, post)]
    if reads(asked.session, asked.person, asked.now)(places):
        asked.everybody()
        return
    asked.at(*(place.path for place in places))


def _shown(asked: Asked, post: int) -> ReviewShown:
    _may_read(asked, post)
    return _told(asked, post)


def _told(asked: Asked, post: int) -> ReviewShown:
    submission = review.latest(asked.session, post)
    if submission is None:
        raise MeizhenError("review.never_submitted", post=post)
    seen = shown(asked.session, submission)
    return ReviewShown(
        post=post,
        number=submission.number,
        state=submission.state,
        content_hash=submission.content_hash,
        stages=[name for name in submission.stages.split(",") if name],
        missing=list(seen.missing),
        urgent_reason=submission.urgent_reason,
        submitted_by=seen.by,
        submitted_at=submission.submitted_at,
        ended_by=seen.ended_by,
        ended_at=submission.ended_at,
        reason=submission.reason,
        title=seen.content.title,
        text=seen.content.text,
        signed=[SignedShown.model_validate(one) for one in seen.signed],
        remarks=[RemarkShown.model_validate(one) for one in seen.remarks],
    )
