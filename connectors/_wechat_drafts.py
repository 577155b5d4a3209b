"""The draft of a post: made once per delivery, found again after a lost answer (sheet section 4).

A draft is harmless to the public, so a lost answer on the way to it raises Unreachable, never Uncertain.
The delivery keeps one draft: its media_id dies with its publication, so that submitting the same draft
again can never make a second publication.
"""

import hashlib
import html
import json
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors._contract import Outgoing
from connectors._errors import Label, Refused, Uncertain, Unreachable
from connectors._wechat_api import Step, WeChatApi, code_of, number, objects, text
from connectors._wechat_article import content_of, problems_of, too_long, words_of
from connectors._wechat_codes import DRAFT_GONE
from connectors._wechat_materials import Materials

PAGE = 20
_CLOCK_SKEW = timedelta(minutes=2)

LOOK_THERE = Label(
    "草稿已不在，发表记录里也没找到：请在公众平台确认是否已发表，再决定是否重发。",
    "The draft is gone and no publication was found: look in the console whether it is out before repeating.",
)

Article = dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """A draft in the account's box; `twins` are equal ones that a lost answer may have left there."""

    media_id: str
    twins: int = 0

    def note(self) -> Label | None:
        if not self.twins:
            return None
        return Label(
            f"草稿箱里还有 {self.twins} 份相同的草稿（网络中断留下的），请在公众平台删除。",
            f"The box holds {self.twins} more equal drafts, left by a lost answer: delete them there.",
        )


class Drafts:
    """The drafts of one account."""

    def __init__(self, api: WeChatApi) -> None:
        self._api = api
        self._memory = api.access.memory
        self._materials = Materials(api)

    def ensure(self, outgoing: Outgoing) -> Draft:
        """The delivery's draft with the content as it is now. Raises Refused for what `problems` tells."""
        refuse_problems(outgoing)
        digest = _digest(outgoing)
        held = self._held(outgoing)
        if held is None:
            return self._create(outgoing, digest)
        media_id, written = held
        if written != digest:
            self._rewrite(outgoing, media_id)
            self._keep(outgoing, media_id, digest)
        return Draft(media_id)

    def remembered(self, outgoing: Outgoing) -> str | None:
        """The media_id of the draft that an earlier attempt made."""
        held = self._held(outgoing)
        return held[0] if held else None

    def exists(self, media_id: str) -> bool:
        """Is the draft still there? False means published, sent, or deleted by a person."""
        answer = self._api.post("/cgi-bin/draft/get", {"media_id": media_id}, allow={DRAFT_GONE})
        return code_of(answer) != DRAFT_GONE

    def forget(self, key: str) -> None:
        """Lets the next attempt of this delivery make a new draft: the old one certainly came to nothing."""
        for name in ("draft", "draft-tried", "draft-gone"):
            self._memory.forget(f"{name}:{key}")

    def mark_gone(self, key: str) -> bool:
        """Notes that the draft is gone and its publication not to be found; True when it was noted before.

        The house repeats such a delivery only when a person has decided so: the second time is that.
        """
        known = self._memory.get(f"draft-gone:{key}") is not None
        self._memory.put(f"draft-gone:{key}", self._api.access.now().isoformat())
        return known

    def replace(self, outgoing: Outgoing) -> Draft:
        """A new draft for one that is gone, but only when a person has asked for the post again.

        Raises Uncertain the first time: the old draft may have been published.
        """
        if not self.mark_gone(outgoing.key):
            raise draft_gone()
        self.forget(outgoing.key)
        return self.ensure(outgoing)

    def _create(self, outgoing: Outgoing, digest: str) -> Draft:
        article = self._article(outgoing)
        tried_key = f"draft-tried:{outgoing.key}"
        tried = self._memory.get(tried_key)
        draft = self._left_behind(article, datetime.fromisoformat(tried)) if tried else None
        if draft is None:
            if not tried:
                self._memory.put(tried_key, self._api.access.now().isoformat())
            draft = Draft(self._add(outgoing, article))
        self._keep(outgoing, draft.media_id, digest)
        self._memory.forget(tried_key)
        return draft

    def _add(self, outgoing: Outgoing, article: Article) -> str:
        answer = self._put_in(article, {DRAFT_GONE})
        if code_of(answer) == DRAFT_GONE:
            # A remembered picture was deleted in the console: upload it again, once.
            for media in outgoing.media:
                self._materials.forget(media)
            answer = self._put_in(self._article(outgoing), ())
        media_id = text(answer.get("media_id"))
        if not media_id:
            raise Unreachable("the answer holds no media_id", platform_code="bad-answer")
        return media_id

    def _put_in(self, article: Article, allow: Collection[int]) -> Article:
        return self._api.post("/cgi-bin/draft/add", {"articles": [article]}, step=Step.PREPARE, allow=allow)

    def _rewrite(self, outgoing: Outgoing, media_id: str) -> None:
        """The post was changed since: draft/update takes one object, not a list, and counts from 0."""
        try:
            self._api.post(
                "/cgi-bin/draft/update",
                {"media_id": media_id, "index": 0, "articles": self._article(outgoing)},
                step=Step.PREPARE,
            )
        except Refused as error:
            if error.platform_code != str(DRAFT_GONE):
                raise
            raise draft_gone() from None

    def _left_behind(self, article: Article, since: datetime) -> Draft | None:
        """The draft that an add with a lost answer has left, by title, digest and author."""
        earliest = (since - _CLOCK_SKEW).timestamp()
        found = [
            text(item.get("media_id"))
            for item in self._newest()
            if created(item) >= earliest and any(_alike(article, written) for written in news(item))
        ]
        return Draft(found[0], len(found) - 1) if found and found[0] else None

    def _newest(self) -> Iterator[Article]:
        body = {"offset": 0, "count": PAGE, "no_content": 1}
        yield from objects(self._api.post("/cgi-bin/draft/batchget", body).get("item"))

    def _article(self, outgoing: Outgoing) -> Article:
        options = outgoing.options
        comments = options.get("comments", "off")
        article: Article = {
            "title": outgoing.title.strip(),
            "author": options.get("author", ""),
            "need_open_comment": int(comments != "off"),
            "only_fans_can_comment": int(comments == "fans"),
        }
        if options.get("form") == "pictures":
            covers = [{"image_media_id": self._materials.cover(media)} for media in outgoing.media]
            return article | {
                "article_type": "newspic",
                "content": words_of(outgoing),
                "image_info": {"image_list": covers},
            }
        return article | {
            "article_type": "news",
            "digest": options.get("digest", ""),
            "content": self._content(outgoing),
            "content_source_url": options.get("link", ""),
            "thumb_media_id": self._materials.cover(outgoing.media[0]),
        }

    def _content(self, outgoing: Outgoing) -> str:
        content = content_of(outgoing, self._materials.address)
        problem = too_long(content)
        if problem is not None:
            raise Refused("the content is too long with its pictures", platform_code="local", remedy=problem)
        return content

    def _held(self, outgoing: Outgoing) -> tuple[str, str] | None:
        held = self._memory.get(f"draft:{outgoing.key}")
        if held is None:
            return None
        kept: dict[str, str] = json.loads(held)
        return kept["media_id"], kept["digest"]

    def _keep(self, outgoing: Outgoing, media_id: str, digest: str) -> None:
        kept = json.dumps({"media_id": media_id, "digest": digest})
        self._memory.put(f"draft:{outgoing.key}", kept)


def draft_gone() -> Uncertain:
    """The draft was consumed or deleted: its post may be out."""
    return Uncertain(
        "the draft is gone: it may already be published", platform_code=str(DRAFT_GONE), remedy=LOOK_THERE
    )


def refuse_problems(outgoing: Outgoing) -> None:
    """Raises Refused for the first problem that the platform need not be asked for."""
    problems = problems_of(outgoing)
    if problems:
        raise Refused(problems[0].en, platform_code="local", remedy=problems[0])


def same_title(one: str, other: str) -> bool:
    """Titles come back unescaped or escaped, with other spaces: compared in one normal form."""
    return _normal(one) == _normal(other)


def _normal(written: str) -> str:
    return " ".join(unicodedata.normalize("NFC", html.unescape(written)).split())


def _alike(sent: Article, written: Article) -> bool:
    """Same title, author and digest; WeChat fills an empty digest itself, so that one tells nothing."""
    names = [name for name in ("title", "author", "digest") if name != "digest" or text(sent.get(name))]
    return all(same_title(text(sent.get(name)), text(written.get(name))) for name in names)


def news(item: Article) -> list[Article]:
    """The articles of a draft or a publication as the lists give them."""
    content = item.get("content")
    return objects(content.get("news_item")) if isinstance(content, dict) else []


def created(item: Article) -> int:
    """When it was made, in seconds; 0 where the list does not say."""
    content = item.get("content")
    inner = number(content.get("create_time")) if isinstance(content, dict) else None
    return inner or number(item.get("update_time")) or 0


def _digest(outgoing: Outgoing) -> str:
    """Of all that becomes part of the draft."""
    parts = [
        outgoing.title,
        outgoing.text,
        [media.sha256 for media in outgoing.media],
        sorted(outgoing.options.items()),
    ]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()
