"""Review 三审三校: a post is submitted, read by one person after another, signed on exactly what it says.

Who signs: `review_people`. What is signed: `review_content`. Every act is a compare-and-set on the
submission, with its row and its ledger entry in the same transaction; the tables' constraints hold the same
rules once more (`review_tables`).
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy import update
from sqlmodel import Session, col, select

from config.errors import InputError, MeizhenError
from config.secrets import KeyRing
from organisation import Person, record
from organisation.permissions import Act, Standing, require
from organisation.stages import FULL, URGENT, Stage, read_stages, stages_of, together
from organisation.webhooks import Event
from scheduler import announcements
from scheduler.review_content import Content, contents_of, of_facts
from scheduler.review_drafts import find_draft, hold_draft
from scheduler.review_findings import Finding, findings
from scheduler.review_people import Signing, authors_of, may_read, places_of_post, signing
from scheduler.review_tables import Comment, Look, SignOff, Submission
from scheduler.review_tables import Standing as State

_REASON, _URGENT_REASON, _REMARK = 1000, 500, 2000


def demanded(session: Session, content: Content) -> tuple[Stage, ...]:
    """The stages that a post must pass: those of all its accounts' units together; () is none."""
    return together(list(stages_of(session, [copy.account_id for copy in content.copies]).values()))


def submit(
    session: Session,
    keys: KeyRing,
    post_id: int,
    person: Standing,
    media_folder: Path,
    *,
    urgent: str = "",
    now: datetime,
    actor: str,
) -> tuple[Submission, list[Finding]]:
    """Hands a draft in for review; gives the submission and the warnings.

    `urgent` is the reason why two people must do: any reviewer first, a final reviewer after. Raises
    InputError with everything that stops it, MeizhenError `review.not_demanded`, `review.alive`,
    `review.urgent_needless`, or as `permissions.require` does.
    """
    post = hold_draft(session, post_id)
    for place in places_of_post(session, post_id):
        require(person, Act.POST_WRITE, place)
    content = contents_of(session, [post_id])[post_id]
    stages = demanded(session, content)
    if not stages:
        raise MeizhenError("review.not_demanded", post=post_id)
    urgent = urgent.strip()[:_URGENT_REASON]
    if urgent and stages != FULL:
        raise MeizhenError("review.urgent_needless", stages=", ".join(stages))
    seen = findings(session, post_id, content, media_folder, now)
    stopping = [one.problem for one in seen if one.stops]
    if stopping:
        raise InputError(f"post {post_id}", stopping)
    alive = latest(session, post_id)
    if alive is not None and alive.state in (State.OPEN, State.APPROVED):
        raise MeizhenError("review.alive", post=post_id, number=alive.number)
    wanted = URGENT if urgent else stages
    submission = Submission(
        post_id=post.id or 0,
        number=1 if alive is None else alive.number + 1,
        content=content.facts(),
        content_hash=content.sha256,
        stages=",".join(wanted),
        stage_count=len(wanted),
        urgent_reason=urgent,
        submitted_by=person.person_id,
        submitted_at=now,
    )
    session.add(submission)
    session.flush()
    details = {"stages": submission.stages, "urgent": urgent}
    _record(session, keys, "review.submit", submission, details, now=now, actor=actor)
    announcements.of_review(session, Event.REVIEW_ASKED, submission, now)
    return submission, [one for one in seen if not one.stops]


def approve(
    session: Session, keys: KeyRing, post_id: int, person: Standing, *, now: datetime, actor: str
) -> tuple[Submission, Stage]:
    """Signs the next stage of the post's open submission; the last one approves it. Gives the stage signed.

    Raises MeizhenError `review.not_open`, `review.changed` where the post is not what was submitted,
    `review.own_text`, `review.signed_already`, `review.overtaken`, or `organisation.not_allowed`.
    """
    submission = _open(session, post_id)
    content = contents_of(session, [post_id])[post_id]
    if content.sha256 != submission.content_hash:
        raise MeizhenError("review.changed", post=post_id, number=submission.number)
    stage, by = _next(session, submission, person, now)
    position = submission.signed
    _count(session, submission, position)
    session.add(
        SignOff(
            submission_id=submission.known_id,
            position=position,
            after=position - 1 if position else None,
            stage=stage,
            person_id=by.person_id,
            for_person_id=by.for_person_id,
            content_hash=submission.content_hash,
            author_id=submission.submitted_by,
            at=now,
        )
    )
    session.flush()
    if submission.signed == submission.stage_count:
        _end(session, submission, State.APPROVED, person, "", now)
    _look(session, submission, person.person_id, now)
    in_place_of = session.get_one(Person, by.for_person_id).login
    details = {"stage": stage, "for": in_place_of, "state": submission.state}
    _record(session, keys, "review.approve", submission, details, now=now, actor=actor)
    return submission, stage


def may_sign(session: Session, post_id: int, person: Standing, now: datetime) -> bool:
    """Does the post wait for this person, or for somebody in whose place they stand?"""
    try:
        _next(session, _open(session, post_id), person, now)
    except MeizhenError:
        return False
    return True


def _next(session: Session, submission: Submission, person: Standing, now: datetime) -> tuple[Stage, Signing]:
    """The stage to be signed next, and in whose place the person would sign it."""
    before, post_id = sign_offs(session, submission), submission.post_id
    signed = {one.person_id for one in before} | {one.for_person_id for one in before}
    if person.person_id in signed:
        raise MeizhenError("review.signed_already", login=person.login, post=post_id)
    stage = read_stages(submission.stages)[submission.signed]
    barred = signed | authors_of(session, post_id) | {submission.submitted_by}
    return stage, signing(session, person, stage, places_of_post(session, post_id), barred, now)


def send_back(
    session: Session, keys: KeyRing, post_id: int, person: Standing, reason: str, *, now: datetime, actor: str
) -> Submission:
    """Returns the post to its authors; whoever may sign its next stage may do so.

    Raises MeizhenError `review.not_open`, `review.no_reason`, `review.own_text` or
    `organisation.not_allowed`.
    """
    submission, reason = _open(session, post_id), reason.strip()[:_REASON]
    if not reason:
        raise MeizhenError("review.no_reason")
    stage = read_stages(submission.stages)[submission.signed]
    barred = authors_of(session, post_id) | {submission.submitted_by}
    signing(session, person, stage, places_of_post(session, post_id), barred, now)
    _end(session, submission, State.RETURNED, person, reason, now)
    _look(session, submission, person.person_id, now)
    details = {"stage": stage, "reason": reason}
    _record(session, keys, "review.return", submission, details, now=now, actor=actor)
    return submission


def comment(
    session: Session,
    keys: KeyRing,
    post_id: int,
    person: Standing,
    *,
    start: int,
    end: int,
    told: str,
    now: datetime,
    actor: str,
) -> Comment:
    """A remark on characters `start` to `end` of the submitted text (Python's counting, end excluded).

    It stays with the submission it was made on, with the words it is about. Raises MeizhenError
    `review.never_submitted`, `review.bad_passage`, `review.no_reason`, or as reading does.
    """
    submission = read(session, post_id, person, now)
    text = of_facts(submission.content).text
    told = told.strip()[:_REMARK]
    if not told:
        raise MeizhenError("review.no_reason")
    if not 0 <= start < end <= len(text):
        raise MeizhenError("review.bad_passage", start=start, end=end, length=len(text))
    made = Comment(
        submission_id=submission.known_id,
        person_id=person.person_id,
        at=now,
        start=start,
        end=end,
        quoted=text[start:end],
        told=told,
    )
    session.add(made)
    session.flush()
    details = {"start": start, "end": end, "told": told}
    _record(session, keys, "review.comment", submission, details, now=now, actor=actor)
    return made


def passage(text: str, quoted: str) -> tuple[int, int]:
    """Where the quoted words stand. Raises MeizhenError `review.no_such_words` unless exactly once."""
    start = text.find(quoted) if quoted else -1
    if start < 0 or text.find(quoted, start + 1) >= 0:
        raise MeizhenError("review.no_such_words", count=text.count(quoted) if quoted else 0)
    return start, start + len(quoted)


# --- what there is ----------------------------------------------------------------------------------------


def latest(session: Session, post_id: int) -> Submission | None:
    """The post's last submission."""
    wanted = select(Submission).where(Submission.post_id == post_id).order_by(col(Submission.number).desc())
    return session.exec(wanted.limit(1).execution_options(populate_existing=True)).first()


def sign_offs(session: Session, submission: Submission) -> list[SignOff]:
    """The sign-offs of a submission in their order."""
    wanted = select(SignOff).where(SignOff.submission_id == submission.known_id)
    return list(session.exec(wanted.order_by(col(SignOff.position))))


def read(session: Session, post_id: int, person: Standing | None, now: datetime) -> Submission:
    """The last submission, for somebody who may read it (None: the operator); notes that they looked.

    Raises MeizhenError `post.not_found`, `review.no_draft`, `review.never_submitted` or
    `organisation.out_of_sight`.
    """
    find_draft(session, post_id)
    if person is not None and not may_read(session, person, places_of_post(session, post_id), now):
        raise MeizhenError("organisation.out_of_sight")
    submission = latest(session, post_id)
    if submission is None:
        raise MeizhenError("review.never_submitted", post=post_id)
    if person is not None:
        _look(session, submission, person.person_id, now)
    return submission


def known_before(session: Session, submission: Submission, person_id: int) -> Submission | None:
    """The newest earlier submission that the person read, signed or returned."""
    wanted = (
        select(Submission)
        .join(Look, col(Look.submission_id) == col(Submission.id))
        .where(Submission.post_id == submission.post_id, Submission.number < submission.number)
        .where(Look.person_id == person_id)
        .order_by(col(Submission.number).desc())
    )
    return session.exec(wanted.limit(1)).first()


# --- the compare-and-sets ---------------------------------------------------------------------------------


def _open(session: Session, post_id: int) -> Submission:
    find_draft(session, post_id)
    submission = latest(session, post_id)
    if submission is None or submission.state != State.OPEN:
        state = "" if submission is None else submission.state
        raise MeizhenError("review.not_open", post=post_id, state=state or "–")
    return submission


def _count(session: Session, submission: Submission, position: int) -> None:
    """Takes the next place, if the submission still stands where it was read."""
    moved = session.execute(
        update(Submission)
        .where(
            col(Submission.id) == submission.known_id,
            col(Submission.state) == State.OPEN,
            col(Submission.signed) == position,
        )
        .values(signed=position + 1)
        .returning(col(Submission.id))
        .execution_options(synchronize_session=False)
    ).first()
    if moved is None:
        raise MeizhenError("review.overtaken", post=submission.post_id)
    session.refresh(submission)


def _end(
    session: Session, submission: Submission, state: State, person: Standing, reason: str, now: datetime
) -> None:
    moved = session.execute(
        update(Submission)
        .where(
            col(Submission.id) == submission.known_id,
            col(Submission.state) == State.OPEN,
            col(Submission.signed) == submission.signed,
        )
        .values(state=state, ended_by=person.person_id, ended_at=now, reason=reason)
        .returning(col(Submission.id))
        .execution_options(synchronize_session=False)
    ).first()
    if moved is None:
        raise MeizhenError("review.overtaken", post=submission.post_id)
    session.refresh(submission)
    announcements.of_review(session, Event.REVIEW_DECIDED, submission, now)


def _look(session: Session, submission: Submission, person_id: int, now: datetime) -> None:
    row = session.get(Look, (submission.known_id, person_id))
    row = row or Look(submission_id=submission.known_id, person_id=person_id, at=now)
    row.at = now
    session.add(row)
    session.flush()


def _record(
    session: Session,
    keys: KeyRing,
    act: str,
    submission: Submission,
    details: Mapping[str, object],
    *,
    now: datetime,
    actor: str,
) -> None:
    facts = {"submission": submission.number, "hash": submission.content_hash, **details}
    record(session, keys, at=now, actor=actor, act=act, subject=f"post:{submission.post_id}", details=facts)
