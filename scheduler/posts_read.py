"""A post as it is read: what it says, where it goes, and the places it belongs to."""

from dataclasses import dataclass, replace

from sqlalchemy import select as columns
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
    queued = columns(col(Delivery.account_id)).where(col(Delivery.post_id) == post_id)
    planned = columns(col(Planned.account_id)).where(col(Planned.post_id) == post_id)
    return list(
        session.scalars(
            columns(col(Unit.path))
            .join(Account, col(Account.unit_id) == col(Unit.id))
            .where(col(Account.id).in_(queued.union_all(planned)))
            .distinct()
        )
    )


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
