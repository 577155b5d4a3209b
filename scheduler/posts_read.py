"""A post as it is read: what it says, where it goes, and the places it belongs to."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import select as columns
from sqlalchemy import union_all
from sqlmodel import Session, col, select

from config.errors import MeizhenError
from organisation.accounts import Account
from organisation.units import Unit
from scheduler.deliveries import Delivery
from scheduler.posts import Post, Variant, is_variant_of_delivery
from scheduler.review_content import Content, Copy, contents_of
from scheduler.review_tables import Planned


@dataclass(frozen=True)
class ReadPost:
    """A post with what it says; its copies are those it is planned for, else those it was queued as."""

    post: Post
    content: Content


def paths_of_post(session: Session, post_id: int) -> list[str]:
    """The units' paths of all accounts that a post goes to or is planned for: acts on it are acts at all."""
    return paths_of_posts(session, [post_id])[post_id]


def paths_of_posts(session: Session, post_ids: Collection[int]) -> dict[int, list[str]]:
    """The same of several posts, in one statement; one that is not there has none."""
    ways: tuple[type[Delivery] | type[Planned], ...] = (Delivery, Planned)
    goes = union_all(
        *(
            columns(col(way.post_id), col(way.account_id)).where(col(way.post_id).in_(post_ids))
            for way in ways
        )
    ).subquery()
    rows = session.execute(
        columns(goes.c.post_id, col(Unit.path))
        .join(Account, col(Account.id) == goes.c.account_id)
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .distinct()
    )
    paths: dict[int, list[str]] = {post_id: [] for post_id in post_ids}
    for post_id, path in rows:
        paths[post_id].append(path)
    return paths


def read_post(session: Session, post_id: int) -> ReadPost:
    """The post. Raises MeizhenError `post.not_found`."""
    post = session.exec(
        select(Post).where(Post.id == post_id).execution_options(populate_existing=True)
    ).one_or_none()
    if post is None:
        raise MeizhenError("post.not_found", id=post_id)
    content = contents_of(session, [post_id])[post_id]
    return ReadPost(post, content if content.copies else replace(content, copies=_queued(session, post_id)))


def _queued(session: Session, post_id: int) -> tuple[Copy, ...]:
    rows = session.execute(
        columns(
            col(Delivery.account_id),
            col(Account.platform),
            col(Account.handle),
            col(Delivery.due),
            col(Delivery.late_after),
            col(Variant.title),
            col(Variant.text),
            col(Variant.options),
        )
        .join(Account, col(Account.id) == col(Delivery.account_id))
        .outerjoin(Variant, is_variant_of_delivery())
        .where(col(Delivery.post_id) == post_id)
        .order_by(col(Delivery.account_id))
    )
    return tuple(
        Copy(account_id, f"{platform}:{handle}", *rest) for account_id, platform, handle, *rest in rows
    )
