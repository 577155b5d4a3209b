"""稿件 Posts: what shall be said, to which accounts, from when."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import Field, StringConstraints

from config.errors import InputError, Problem
from organisation import Account, Act
from scheduler.campaign_counting import Cell, attach_post
from scheduler.campaign_places import require_sight
from scheduler.importance import mark_important
from scheduler.library import require_media
from scheduler.media import FoundMedia, stored_media
from scheduler.outgoing import check_draft, destination_problems, draft_problems
from scheduler.post_pages import page_of_posts
from scheduler.posts import Draft, Post, require_coming
from scheduler.posts_read import ReadPost, paths_of_post, read_post
from scheduler.review_drafts import change_draft, hold_draft, send_draft, told_change, write_draft
from web.api.accounts import seen as account_seen
from web.api.call import Answer, Asked, etag_of
from web.api.connectors import LabelShown
from web.api.cursors import Page, Pages
from web.api.noun import Noun
from web.api.texts import Body, Code, Filter, Moment, Name, Number, Since, Title, Told, Until, Words

noun = Noun("posts")

Option = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class GoingShown(Told):
    """A post's way to one account; `draft` where it is only planned."""

    account: str
    due: datetime
    state: str


class PostRow(Told):
    """A post in a list; `headline` is its title, else how its text begins."""

    id: int
    headline: str
    created_at: datetime
    created_by: str
    going: list[GoingShown]


class CopyShown(Told):
    """Where a post goes and when; what is null there is the post's own."""

    account: str
    due: datetime
    late_after: datetime
    title: str | None
    text: str | None
    options: dict[str, str] | None


class PostShown(Told):
    """What a post says, in full."""

    id: int
    title: str
    text: str
    options: dict[str, str]
    media: list[str]
    important: bool
    created_at: datetime
    created_by: str
    copies: list[CopyShown]


class CellWritten(Body):
    """Where the post counts: a campaign, and one of its items or null."""

    campaign: int = Field(ge=1, le=2**31 - 1)
    item: int | None = Field(default=None, ge=1, le=10**6)


class PostWritten(Body):
    """A new post. `media` are stored files by hash, in order; of an `important` one people are reminded."""

    title: Title = ""
    text: Words = ""
    options: dict[Option, Words] = Field(default_factory=dict, max_length=50)
    media: list[Digest] = Field(default_factory=list, max_length=50)
    accounts: list[Code] = Field(min_length=1, max_length=200)
    due: Moment
    lateness_hours: float | None = None
    important: bool = False
    campaign: CellWritten | None = None


class Importance(Body):
    """Whether people are reminded of it, 10 minutes before its time."""

    important: bool


class PostChange(Body):
    """What is changed; what is not named stays."""

    title: Title | None = None
    text: Words | None = None
    media: list[Digest] | None = Field(default=None, max_length=50)
    due: Moment | None = None


class CopyChange(Body):
    """What one account's copy says differently."""

    title: Title | None = None
    text: Words | None = None


class PreviewShown(Told):
    """A copy as it goes out: `html` null where the platform takes plain text, '' where `problems` stand."""

    title: str
    text: str
    html: str | None
    media: list[str]
    problems: list[LabelShown]


class Sent(Told):
    """The deliveries that a post was queued as."""

    post: int
    deliveries: list[int]


@noun.read("", Act.POST_READ)
def list_posts(
    asked: Asked, paging: Pages, account: Filter = None, since: Since = None, until: Until = None
) -> Page[PostRow]:
    """稿件列表 Posts, newest first."""
    sight = asked.sight()
    account_id = None if account is None else account_seen(asked, account)[0].known_id
    rows, following = asked.page(
        paging,
        {"account": account, "since": since, "until": until},
        (int,),
        lambda after, limit: page_of_posts(
            asked.session, sight, after, limit, account_id=account_id, since=since, until=until
        ),
        lambda row: (row.id,),
    )
    return Page[PostRow](items=[PostRow.model_validate(row) for row in rows], next=following)


@noun.read("/{post}", Act.POST_READ, etag=True)
def show(asked: Asked, post: Number) -> Answer[PostShown]:
    """一篇稿件 One post, in full."""
    asked.at(*paths_of_post(asked.session, post))
    return _shown(read_post(asked.session, post))


@noun.write("POST", "", Act.POST_WRITE, status=HTTPStatus.CREATED)
def draft(asked: Asked, body: PostWritten) -> Answer[PostShown]:
    """写草稿 A draft: it goes nowhere until it is sent, and reviewed where a unit demands it."""
    accounts = [account_seen(asked, name)[0] for name in body.accounts]
    said = told_draft(asked, body, accounts, whole=False)
    post = write_draft(
        asked.session,
        asked.keys,
        said,
        accounts,
        due=body.due,
        lateness_hours=asked.desk.settings.lateness_hours,
        author_id=asked.person.person_id,
        now=asked.now,
        actor=asked.actor,
    )
    place_written(asked, post.id or 0, body.campaign)
    asked.answers_for("post", [post.id or 0])
    return _shown(read_post(asked.session, post.id or 0), f"/api/v1/posts/{post.id}")


@noun.write("PATCH", "/{post}", Act.POST_WRITE, edit=True)
def change(asked: Asked, post: Number, body: PostChange) -> Answer[PostShown]:
    """改稿 Change a draft; its sign-offs are void from then on."""
    _hold(asked, post)
    if body.due is not None:
        require_coming(body.due, asked.now)
    media = None if body.media is None else _media(asked, body.media)
    changed = told_change(
        asked.session, post, None, title=body.title, text=body.text, media=media, due=body.due
    )
    change_draft(
        asked.session,
        asked.keys,
        post,
        changed,
        author_id=asked.person.person_id,
        now=asked.now,
        actor=asked.actor,
    )
    return _shown(read_post(asked.session, post))


@noun.write("PUT", "/{post}/important", Act.POST_WRITE)
def mark(asked: Asked, post: Number, body: Importance) -> Answer[PostShown]:
    """标为重点 Mark a post as important, or take the mark away; sign-offs stand as they are."""
    asked.at(*paths_of_post(asked.session, post))
    mark_important(asked.session, asked.keys, post, body.important, now=asked.now, actor=asked.actor)
    return _shown(read_post(asked.session, post))


@noun.write("PATCH", "/{post}/copies/{account}", Act.POST_WRITE, edit=True)
def change_copy(asked: Asked, post: Number, account: Name, body: CopyChange) -> Answer[PostShown]:
    """改一个账号的版本 Change what one account's copy says; the post itself stays."""
    _hold(asked, post)
    found, _ = account_seen(asked, account)
    changed = told_change(asked.session, post, found, title=body.title, text=body.text)
    change_draft(
        asked.session,
        asked.keys,
        post,
        changed,
        author_id=asked.person.person_id,
        now=asked.now,
        actor=asked.actor,
    )
    return _shown(read_post(asked.session, post))


@noun.read("/{post}/copies/{account}/preview", Act.POST_READ)
def preview(asked: Asked, post: Number, account: Name) -> PreviewShown:
    """预览 One account's copy as it will look, by the very functions that send it; nobody is asked."""
    from scheduler.previews import preview_of

    asked.at(*paths_of_post(asked.session, post))
    found, _ = account_seen(asked, account)
    seen = preview_of(
        asked.session,
        post,
        found,
        asked.media_folder,
        lambda one: f"/api/v1/media/{one.sha256}/content",
    )
    return PreviewShown(
        title=seen.title,
        text=seen.text,
        html=seen.html,
        media=[one.sha256 for one in seen.media],
        problems=[LabelShown.model_validate(one) for one in seen.problems],
    )


@noun.write("POST", "/{post}/send", Act.POST_SEND)
def send(asked: Asked, post: Number) -> Sent:
    """送出 Queue a draft as planned; reviewed posts with all their sign-offs only."""
    asked.at(*paths_of_post(asked.session, post))
    ids = send_draft(asked.session, asked.keys, post, now=asked.now, actor=asked.actor)
    asked.wakes = True
    return Sent(post=post, deliveries=ids)


def told_draft(asked: Asked, body: PostWritten, accounts: Sequence[Account], *, whole: bool) -> Draft:
    """The draft that a request tells. Raises InputError with all that is wrong with it.

    `whole`: it is queued as it is, and must suit its platforms.
    """
    require_coming(body.due, asked.now)
    media = _media(asked, body.media)
    said = Draft(body.title, body.text, media, body.options, body.lateness_hours, body.important)
    problems: list[Problem] = destination_problems(accounts)
    if whole and not problems:
        problems += check_draft(said, {account.platform for account in accounts})
    else:
        problems += draft_problems(said)
    if problems:
        raise InputError("post", problems)
    return said


def place_written(asked: Asked, post: int, cell: CellWritten | None) -> None:
    """Attaches a post that was just written to its campaign, which its writer must see."""
    if cell is not None:
        require_sight(asked.session, asked.person, cell.campaign, Act.CAMPAIGN_READ)
        where = Cell(cell.campaign, cell.item)
        attach_post(asked.session, asked.keys, post, where, now=asked.now, actor=asked.actor)


def _media(asked: Asked, hashes: Sequence[str]) -> tuple[FoundMedia, ...]:
    for one in hashes:
        require_media(asked.session, asked.person, one, Act.MEDIA_READ)
    return stored_media(asked.session, asked.media_folder, hashes)


def _hold(asked: Asked, post: int) -> Post:
    """The draft, locked, if it is as the caller has read it."""
    asked.at(*paths_of_post(asked.session, post))
    held = hold_draft(asked.session, post)
    asked.match(_shown(read_post(asked.session, post)).etag)
    return held


def _shown(read: ReadPost, location: str = "") -> Answer[PostShown]:
    content = read.content
    shown = PostShown(
        id=read.post.id or 0,
        title=content.title,
        text=content.text,
        options=dict(content.options),
        media=list(content.media),
        important=read.post.important,
        created_at=read.post.created_at,
        created_by=read.post.created_by,
        copies=[CopyShown.model_validate(copy) for copy in content.copies],
    )
    return Answer(shown, etag=etag_of(shown), location=location)
