"""What a writer is told while they write: room left by each platform's counting, findings, stages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from pathlib import Path

from sqlmodel import Session, col, select

from config.clock import SHANGHAI
from config.errors import Problem
from config.holidays import special_days
from config.messages import present_language
from connectors import Finding as Checked
from connectors import Outgoing, connector_for, fitted, platforms
from organisation import Account, AccountState, Unit, lateness_of
from organisation.stages import Stage, stages_of, together
from scheduler.media import FoundMedia
from scheduler.outgoing import film_problems
from scheduler.review_content import Content, Copy
from scheduler.review_findings import Finding, findings_at, found_media
from scheduler.review_views import sentences
from scheduler.working_copies import Own, Writing


@dataclass(frozen=True)
class Room:
    """How much room is left, below zero where it is too much; None where the platform sets no limit."""

    left: int | None
    limit: int | None

    @property
    def over(self) -> bool:
        return self.left is not None and self.left < 0


@dataclass(frozen=True)
class Look:
    """An account's copy as it would go out, with the room that is left and how far it is from the master.

    `shaped`: the platform takes a shaped page, which `previews` puts together. `films`: what its limits say
    against each video, in their order. `checked`: what the platform last said of the account; None where it
    was not asked lately.
    """

    account: Account
    platform: str
    title: str
    text: str
    title_room: Room
    text_room: Room
    differs: int
    shaped: bool
    films: tuple[tuple[Problem, ...], ...] = ()
    checked: tuple[Checked, ...] | None = None


@dataclass(frozen=True)
class Composed:
    """All that a writer is told. `stages` are demanded before it may go out; () is none."""

    looks: tuple[Look, ...]
    findings: tuple[Finding, ...]
    stages: tuple[Stage, ...]


def compose(
    session: Session,
    writing: Writing,
    accounts: Sequence[Account],
    *,
    due: datetime | None,
    post_id: int | None,
    media_folder: Path,
    lateness_hours: float,
    now: datetime,
    checked: Mapping[int, tuple[Checked, ...]],
) -> Composed:
    """Looks at what is written for these accounts; `due` None is at once. Nothing is stored.

    `checked` is what is known of the accounts themselves (`organisation.checkups`): nobody is asked here.
    """
    films = [
        one
        for one in found_media(session, writing.media, media_folder)
        if one.content_type.startswith("video/")
    ]
    looks = tuple(_look(writing, account, films, checked.get(account.known_id)) for account in accounts)
    content = _content(session, writing, accounts, due or now, lateness_hours)
    units = list(
        session.exec(select(Unit).where(col(Unit.id).in_({account.unit_id for account in accounts})))
    )
    found = findings_at(session, post_id or 0, content, units, media_folder, now) if accounts else []
    own = [*_timing(due, now), *_paused(accounts), *_checked(looks)]
    stages = together(list(stages_of(session, [account.known_id for account in accounts]).values()))
    # A form has no columns: what is meant stands beside it.
    told = [replace(one, problem=replace(one.problem, column=None)) for one in (*found, *own)]
    return Composed(looks, tuple(sorted(told, key=lambda one: not one.stops)), stages)


def _look(
    writing: Writing, account: Account, films: Sequence[FoundMedia], checked: tuple[Checked, ...] | None
) -> Look:
    own = writing.own.get(account.known_id, Own())
    title = writing.title if own.title is None else own.title
    text = writing.text if own.text is None else own.text
    differs = _differences(writing.text, text) + (title != writing.title)
    if account.platform not in platforms():
        return Look(
            account, account.platform, title, text, Room(None, None), Room(None, None), differs, False
        )
    connector = connector_for(account.platform)
    as_sent = fitted(connector, Outgoing("look", 1, title, text, (), writing.options()))
    limits = connector.limits_for(as_sent.options)
    return Look(
        account,
        account.platform,
        as_sent.title,
        as_sent.text,
        _room(len(as_sent.title), limits.title_length),
        _room(limits.count_text(as_sent.text), limits.text_length),
        differs,
        bool(connector.formats),
        tuple(tuple(film_problems(connector, one, as_sent.options)) for one in films),
        checked,
    )


def _room(counted: int, limit: int | None) -> Room:
    return Room(None if limit is None else limit - counted, limit)


def _differences(master: str, own: str) -> int:
    """In how many places the sentences differ."""
    if master == own:
        return 0
    matcher = SequenceMatcher(None, sentences(master), sentences(own), autojunk=False)
    return sum(1 for kind, *_ in matcher.get_opcodes() if kind != "equal")


def _content(
    session: Session, writing: Writing, accounts: Sequence[Account], due: datetime, lateness_hours: float
) -> Content:
    hours = lateness_of(session, accounts, lateness_hours) if accounts else {}
    copies = []
    for account in accounts:
        own = writing.own.get(account.known_id, Own())
        late_after = due + timedelta(hours=hours[account.known_id])
        copies.append(Copy(account.known_id, account.stable_id, due, late_after, own.title, own.text))
    return Content(writing.title, writing.text, writing.options(), writing.media, tuple(copies))


def _timing(due: datetime | None, now: datetime) -> list[Finding]:
    if due is None:
        return []
    if due < now:
        return [Finding(Problem("draft.past"), stops=True)]
    day = due.astimezone(SHANGHAI).date()
    off = [
        one.name for one in special_days(day, day + timedelta(days=1), present_language()) if not one.works
    ]
    if off:
        return [Finding(Problem("draft.holiday", params={"name": off[0]}), stops=False)]
    return []


def _paused(accounts: Sequence[Account]) -> list[Finding]:
    return [
        Finding(Problem("draft.account_paused", params={"account": account.name}), stops=False)
        for account in accounts
        if account.state == AccountState.PAUSED
    ]


def _checked(looks: Sequence[Look]) -> list[Finding]:
    """What a person must mend at the accounts."""
    return [
        Finding(
            Problem(
                "draft.account_check",
                params={"account": look.account.name, "told_zh": one.told.zh, "told_en": one.told.en},
            ),
            stops=False,
        )
        for look in looks
        for one in look.checked or ()
        if not one.fine
    ]
