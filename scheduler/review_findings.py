"""Looked at before a post is submitted: what stops it, and what its reviewers should see.

Errors: what a platform would refuse, counted its way, for every copy; accounts that take no posts; words that
the unit forbids; a time that is past. Warnings: words that it watches, a title without a cover, the same text
queued within seven days, an authorisation that ends before the time, a platform that takes no more today,
links that no reader can follow.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import func
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from config.clock import SHANGHAI
from config.errors import Problem
from connectors import Outgoing, connector_for, platforms
from organisation import Account, Unit
from organisation.checkups import checkups_of
from organisation.words import words_of
from scheduler.deliveries import Delivery, State
from scheduler.media import FoundMedia, MediaFile, media_path
from scheduler.outgoing import account_problems, check_draft
from scheduler.posts import Draft, Post, Variant, is_variant_of_delivery
from scheduler.review_content import Content, Copy
from scheduler.review_people import units_of

_DAYS = timedelta(days=7)
_LINK = re.compile(r"(?:https?|file)://[!-~]+", re.IGNORECASE)
_BEHIND = "\"'<>()[],.;:!?"  # what ends a sentence or an attribute, not an address


@dataclass(frozen=True)
class Finding:
    """One thing seen; `stops` means that the post cannot be submitted like this."""

    problem: Problem
    stops: bool


def findings(
    session: Session, post_id: int, content: Content, media_folder: Path, now: datetime
) -> list[Finding]:
    """All that is to be said of a draft, errors first."""
    return findings_at(session, post_id, content, units_of(session, post_id), media_folder, now)


def findings_at(
    session: Session,
    post_id: int,
    content: Content,
    units: Sequence[Unit],
    media_folder: Path,
    now: datetime,
) -> list[Finding]:
    """The same of what is still being written for accounts of these units; `post_id` 0 is not stored yet."""
    found = [
        *_platforms(session, content, media_folder),
        *_words(session, units, content),
        *_covers(content),
        *_standing(session, content, now),
        *_links(content),
        *_same_text(session, post_id, content),
    ]
    if any(copy.late_after <= now for copy in content.copies):
        found.append(Finding(Problem("review.window_past", params={"post": post_id}), stops=True))
    return sorted(found, key=lambda one: not one.stops)


def _platforms(session: Session, content: Content, folder: Path) -> list[Finding]:
    files = found_media(session, content.media, folder)
    found: list[Finding] = []
    told: set[str] = set()
    names, known_names = set(content.options), {str(Outgoing.FORMAT)}
    for copy in content.copies:
        account = session.get_one(Account, copy.account_id)
        title, text, options = content.said(copy)
        problems = account_problems(account)
        if not problems:
            # The platform's own options only: a post to several has those of each.
            known = connector_for(account.platform).options
            names, known_names = names | set(options), known_names | set(known)
            own = {name: value for name, value in options.items() if name in known or name == Outgoing.FORMAT}
            problems = check_draft(Draft(title, text, files, own), [account.platform])
        for problem in problems:
            if problem.told() not in told:
                told.add(problem.told())
                found.append(Finding(problem, stops=True))
    for name in sorted(names - known_names):
        params = {"name": name, "known": ", ".join(sorted(known_names)) or "–"}
        found.append(Finding(Problem("post.unknown_option", params=params), stops=True))
    return found


def found_media(session: Session, hashes: Sequence[str], folder: Path) -> tuple[FoundMedia, ...]:
    """The files of these hashes that are known, in their order; nothing is read from disk."""
    rows = session.exec(select(MediaFile).where(col(MediaFile.sha256).in_(hashes)))
    by_hash = {row.sha256: row for row in rows}
    return tuple(
        FoundMedia(media_path(folder, one), one, row.content_type, row.file_name, row.size)
        for one in hashes
        if (row := by_hash.get(one)) is not None
    )


def _words(session: Session, units: Sequence[Unit], content: Content) -> list[Finding]:
    said = "\n".join(part for copy in (None, *content.copies) for part in _texts(content, copy)).casefold()
    found = []
    for listed in words_of(session, units):
        if listed.word.casefold() in said:
            params = {"word": listed.word, "unit": listed.unit}
            code = "review.word_forbidden" if listed.forbidden else "review.word_watched"
            found.append(Finding(Problem(code, params=params), stops=listed.forbidden))
    return found


def _texts(content: Content, copy: Copy | None) -> tuple[str, str]:
    if copy is None:
        return content.title, content.text
    title, text, _ = content.said(copy)
    return title, text


def _covers(content: Content) -> list[Finding]:
    """A titled article without any picture, where the platform takes pictures but does not demand one."""
    bare = []
    for copy in content.copies:
        title, _, options = content.said(copy)
        platform = copy.account.partition(":")[0]
        if platform not in platforms():
            continue
        limits = connector_for(platform).limits_for(options)
        if title and not content.media and limits.pictures and not limits.picture_required:
            bare.append(copy.account)
    if not bare:
        return []
    return [Finding(Problem("review.no_cover", params={"accounts": ", ".join(bare)}), stops=False)]


def _standing(session: Session, content: Content, now: datetime) -> list[Finding]:
    """Accounts that could not publish at their time, by what their platforms last said."""
    known = checkups_of(session, {copy.account_id for copy in content.copies})
    today = now.astimezone(SHANGHAI).date()
    ended, spent = [], []
    for copy in content.copies:
        checkup = known.get(copy.account_id)
        if checkup is None:
            continue
        if checkup.ends is not None and checkup.ends <= copy.due:
            ended.append(copy.account)
        if checkup.left_at(now) == 0 and copy.due.astimezone(SHANGHAI).date() <= today:
            spent.append(copy.account)
    named = {"review.authorisation_ends": ended, "review.nothing_left_today": spent}
    return [
        Finding(Problem(code, params={"accounts": ", ".join(accounts)}), stops=False)
        for code, accounts in named.items()
        if accounts
    ]


def _same_text(session: Session, post_id: int, content: Content) -> list[Finding]:
    """Other posts with the text of any copy, due within seven days of it and not called off."""
    if not content.copies:
        return []
    texts = {text for copy in content.copies if (text := content.said(copy)[1]).strip()}
    first, last = (pick(copy.due for copy in content.copies) for pick in (min, max))
    said = func.coalesce(col(Variant.text), col(Post.text))
    wanted = (
        columns(col(Delivery.post_id))
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .outerjoin(Variant, is_variant_of_delivery())
        .where(col(Delivery.due) >= first - _DAYS, col(Delivery.due) <= last + _DAYS)
        .where(col(Delivery.post_id) != post_id, col(Delivery.state) != State.CANCELLED, said.in_(texts))
        .distinct()
        .order_by(col(Delivery.post_id))
        .limit(10)
    )
    posts = ", ".join(str(row[0]) for row in session.execute(wanted))
    return [Finding(Problem("review.same_text", params={"posts": posts}), stops=False)] if posts else []


def _links(content: Content) -> list[Finding]:
    """Links into the house's own network, and links that carry somebody's password."""
    said = {text for copy in (None, *content.copies) for text in _texts(content, copy)}
    links = {re.split("[\"'<>]", found)[0].rstrip(_BEHIND) for text in said for found in _LINK.findall(text)}
    found = []
    for link in sorted(links):
        parts = _parts(link)
        shown = {"link": link[:80]}
        if parts is None or parts.scheme.lower() == "file" or not _is_public(parts.hostname or ""):
            found.append(Finding(Problem("review.link_unreachable", params=shown), stops=False))
        elif parts.username is not None:
            host = {"link": parts.hostname}
            found.append(Finding(Problem("review.link_password", params=host), stops=False))
    return found


def _parts(link: str) -> SplitResult | None:
    try:
        parts = urlsplit(link)
        return parts if parts.port is None or parts.port else None
    except ValueError:
        return None


def _is_public(host: str) -> bool:
    """Could a reader outside reach it, as far as its name tells? Nothing is looked up."""
    try:
        return ip_address(host).is_global
    except ValueError:
        name = host.rstrip(".")
        return "." in name and not name.endswith((".local", ".internal", ".lan", ".localhost", ".home.arpa"))
