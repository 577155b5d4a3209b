"""发布: a public article without a push, from draft to address (sheet section 5)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from connectors._contract import Outgoing, Receipt, ReceiptState
from connectors._errors import ConnectorError, Label, NeedsPerson, Uncertain, Unreachable
from connectors._wechat_api import Step, WeChatApi, code_of, number, objects, text
from connectors._wechat_codes import DRAFT_GONE, NO_PERMISSION, UNKNOWN_JOB
from connectors._wechat_drafts import (
    LOOK_THERE,
    PAGE,
    Draft,
    Drafts,
    created,
    draft_gone,
    news,
    same_title,
)
from connectors._wechat_outcome import NEVER_PUBLIC, Publication, publication_outcome, remote_id

_PAGES = 10  # of the newest publications that a look-up reads
_PRESS_PUBLISH = Label(
    "草稿已推送到公众平台草稿箱；这个账号没有接口发布权限，请登录公众平台点“发表”，再把链接贴回来。",
    "The draft lies in the console's box; the account may not publish by API: press publish there and paste"
    " the link here.",
)
_BY_HAND = Label(
    "这个账号没有素材和草稿接口：请在公众平台新建图文，复制内容后发表，再把链接贴回来。",
    "The account has no interface for materials and drafts: make the article in the console, publish it and"
    " paste the link here.",
)


class Publications:
    """The publications of one account."""

    def __init__(self, api: WeChatApi) -> None:
        self._api = api
        self._drafts = Drafts(api)

    def send(self, outgoing: Outgoing) -> Receipt:
        """Draft and submit: accepted, or handed over where the account may not submit.

        Raises Uncertain only for a lost answer of the submit itself, or a draft that vanished.
        """
        draft = self._drafts.ensure(outgoing)
        answer = self._submit(draft)
        if code_of(answer) == DRAFT_GONE:
            draft = self._drafts.replace(outgoing)
            answer = self._submit(draft)
        if code_of(answer) == NO_PERMISSION:
            return handed_over(draft)
        return self._accepted(answer, draft, outgoing)

    def settle(self, receipt: Receipt) -> Receipt:
        """How the job stands. Raises NeedsPerson where it failed; a retry then makes a new draft."""
        publish_id = receipt.detail.get("publish_id") or receipt.remote_id
        answer = self._api.post("/cgi-bin/freepublish/get", {"publish_id": publish_id}, allow={UNKNOWN_JOB})
        if code_of(answer) == UNKNOWN_JOB:
            return self._settle_by_list(receipt)
        seen = _read(answer, publish_id)
        outcome = publication_outcome(seen, receipt.detail)
        if not isinstance(outcome, ConnectorError):
            return outcome
        if seen.status in NEVER_PUBLIC:
            self._drafts.forget(receipt.detail.get("key", ""))
        raise outcome

    def find(self, outgoing: Outgoing, since: datetime) -> Receipt | None:
        """The sheet's look-up: a living draft proves that nothing was published; a dead one is searched for.

        None without a draft of ours as well, since it is remembered before it is submitted. Raises Uncertain
        where the draft is gone and no publication of that title is listed (the job may still be under way),
        and where one is listed but no draft remembered: it may be another post of the same title.
        """
        media_id = self._drafts.remembered(outgoing)
        if media_id is not None and self._drafts.exists(media_id):
            return None
        found = self._listed(outgoing.title, since)
        if media_id is None:
            if found is not None:
                raise Uncertain(
                    "a publication of this title is there, but no draft of ours is remembered",
                    platform_code="same-title",
                    remedy=LOOK_THERE,
                )
            return None
        if found is None:
            self._drafts.mark_gone(outgoing.key)
            raise draft_gone()
        return found

    def _submit(self, draft: Draft) -> dict[str, Any]:
        return self._api.post(
            "/cgi-bin/freepublish/submit",
            {"media_id": draft.media_id},
            step=Step.PUBLIC,
            allow={DRAFT_GONE, NO_PERMISSION},
        )

    def _accepted(self, answer: dict[str, Any], draft: Draft, outgoing: Outgoing) -> Receipt:
        publish_id = text(answer.get("publish_id"))
        if not publish_id:
            raise Uncertain("the answer holds no publish_id", platform_code="bad-answer")
        detail = {
            "mode": "publish",
            "publish_id": publish_id,
            "msg_data_id": text(answer.get("msg_data_id")),
            "draft": draft.media_id,
            "key": outgoing.key,
            "title": outgoing.title,
            "submitted_at": self._api.access.now().isoformat(),
        }
        return Receipt(ReceiptState.ACCEPTED, publish_id, "", detail, draft.note())

    def _settle_by_list(self, receipt: Receipt) -> Receipt:
        """WeChat does not know the job: its publication may still be listed (53502)."""
        since = datetime.fromisoformat(receipt.detail["submitted_at"])
        found = self._listed(receipt.detail.get("title", ""), since)
        if found is None:
            raise NeedsPerson(
                "WeChat does not know this publication",
                platform_code=str(UNKNOWN_JOB),
                remedy=LOOK_THERE,
                account_wide=False,
            )
        return Receipt(found.state, found.remote_id, found.url, {**receipt.detail, **found.detail})

    def _listed(self, title: str, since: datetime) -> Receipt | None:
        """The publication of that title made at or after `since`; mass sends are not listed."""
        earliest = int(since.timestamp())
        for item in self._publications(earliest):
            for article in news(item):
                if created(item) >= earliest and same_title(text(article.get("title")), title):
                    detail = {"mode": "publish", "article_id": text(item.get("article_id"))}
                    address = text(article.get("url"))
                    return Receipt(ReceiptState.PUBLISHED, remote_id(detail, address), address, detail)
        return None

    def _publications(self, earliest: int) -> Iterator[dict[str, Any]]:
        """The newest publications, until a page holds only older ones."""
        for page in range(_PAGES):
            body = {"offset": page * PAGE, "count": PAGE, "no_content": 1}
            answer = self._api.post("/cgi-bin/freepublish/batchget", body, allow={NO_PERMISSION})
            items = objects(answer.get("item"))
            yield from items
            if len(items) < PAGE or max(map(created, items)) < earliest:
                return


def hand_over(api: WeChatApi, outgoing: Outgoing) -> Receipt:
    """Assisted publishing: the draft is pushed, a person presses publish (sheet section 0, number 7)."""
    return handed_over(Drafts(api).ensure(outgoing))


def made_by_hand() -> Receipt:
    """Where even materials or drafts are not permitted, a person makes the article (section 13)."""
    return Receipt(ReceiptState.HANDED_OVER, "", "", {"mode": "publish"}, _BY_HAND)


def find_draft(api: WeChatApi, outgoing: Outgoing) -> Receipt | None:
    """What an unverified account has of a post: nothing of it is public by our doing."""
    media_id = Drafts(api).remembered(outgoing)
    return handed_over(Draft(media_id)) if media_id is not None else None


def handed_over(draft: Draft) -> Receipt:
    """The receipt of a draft that waits for a person."""
    twins = draft.note()
    note = _PRESS_PUBLISH
    if twins is not None:
        note = Label(note.zh + twins.zh, f"{note.en} {twins.en}")
    detail = {"mode": "publish", "draft": draft.media_id}
    return Receipt(ReceiptState.HANDED_OVER, draft.media_id, "", detail, note)


def _read(answer: dict[str, Any], publish_id: str) -> Publication:
    detail = answer.get("article_detail")
    items = objects(detail.get("item")) if isinstance(detail, dict) else []
    failed = answer.get("fail_idx")
    numbers = [number(place) for place in failed] if isinstance(failed, list) else []
    status = number(answer.get("publish_status"))
    if status is None:
        raise Unreachable("the answer holds no publish_status", platform_code="bad-answer")
    return Publication(
        publish_id=publish_id,
        status=status,
        article_id=text(answer.get("article_id")),
        addresses=tuple(filter(None, (text(item.get("article_url")) for item in items))),
        failed=tuple(place for place in numbers if place is not None),
    )
