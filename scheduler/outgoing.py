"""Posts as they go out: checked against their platforms before queueing, built for a batch of deliveries."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from config.batch import BatchQuery
from config.errors import Problem
from connectors import (
    Connector,
    Media,
    Outgoing,
    TextFormat,
    connector_for,
    fitted,
    platforms,
)
from organisation.accounts import Account, AccountState
from organisation.lateness import LATENESS_HOURS, is_lateness
from scheduler.media import FoundMedia, MediaFile, media_path
from scheduler.posts import TITLE_CHARACTERS, Draft
from scheduler.review_approvals import Leaving
from scheduler.wording import Wording, effective


class _Sendable(Protocol):
    """A delivery, as its table or the dispatcher has it."""

    @property
    def id(self) -> int | None: ...
    @property
    def key(self) -> str: ...
    @property
    def seq(self) -> int: ...


_WORDINGS = BatchQuery(
    "SELECT delivery.id AS id, post.media AS media, post.title AS title, post.text AS text, "
    "post.options AS options, variant.id AS variant_id, variant.title AS own_title, "
    "variant.text AS own_text, variant.options AS own_options, delivery.approved_hash AS approved_hash, "
    "delivery.post_id AS post_id, delivery.account_id AS account_id, "
    # Moments are read for reviewed posts only: the others do not pay for them.
    "CASE WHEN delivery.approved_hash = '' THEN NULL ELSE delivery.due END AS due, "
    "CASE WHEN delivery.approved_hash = '' THEN NULL ELSE delivery.late_after END AS late_after "
    "FROM {rows} AS wanted JOIN delivery ON delivery.id = wanted.id JOIN post ON post.id = delivery.post_id "
    "LEFT JOIN variant ON variant.post_id = delivery.post_id AND variant.account_id = delivery.account_id",
    {"id": "integer"},
    {
        "id": "integer",
        "media": "json",
        "title": "text",
        "text": "text",
        "options": "json",
        "variant_id": "integer",
        "own_title": "text",
        "own_text": "text",
        "own_options": "json",
        "approved_hash": "text",
        "post_id": "integer",
        "account_id": "integer",
        "due": "time",
        "late_after": "time",
    },
)
_FILES = select(
    col(MediaFile.sha256), col(MediaFile.content_type), col(MediaFile.file_name), col(MediaFile.alt)
).where(col(MediaFile.sha256).in_(bindparam("hashes", expanding=True)))


@dataclass(frozen=True)
class Built:
    """A batch: what goes out by delivery id, and what of it was reviewed (`review_approvals.refusals`)."""

    outgoing: dict[int, Outgoing]
    reviewed: list[Leaving]


def outgoing_for(session: Session, deliveries: Sequence[_Sendable], media_folder: Path) -> Built:
    """What goes out, for a batch: one statement, and one more where there are files.

    Nothing is read from disk; `media.check_media` does that at sending, and refuses a file that is gone.
    """
    if not deliveries:
        return Built({}, [])
    connection = session.connection()
    rows = _WORDINGS.ask(connection, [(delivery.id,) for delivery in deliveries])
    hashes = {sha256 for row in rows for sha256 in row[1]}
    files = files_of(session, hashes, media_folder) if hashes else {}
    by_id = {row[0]: row for row in rows}
    built: dict[int, Outgoing] = {}
    leaving: list[Leaving] = []
    for delivery in deliveries:
        if delivery.id is None:
            raise ValueError("expected stored deliveries: one has no id yet")
        row = by_id[delivery.id]
        variant = None if row[5] is None else Wording(*row[6:9])
        title, text, options = effective(Wording(*row[2:5]), variant)
        media = tuple(files[sha256] for sha256 in row[1])
        outgoing = Outgoing(delivery.key, delivery.seq, title, text, media, options)
        built[delivery.id] = outgoing
        approved_hash, post_id, account_id, due, late_after = row[9:]
        if approved_hash:
            leaving.append(
                Leaving(delivery.id, post_id, account_id, due, late_after, approved_hash, outgoing)
            )
    return Built(built, leaving)


def files_of(session: Session, hashes: set[str], folder: Path) -> dict[str, Media]:
    """Media by hash. One without a row has no type and no file, and is refused at sending."""
    files = {sha256: Media(folder / "unknown", sha256, "", sha256) for sha256 in hashes}
    for sha256, content_type, file_name, alt in session.connection().execute(
        _FILES, {"hashes": sorted(hashes)}
    ):
        files[sha256] = Media(media_path(folder, sha256), sha256, content_type, file_name, alt)
    return files


# --- before queueing --------------------------------------------------------------------------------------

# What no platform and not every database takes; line breaks and tabs are text.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_HOUSE: dict[str, object] = {"zh": "媒阵", "en": "Meizhen"}


def has_control(told: str) -> bool:
    """Does a text hold control characters (but tabs and line breaks) or half characters?"""
    return bool(_CONTROL.search(told))


def draft_problems(draft: Draft) -> tuple[Problem, ...]:
    """What is wrong with a draft on any platform."""
    problems = [
        Problem("input.control_character", column=column)
        for column, told in (("title", draft.title), ("text", draft.text))
        if has_control(told)
    ]
    if not (draft.title.strip() or draft.text.strip() or draft.media):
        problems.append(Problem("post.empty", column="text"))
    if len(draft.title) > TITLE_CHARACTERS:
        over: dict[str, object] = {"received": len(draft.title), "limit": TITLE_CHARACTERS}
        problems.append(Problem("post.title_too_long", column="title", params=_HOUSE | over))
    written_as = draft.options.get(Outgoing.FORMAT, TextFormat.PLAIN)
    if written_as not in list(TextFormat):
        told = {"received": written_as[:40], "expected": ", ".join(TextFormat)}
        problems.append(Problem("input.not_one_of", column="format", params=told))
    if draft.lateness_hours is not None and not is_lateness(draft.lateness_hours):
        hours = {"received": draft.lateness_hours, "limit": int(LATENESS_HOURS[1])}
        problems.append(Problem("post.lateness", params=hours))
    return tuple(problems)


def account_problems(account: Account) -> tuple[Problem, ...]:
    """Why no post can be queued for this account; a paused one takes posts and keeps them waiting."""
    who = {"account": account.stable_id}
    if account.state == AccountState.RETIRED:
        return (Problem("post.account_retired", column="account", params=who),)
    if account.platform not in platforms():
        params = who | {"platform": account.platform, "known": ", ".join(platforms())}
        return (Problem("post.no_connector", column="account", params=params),)
    if not connector_for(account.platform).capabilities & {"publish", "assisted"}:
        return (Problem("post.cannot_publish", column="account", params=who),)
    return ()


def destination_problems(accounts: Sequence[Account]) -> list[Problem]:
    """Why a post cannot go to these accounts together: one is named twice, or takes none."""
    names = [account.stable_id for account in accounts]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems = [Problem("post.account_twice", params={"account": name}) for name in twice]
    return problems + [problem for account in accounts for problem in account_problems(account)]


def post_problems(connector: Connector, draft: Draft) -> tuple[Problem, ...]:
    """What this platform would refuse of a draft: over its declared limits, else by its own rules.

    Each problem names platform, limit, what was counted, and the remedy; () is fine.
    """
    known = {Outgoing.FORMAT, *connector.options}
    outgoing = fitted(
        connector,
        Outgoing(
            key="0",
            seq=1,
            title=draft.title,
            text=draft.text,
            media=tuple(found.as_media() for found in draft.media),
            options={name: value for name, value in draft.options.items() if name in known},
        ),
    )
    declared = (*_wording_problems(connector, outgoing), *_media_problems(connector, draft))
    if declared:
        return declared
    platform = _platform(connector)
    return tuple(
        Problem("post.platform_refuses", params=platform | {"told_zh": label.zh, "told_en": label.en})
        for label in connector.problems(outgoing)
    )


def check_draft(draft: Draft, platform_names: Iterable[str]) -> tuple[Problem, ...]:
    """All that is wrong with a draft that shall go to these platforms; () is fine to queue."""
    connectors = [connector_for(name) for name in sorted(set(platform_names))]
    known = sorted({name for connector in connectors for name in connector.options})
    # An option is for the platform that knows it; one that none knows is a slip of the pen.
    unknown = [
        Problem("post.unknown_option", params={"name": name, "known": ", ".join(known) or "–"})
        for name in draft.options
        if connectors and name not in known and name != Outgoing.FORMAT
    ]
    refused = [problem for connector in connectors for problem in post_problems(connector, draft)]
    return (*draft_problems(draft), *unknown, *refused)


def film_problems(connector: Connector, film: FoundMedia, options: Mapping[str, str]) -> list[Problem]:
    """What the platform's declared limits say against a video."""
    return _media_problems(connector, Draft("", "", (film,), options))


def _platform(connector: Connector) -> dict[str, object]:
    return {"zh": connector.label.zh, "en": connector.label.en}


def _wording_problems(connector: Connector, outgoing: Outgoing) -> list[Problem]:
    limits, platform = connector.limits_for(outgoing.options), _platform(connector)
    problems = []
    if limits.title_required and not outgoing.title.strip():
        problems.append(Problem("post.title_required", column="title", params=platform))
    if limits.title_length is not None and len(outgoing.title) > limits.title_length:
        over = {"received": len(outgoing.title), "limit": limits.title_length}
        problems.append(Problem("post.title_too_long", column="title", params=platform | over))
    length = limits.count_text(outgoing.text)
    if limits.text_length is not None and length > limits.text_length:
        over = {"received": length, "limit": limits.text_length, "excess": length - limits.text_length}
        problems.append(Problem("post.text_too_long", column="text", params=platform | over))
    return problems


def _media_problems(connector: Connector, draft: Draft) -> list[Problem]:
    limits, platform = connector.limits_for(draft.options), _platform(connector)
    problems = []
    if limits.picture_required and not draft.media:
        problems.append(Problem("post.picture_required", column="media", params=platform))
    # A video sent where none is taken is told of as a picture of the wrong type.
    videos = [found for found in draft.media if limits.videos and found.content_type.startswith("video/")]
    pictures = [found for found in draft.media if found not in videos]
    if len(pictures) > limits.pictures:
        over = {"received": len(pictures), "limit": limits.pictures}
        problems.append(Problem("post.too_many_pictures", column="media", params=platform | over))
    if len(videos) > limits.videos:
        over = {"received": len(videos), "limit": limits.videos}
        problems.append(Problem("post.too_many_videos", column="media", params=platform | over))
    for found in videos:
        if limits.video_bytes is not None and found.size > limits.video_bytes:
            sizes = {"received": f"{found.size / 2**20:.2f}", "limit": f"{limits.video_bytes / 2**20:.2f}"}
            where = platform | {"file": found.file_name}
            problems.append(Problem("post.picture_too_large", column="media", params=where | sizes))
    for found in pictures:
        where = platform | {"file": found.file_name}
        if limits.picture_types and found.content_type not in limits.picture_types:
            kinds = {"received": found.content_type, "expected": ", ".join(sorted(limits.picture_types))}
            problems.append(Problem("post.picture_type", column="media", params=where | kinds))
        if limits.picture_bytes is not None and found.size > limits.picture_bytes:
            sizes = {"received": f"{found.size / 2**20:.2f}", "limit": f"{limits.picture_bytes / 2**20:.2f}"}
            problems.append(Problem("post.picture_too_large", column="media", params=where | sizes))
    return problems
