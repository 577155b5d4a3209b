"""Posts in two steps: a container that nobody sees, and its publishing.

The container's id is remembered under the delivery's key before it is published, and one container becomes
one post at most: after a lost answer the container itself says whether it was published. A lost answer of the
first step leaves an unused container, which ends by itself after 24 hours (`../shared/platforms/meta.md`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from connectors._contract import Access, CredentialField, Media, Outgoing, Receipt, ReceiptState
from connectors._errors import ConnectorError, Label, NeedsPerson, Refused, Throttled, Unreachable
from connectors._json import line, web_address
from connectors._meta_calls import Graph
from connectors._meta_posts import Listing, remember

_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png"}
_KEPT = timedelta(days=60)  # as long as a doubt may be looked at
_CHILD_LIFE = timedelta(hours=20)  # a container ends after 24 hours
_PAUSE = timedelta(seconds=30)  # the average time that media take
_WORKING = Label(
    "平台还在处理素材，稍后自动继续。", "The platform still works on the media: it goes on by itself."
)
_FAILED = Label(
    "平台没能处理素材：请检查图片格式和公网地址，再重发。",
    "The platform could not take the media: check their type and public address, then send again.",
)
MEDIA_BASE_FIELD = CredentialField(
    "media_base",
    Label("素材的公网地址", "Public address of media"),
    secret=False,
    required=False,
    pattern=r"https://[\x21-\x7e]{3,300}",
)
_NO_BASE = Label(
    "平台要从公网取图片：请在账号表单填素材的公网地址（media_base）。",
    "The platform fetches pictures itself: enter their public address (media_base) in the account's form.",
)
_NOT_LISTED = Label(
    "已发布，平台还没有列出这条，稍后自动补上链接。",
    "Published; the platform has not listed it yet: its link follows by itself.",
)


class Stand(StrEnum):
    """How far a container has come."""

    IN_PROGRESS = "IN_PROGRESS"
    FINISHED = "FINISHED"
    PUBLISHED = "PUBLISHED"
    ERROR = "ERROR"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True)
class Container:
    """`at`: since when its post may be out."""

    id: str
    at: datetime


@dataclass(frozen=True)
class Way:
    """What the two steps are called on one platform, for one account."""

    graph: Graph
    create: str
    publish: str
    status: str
    listing: Listing

    def send(
        self, outgoing: Outgoing, words: str, fields: Mapping[str, str], pieces: tuple[Mapping[str, str], ...]
    ) -> Receipt:
        """Publishes once. `fields` make the container; `pieces`, where any, its children.

        Raises Throttled while the platform works on the media: the next call goes on with the same container.
        """
        kept = self._kept(outgoing)
        stand = self._stand(kept.id) if kept is not None else Stand.EXPIRED
        became = self._became(outgoing, words, kept, stand)
        if became is not None:
            return became
        if kept is None or stand is Stand.EXPIRED:
            kept = self._create(outgoing, fields, pieces)
            stand = self._stand(kept.id)
        if stand is Stand.IN_PROGRESS:
            raise self._busy()
        if stand is not Stand.FINISHED:
            self._access.memory.forget(_name(outgoing))
            raise Refused(f"the container is {stand}", platform_code=stand, remedy=_FAILED)
        number = self.graph.publish(self.publish, {"creation_id": kept.id})
        remember(self._access, outgoing, number)
        return Receipt(ReceiptState.PUBLISHED, number, self._address(number))

    def find(self, outgoing: Outgoing, words: str) -> Receipt | None:
        """Ours, by what its container says; None where there is none or it was not published."""
        kept = self._kept(outgoing)
        return None if kept is None else self._became(outgoing, words, kept, self._stand(kept.id))

    def settle(self, receipt: Receipt) -> Receipt:
        """Is a post whose container was published listed by now?"""
        outgoing = Outgoing(receipt.detail["key"], 0, "", "")
        kept = Container(receipt.remote_id, datetime.fromisoformat(receipt.detail["since"]))
        settled = self._published(outgoing, receipt.detail["words"], kept)
        return receipt if settled.state is ReceiptState.ACCEPTED else settled

    @property
    def _access(self) -> Access:
        return self.graph.access

    def _became(self, outgoing: Outgoing, words: str, kept: Container | None, stand: Stand) -> Receipt | None:
        """The post that a container became; None where it became none.

        Whether one that was published says so for ever is not told: of one that has ended the list is asked.
        """
        if kept is None or stand not in (Stand.PUBLISHED, Stand.EXPIRED):
            return None
        receipt = self._published(outgoing, words, kept)
        listed = receipt.state is ReceiptState.PUBLISHED
        return receipt if listed or stand is Stand.PUBLISHED else None

    def _create(
        self, outgoing: Outgoing, fields: Mapping[str, str], pieces: tuple[Mapping[str, str], ...]
    ) -> Container:
        """A new container, remembered before anything is done with it."""
        began = self._access.now()
        children = [self._child(outgoing, number, piece) for number, piece in enumerate(pieces)]
        made = {**fields, "children": ",".join(children)} if children else fields
        container = Container(self.graph.prepare(self.create, made), began)
        told = json.dumps([container.id, began.isoformat()])
        self._access.memory.put(_name(outgoing), told, until=began + _KEPT)
        return container

    def _kept(self, outgoing: Outgoing) -> Container | None:
        """The delivery's container, where one was made."""
        told = self._access.memory.get(_name(outgoing))
        if told is None:
            return None
        number, began = json.loads(told)
        return Container(str(number), datetime.fromisoformat(began))

    def _child(self, outgoing: Outgoing, number: int, fields: Mapping[str, str]) -> str:
        name = f"{_name(outgoing)}-{number}"
        child = self._access.memory.get(name)
        if child is None:
            child = self.graph.prepare(self.create, {**fields, "is_carousel_item": "true"})
            self._access.memory.put(name, child, until=self._access.now() + _CHILD_LIFE)
        stand = self._stand(child)
        if stand is Stand.IN_PROGRESS:
            raise self._busy()
        if stand in (Stand.ERROR, Stand.EXPIRED):
            self._access.memory.forget(name)
            raise Refused(f"picture {number + 1} is {stand}", platform_code=stand, remedy=_FAILED)
        return child

    def _stand(self, container: str) -> Stand:
        told = self.graph.get(container, {"fields": self.status}).get(self.status.split(",")[0])
        try:
            return Stand(str(told))
        except ValueError:
            words = f"a container without a state: {line(told, 40)}"
            raise Unreachable(words, platform_code="bad-answer") from None

    def _busy(self) -> Throttled:
        until = self._access.now() + _PAUSE
        return Throttled("a container is not ready", platform_code="media", until=until, remedy=_WORKING)

    def _published(self, outgoing: Outgoing, words: str, kept: Container) -> Receipt:
        post = self.listing.ours(self.graph, outgoing, words, kept.at)
        if post is None:
            detail = {"key": outgoing.key, "words": words, "since": kept.at.isoformat()}
            return Receipt(ReceiptState.ACCEPTED, kept.id, detail=detail, note=_NOT_LISTED)
        remember(self._access, outgoing, post.id)
        return Receipt(ReceiptState.PUBLISHED, post.id, post.url)

    def _address(self, number: str) -> str:
        """Where readers find it; '' where that cannot be told now: it is out all the same."""
        try:
            return web_address(self.graph.get(number, {"fields": "permalink"}).get("permalink"))
        except ConnectorError:
            return ""


def public_address(access: Access, media: Media) -> str:
    """Where the platform fetches a picture. Raises NeedsPerson where the account names no address."""
    base = access.credentials.get("media_base", "").rstrip("/")
    if not base:
        raise NeedsPerson("no media_base", platform_code="media-base", remedy=_NO_BASE)
    return f"{base}/{media.sha256}{_SUFFIXES.get(media.content_type, '')}"


def _name(outgoing: Outgoing) -> str:
    return f"container-{outgoing.key}"
