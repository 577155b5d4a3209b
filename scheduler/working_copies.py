"""Working copies: what somebody is writing, kept while they type; the others see it once it is handed over.

A copy of a post remembers what the post said when it was opened. Nothing is handed over that was written on
another text than the present one: it is merged first (`scheduler.merging`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import JSON, Column, UniqueConstraint, update
from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import MeizhenError
from config.secrets import KeyRing
from connectors import Outgoing
from organisation import Account, Person, put_in_charge
from scheduler.media import FoundMedia, stored_media
from scheduler.posts import Draft
from scheduler.review_content import Content, contents_of, of_facts
from scheduler.review_drafts import Change, change_accounts, change_draft, hold_draft, write_draft
from scheduler.wording import Wording

_AT_IT = timedelta(minutes=10)
MOST_CHARACTERS = 200_000


class WorkingCopy(SQLModel, table=True):
    """What a person is writing of a post (None: of one that is not there yet).

    `number` counts the savings; `base` is the post's content as it was opened, with its hash.
    """

    __tablename__ = "working_copy"
    __table_args__ = (UniqueConstraint("person_id", "post_id"),)

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id")
    post_id: int | None = Field(default=None, foreign_key="post.id", index=True)
    number: int = 0
    written: dict[str, object] = Field(sa_column=Column(JSON, nullable=False))
    base: dict[str, object] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    base_hash: str = Field(default="", max_length=64)
    saved_at: datetime

    @property
    def known_id(self) -> int:
        """The row's id; the copy is stored."""
        if self.id is None:
            raise ValueError("expected a stored working copy: it has no id yet")
        return self.id

    @property
    def writing(self) -> "Writing":
        """What is written."""
        return writing_of(self.written)


@dataclass(frozen=True)
class Own:
    """What one account's copy says differently; None is the post's own."""

    title: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Writing:
    """What a form tells: words, accounts, files by hash, when (as it was typed; '' is at once).

    `written_as` is how the text is written (`connectors.TextFormat`); '' is plain. `important` is of a post
    that is not there yet: later it is marked by itself (`scheduler.importance`). `campaign` is where it
    counts (`scheduler.campaign_counting.Cell`, as people write it); '' is nowhere.
    """

    title: str = ""
    text: str = ""
    due: str = ""
    accounts: tuple[int, ...] = ()
    media: tuple[str, ...] = ()
    own: Mapping[int, Own] = field(default_factory=dict)
    written_as: str = ""
    important: bool = False
    campaign: str = ""

    def facts(self) -> dict[str, object]:
        """As JSON keeps it; `writing_of` gives it back. Only what differs is kept of single copies."""
        own = {
            str(id_): asdict(one) for id_, one in self.own.items() if id_ in self.accounts and one != Own()
        }
        return {
            "title": self.title,
            "text": self.text,
            "due": self.due,
            "accounts": list(self.accounts),
            "media": list(self.media),
            "own": own,
            "written_as": self.written_as,
            "important": self.important,
            "campaign": self.campaign,
        }

    def options(self, others: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
        """The post's options: those that it has already, and how the text is written."""
        kept = {name: told for name, told in others.items() if name != Outgoing.FORMAT}
        return kept | ({Outgoing.FORMAT: self.written_as} if self.written_as else {})

    def wordings(self) -> dict[int, Wording]:
        """What each of its accounts' copies says differently."""
        own = {id_: self.own.get(id_, Own()) for id_ in self.accounts}
        return {id_: Wording(one.title, one.text) for id_, one in own.items()}


def writing_of(facts: Mapping[str, object]) -> Writing:
    """What was kept as JSON."""
    accounts, media, own = facts["accounts"], facts["media"], facts["own"]
    if not isinstance(accounts, list) or not isinstance(media, list) or not isinstance(own, dict):
        raise ValueError("expected the facts of a writing")
    return Writing(
        str(facts["title"]),
        str(facts["text"]),
        str(facts["due"]),
        tuple(int(one) for one in accounts),
        tuple(str(one) for one in media),
        {int(id_): Own(one["title"], one["text"]) for id_, one in own.items()},
        str(facts["written_as"]),
        facts.get("important") is True,  # copies begun before there was such a mark say nothing of it
        str(facts.get("campaign", "")),  # copies from before there were campaigns have none
    )


def writing_from(content: Content, due: str) -> Writing:
    """A post's present content as somebody begins to change it."""
    own = {copy.account_id: Own(copy.title, copy.text) for copy in content.copies}
    accounts = tuple(copy.account_id for copy in content.copies)
    written_as = content.options.get(Outgoing.FORMAT, "")
    return Writing(content.title, content.text, due, accounts, content.media, own, written_as)


# --- keeping ----------------------------------------------------------------------------------------------


def find_copy(session: Session, copy_id: int, person_id: int) -> WorkingCopy:
    """The person's own copy. Raises MeizhenError `draft.not_found`."""
    wanted = select(WorkingCopy).where(WorkingCopy.id == copy_id, WorkingCopy.person_id == person_id)
    found = session.exec(wanted.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise MeizhenError("draft.not_found")
    return found


def copy_of(session: Session, post_id: int, person_id: int) -> WorkingCopy | None:
    """What the person has begun to change of the post."""
    wanted = select(WorkingCopy).where(WorkingCopy.post_id == post_id, WorkingCopy.person_id == person_id)
    return session.exec(wanted).one_or_none()


def unfinished(session: Session, person_id: int, limit: int = 20) -> list[WorkingCopy]:
    """What the person has begun and not handed over as a post, the newest first."""
    wanted = select(WorkingCopy).where(WorkingCopy.person_id == person_id, col(WorkingCopy.post_id).is_(None))
    return list(session.exec(wanted.order_by(col(WorkingCopy.saved_at).desc()).limit(limit)))


def begin(
    session: Session, person_id: int, post_id: int | None, writing: Writing, now: datetime
) -> WorkingCopy:
    """A new copy, based on what the post says at this moment."""
    content = None if post_id is None else contents_of(session, [post_id])[post_id]
    made = WorkingCopy(
        person_id=person_id,
        post_id=post_id,
        number=1,
        written=writing.facts(),
        base=None if content is None else content.facts(),
        base_hash="" if content is None else content.sha256,
        saved_at=now,
    )
    session.add(made)
    session.flush()
    return made


def save(session: Session, copy: WorkingCopy, number: int, writing: Writing, now: datetime) -> WorkingCopy:
    """Keeps what is written now, if the copy still is what the page knew as `number`.

    Raises MeizhenError `draft.elsewhere` where another window of the same person has saved meanwhile, and
    `draft.too_long`.
    """
    if len(writing.text) + sum(len(one.text or "") for one in writing.own.values()) > MOST_CHARACTERS:
        raise MeizhenError("draft.too_long", limit=MOST_CHARACTERS)
    moved = session.execute(
        update(WorkingCopy)
        .where(col(WorkingCopy.id) == copy.known_id, col(WorkingCopy.number) == number)
        .values(number=number + 1, written=writing.facts(), saved_at=now)
        .returning(col(WorkingCopy.id))
        .execution_options(synchronize_session=False)
    ).first()
    if moved is None:
        raise MeizhenError("draft.elsewhere")
    session.refresh(copy)
    return copy


def rebase(session: Session, copy: WorkingCopy) -> None:
    """From now on the copy is based on what its post says at this moment: it was merged with it."""
    content = _present(session, copy)
    if content is not None:
        copy.base, copy.base_hash = content.facts(), content.sha256
        session.add(copy)
        session.flush()


def drop(session: Session, copy: WorkingCopy) -> None:
    """The person gives up what they have written."""
    session.delete(copy)
    session.flush()


def base_of(copy: WorkingCopy) -> Content | None:
    """What the post said when the copy was begun."""
    return None if copy.base is None else of_facts(copy.base)


def is_overtaken(session: Session, copy: WorkingCopy) -> bool:
    """Did somebody change the post since?"""
    content = _present(session, copy)
    return content is not None and content.sha256 != copy.base_hash


def others_at_it(session: Session, post_id: int, person_id: int, now: datetime) -> list[tuple[str, datetime]]:
    """Who else has been writing on the post within ten minutes, and when they last did."""
    wanted = (
        select(Person.name, WorkingCopy.saved_at)
        .join(WorkingCopy, col(WorkingCopy.person_id) == col(Person.id))
        .where(WorkingCopy.post_id == post_id, WorkingCopy.person_id != person_id)
        .where(WorkingCopy.saved_at >= now - _AT_IT)
        .order_by(col(WorkingCopy.saved_at).desc())
    )
    return list(session.exec(wanted))


def _present(session: Session, copy: WorkingCopy) -> Content | None:
    if copy.post_id is None:
        return None
    return contents_of(session, [copy.post_id]).get(copy.post_id)


# --- handing over -----------------------------------------------------------------------------------------


def hand_over(
    session: Session,
    keys: KeyRing,
    copy: WorkingCopy,
    accounts: Sequence[Account],
    media_folder: Path,
    *,
    due: datetime,
    lateness_hours: float,
    now: datetime,
    actor: str,
) -> int:
    """Makes a draft for all of what is written, or changes the one it is of; gives the post's id.

    Whoever wrote a new one answers for it. The copy is gone then. Raises MeizhenError
    `draft.overtaken` where the post was changed meanwhile, `draft.no_account`, or as `change_draft` does.
    """
    if not accounts:
        raise MeizhenError("draft.no_account")
    writing = copy.writing
    media = stored_media(session, media_folder, writing.media)
    if copy.post_id is None:
        draft = Draft(writing.title, writing.text, media, writing.options(), important=writing.important)
        wordings = {id_: one for id_, one in writing.wordings().items() if one != Wording()}
        post_id = write_draft(
            session,
            keys,
            draft,
            accounts,
            due=due,
            lateness_hours=lateness_hours,
            author_id=copy.person_id,
            now=now,
            actor=actor,
            wordings=wordings,
        ).id
        author = session.get_one(Person, copy.person_id)
        put_in_charge(session, author, "post", [post_id or 0], at=now)
    else:
        post_id = copy.post_id
        _change(session, keys, copy, accounts, media, due, lateness_hours, now, actor)
    drop(session, copy)
    return post_id or 0


def _change(
    session: Session,
    keys: KeyRing,
    copy: WorkingCopy,
    accounts: Sequence[Account],
    media: tuple[FoundMedia, ...],
    due: datetime,
    lateness_hours: float,
    now: datetime,
    actor: str,
) -> None:
    post_id = copy.post_id or 0
    hold_draft(session, post_id)
    if is_overtaken(session, copy):
        raise MeizhenError("draft.overtaken", post=post_id)
    writing, content = copy.writing, contents_of(session, [post_id])[post_id]
    change_accounts(session, post_id, accounts, due=due, lateness_hours=lateness_hours)
    options = {one.account_id: one.options for one in content.copies}
    before = {one.account_id: (one.title, one.text) for one in content.copies}
    wordings = {
        id_: Wording(one.title, one.text, options.get(id_))
        for id_, one in writing.wordings().items()
        if (one.title, one.text) != before.get(id_, (None, None))
    }
    change = Change(writing.title, writing.text, media, due, wordings, writing.options(content.options))
    change_draft(session, keys, post_id, change, author_id=copy.person_id, now=now, actor=actor)
