"""群发: a push to the followers, the one write here that is safe to repeat (sheet section 6).

`clientmsgid` is the delivery's key: within 24 hours a repeat answers 45065 with the first send's msg_id.
"""

import hashlib
from datetime import datetime
from typing import Any

from connectors._contract import Outgoing, Receipt, ReceiptState
from connectors._errors import ConnectorError, Uncertain, Unreachable
from connectors._wechat_api import Step, WeChatApi, code_of, text
from connectors._wechat_codes import DRAFT_GONE, NO_PERMISSION
from connectors._wechat_drafts import Draft, Drafts, draft_gone
from connectors._wechat_outcome import MASS_NEVER_PUBLIC, MassSend, mass_outcome
from connectors._wechat_publication import handed_over


class MassSends:
    """The mass sends of one account."""

    def __init__(self, api: WeChatApi) -> None:
        self._api = api
        self._drafts = Drafts(api)

    def send(self, outgoing: Outgoing) -> Receipt:
        """Draft and sendall: accepted, or handed over where the account may not mass-send."""
        draft = self._drafts.ensure(outgoing)
        answer = self._sendall(draft.media_id, outgoing)
        if code_of(answer) == DRAFT_GONE:
            draft = self._drafts.replace(outgoing)
            answer = self._sendall(draft.media_id, outgoing)
        if code_of(answer) == NO_PERMISSION:
            return handed_over(draft)
        return _accepted(answer, draft, outgoing)

    def settle(self, receipt: Receipt) -> Receipt:
        """How the send stands. Raises NeedsPerson where it failed; a retry then makes a new draft."""
        msg_id = receipt.detail.get("msg_id") or receipt.remote_id
        answer = self._api.post("/cgi-bin/message/mass/get", {"msg_id": msg_id})
        status = text(answer.get("msg_status"))
        if not status:
            raise Unreachable("the answer holds no msg_status", platform_code="bad-answer")
        outcome = mass_outcome(MassSend(msg_id, status), receipt.detail)
        if not isinstance(outcome, ConnectorError):
            return outcome
        if outcome.platform_code in MASS_NEVER_PUBLIC:
            self._begin_anew(receipt.detail.get("key", ""))
        raise outcome

    def find(self, outgoing: Outgoing, since: datetime) -> Receipt | None:
        """A living draft proves that nothing was sent. A dead one cannot be sent again, so the repeat with
        the same clientmsgid is only a question: 45065 tells the first send's msg_id.

        None without a draft of ours as well: it is remembered before it is sent. Raises Uncertain where the
        platform's 24 hours of memory are over.
        """
        media_id = self._drafts.remembered(outgoing)
        if media_id is None or self._drafts.exists(media_id):
            return None
        answer = self._sendall(media_id, outgoing)
        if code_of(answer) in (DRAFT_GONE, NO_PERMISSION):
            self._drafts.mark_gone(outgoing.key)
            raise draft_gone()
        return _accepted(answer, Draft(media_id), outgoing)

    def _begin_anew(self, key: str) -> None:
        """After a certain failure the old clientmsgid would only give the failed send's msg_id again."""
        self._drafts.forget(key)
        memory = self._api.access.memory
        memory.put(f"mass-round:{key}", str(int(memory.get(f"mass-round:{key}") or 0) + 1))

    def _clientmsgid(self, key: str) -> str:
        """The delivery's key; after a failed round another one made of it, as long (32 at most)."""
        failed = self._api.access.memory.get(f"mass-round:{key}")
        return hashlib.sha256(f"{key} {failed}".encode()).hexdigest()[:32] if failed else key

    def _sendall(self, media_id: str, outgoing: Outgoing) -> dict[str, Any]:
        tag = outgoing.options.get("tag_id", "")
        body = {
            "filter": {"is_to_all": False, "tag_id": int(tag)} if tag else {"is_to_all": True},
            "mpnews": {"media_id": media_id},
            "msgtype": "mpnews",
            "send_ignore_reprint": int(outgoing.options.get("reprint") == "send"),
            "clientmsgid": self._clientmsgid(outgoing.key),
        }
        allow = {DRAFT_GONE, NO_PERMISSION}
        return self._api.post("/cgi-bin/message/mass/sendall", body, step=Step.PUBLIC, allow=allow)


def _accepted(answer: dict[str, Any], draft: Draft, outgoing: Outgoing) -> Receipt:
    """The receipt of a send that was taken now, or had been taken before (45065)."""
    msg_id = text(answer.get("msg_id"))
    if not msg_id:
        raise Uncertain("the answer holds no msg_id", platform_code="bad-answer")
    detail = {
        "mode": "mass",
        "msg_id": msg_id,
        "msg_data_id": text(answer.get("msg_data_id")),
        "draft": draft.media_id,
        "key": outgoing.key,
    }
    return Receipt(ReceiptState.ACCEPTED, msg_id, "", detail, draft.note())
