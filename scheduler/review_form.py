"""审核登记表: the record of a post's review on one page of A4, to be signed by hand and filed.

In Chinese always: it is a form of Chinese newsrooms. What does not fit one page is cut, and says so.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files

from sqlmodel import Session, col, select

from config.clock import SHANGHAI
from config.messages import told
from config.paper import code_svg, printable, typeset
from organisation import Person
from scheduler.media import MediaFile
from scheduler.review_people import authors_of, units_of
from scheduler.review_tables import Standing, Submission
from scheduler.review_views import Shown

_HEADLINE, _EXCERPT, _ACCOUNTS, _REMARKS, _REMARK, _QUOTED = 70, 300, 6, 5, 70, 20


def review_form(session: Session, shown: Shown, *, now: datetime, form: str = "pdf") -> bytes:
    """The form of a submission as a PDF, or with `form="png"` as a picture of it.

    The same submission printed at the same moment gives the same bytes.
    """
    template = (files("scheduler") / "review_form.typ").read_bytes()
    (content,) = typeset(template, form_facts(session, shown, now), now, form=form)
    return content


def code_told(submission: Submission) -> str:
    """What the form's QR code says: which post, which submission, which content."""
    facts = {"post": submission.post_id, "submission": submission.number, "hash": submission.content_hash}
    return json.dumps(facts, separators=(",", ":"))


def form_facts(session: Session, shown: Shown, now: datetime) -> dict[str, object]:
    """What the template sets, every text on one line and within its room."""
    submission, content = shown.submission, shown.content
    authors = authors_of(session, submission.post_id)
    known = authors | {submission.submitted_by, submission.ended_by or 0}
    wanted = select(Person).where(col(Person.id).in_(known))
    people = {one.known_id: one for one in session.exec(wanted)}
    names = [_name(people[one]) for one in sorted(authors)]
    units = " ".join(unit.name_zh for unit in units_of(session, submission.post_id))
    facts: dict[str, object] = {
        "title": _said("title"),
        "unit": _cut(units, _HEADLINE),
        "post": str(submission.post_id),
        "number": _said("number", number=submission.number),
        "headline": _cut(content.title or content.text, _HEADLINE),
        "authors": _cut("，".join(names), 40),
        "submitted": f"{_name(people[submission.submitted_by])} {_beijing(submission.submitted_at)}",
        "accounts": _accounts(shown),
        "window": _window(shown),
        "media": _media(session, shown),
        "excerpt": _cut(content.text, _EXCERPT),
        "stages": _stages(shown, people.get(submission.ended_by or 0)),
        "outcome": _outcome(shown),
        "urgent": _cut(submission.urgent_reason, 80),
        "remarks": [
            {"by": one.login, "quoted": _cut(one.quoted, _QUOTED), "told": _cut(one.told, _REMARK)}
            for one in shown.remarks[:_REMARKS]
        ],
        "more": "",
        "hash": submission.content_hash,
        "printed": _said("printed", at=_beijing(now)),
        "footer": _said("footer"),
        "code": code_svg(code_told(submission)),
    }
    if len(shown.remarks) > _REMARKS:
        facts["more"] = _said("more", count=len(shown.remarks) - _REMARKS)
    return facts


def _stages(shown: Shown, ended_by: Person | None) -> list[Mapping[str, str]]:
    rows = []
    for one in shown.signed:
        person = f"{one.name}（{one.login}）"
        if one.in_place_of:
            person = _said("in_place_of", person=person, other=one.in_place_of)
        rows.append(_stage(one.stage, _said("passed"), person, _beijing(one.at)))
    returned = shown.submission.state == Standing.RETURNED
    for place, stage in enumerate(shown.missing):
        at = shown.submission.ended_at
        if returned and place == 0 and ended_by is not None and at is not None:
            rows.append(_stage(stage, _said("returned"), _name(ended_by), _beijing(at)))
        else:
            rows.append(_stage(stage, _said("open"), "", ""))
    return rows


def _stage(stage: str, outcome: str, person: str, at: str) -> Mapping[str, str]:
    name = told(f"review.stage_{stage}", {}, language="zh")
    return {"stage": name, "outcome": outcome, "person": _cut(person, 40), "at": at}


def _outcome(shown: Shown) -> str:
    submission = shown.submission
    outcome = told(f"review.state_{submission.state}", {}, language="zh")
    if submission.reason:
        outcome = f"{outcome}：{submission.reason}"
    return _cut(outcome, 120)


def _accounts(shown: Shown) -> str:
    names = [copy.account for copy in shown.content.copies]
    more = len(names) - _ACCOUNTS
    return printable("，".join(names[:_ACCOUNTS]) + (_said("more_accounts", count=more) if more > 0 else ""))


def _window(shown: Shown) -> str:
    copies = shown.content.copies
    if not copies:
        return "–"
    first, last = min(copy.due for copy in copies), max(copy.late_after for copy in copies)
    return _said("window", first=_beijing(first), last=_beijing(last))


def _media(session: Session, shown: Shown) -> str:
    wanted = select(MediaFile).where(col(MediaFile.sha256).in_(shown.content.media))
    rows = {row.sha256: row for row in session.exec(wanted)}
    named = [rows[one].file_name if one in rows else one[:12] for one in shown.content.media]
    return _cut(f"{len(named)}：{'，'.join(named)}", 110) if named else "–"


def _name(person: Person) -> str:
    return f"{person.name}（{person.login}）"


def _cut(content: str, limit: int) -> str:
    line = printable(content)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _said(entry: str, **params: object) -> str:
    return told(f"review.form_{entry}", params, language="zh")


def _beijing(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
