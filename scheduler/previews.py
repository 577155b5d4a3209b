"""What an account's copy of a post will look like, put together by the very functions that send it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from sqlmodel import Session, select

from config.errors import MeizhenError
from connectors import Label, Media, Outgoing, connector_for, fitted, platforms
from organisation.accounts import Account
from scheduler.deliveries import Delivery
from scheduler.outgoing import files_of
from scheduler.posts import Post, Variant
from scheduler.review_tables import Planned
from scheduler.wording import effective


@dataclass(frozen=True)
class Preview:
    """A copy as it goes out; `html` None where the platform takes `text` and makes its own page of it.

    `html` is what is sent byte for byte, but for the pictures' addresses; '' where `problems` stand against
    it, since what would be refused has no look.
    """

    title: str
    text: str
    html: str | None
    media: tuple[Media, ...]
    problems: tuple[Label, ...]

    def page(self) -> str:
        """A whole page around it for a browser; it runs nothing and loads nothing from elsewhere."""
        body = self.html if self.html is not None else f"<pre>{escape(self.text)}</pre>"
        return f"{_BEFORE.format(title=escape(self.title))}{body}{_AFTER}"


_BEFORE = (
    '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" '
    'content="width=device-width"><meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "img-src 'self' file:; style-src 'unsafe-inline'\"><title>{title}</title></head>"
    '<body style="max-width:414px;margin:0 auto;padding:16px"><h1 style="font-size:22px">{title}</h1><main>'
)
_AFTER = "</main></body></html>\n"


def preview_of(
    session: Session, post_id: int, account: Account, media_folder: Path, address_of: Callable[[Media], str]
) -> Preview:
    """The account's copy of a post, queued or still a draft; calls nobody.

    Raises MeizhenError `post.not_found`, `post.no_delivery` for an account it does not go to, and
    `post.no_connector` for one whose platform is not there.
    """
    post = session.get(Post, post_id)
    if post is None:
        raise MeizhenError("post.not_found", id=post_id)
    _require_planned(session, post_id, account)
    if account.platform not in platforms():
        known = ", ".join(platforms())
        raise MeizhenError(
            "post.no_connector", account=account.stable_id, platform=account.platform, known=known
        )
    variant = session.exec(
        select(Variant).where(Variant.post_id == post_id, Variant.account_id == account.known_id)
    ).one_or_none()
    title, said, options = effective(post, variant)
    return look_of(session, account, title, said, options, post.media, media_folder, address_of)


def look_of(
    session: Session,
    account: Account,
    title: str,
    said: str,
    options: Mapping[str, str],
    hashes: Sequence[str],
    media_folder: Path,
    address_of: Callable[[Media], str],
) -> Preview:
    """The same of words that may be stored nowhere yet, for an account whose platform is there."""
    files = files_of(session, set(hashes), media_folder) if hashes else {}
    media = tuple(files[sha256] for sha256 in hashes)
    connector = connector_for(account.platform)
    outgoing = fitted(connector, Outgoing("preview", 1, title, said, media, options))
    problems = connector.problems(outgoing)
    html = "" if problems else connector.preview(outgoing, address_of)
    return Preview(outgoing.title, outgoing.text, html, media, problems)


def _require_planned(session: Session, post_id: int, account: Account) -> None:
    """Who may see the post may see its copies, and no other account's look of it."""
    for table in (Delivery, Planned):
        wanted = select(table).where(table.post_id == post_id, table.account_id == account.known_id)
        if session.exec(wanted).first() is not None:
            return
    raise MeizhenError("post.no_delivery", id=post_id, account=account.stable_id)
