"""Any web site of your own, by a small HTTP contract: the smallest complete connector.

Contract for the site's developers: `docs/reference/webhook-api.md`.
"""

from base64 import b64encode
from datetime import datetime

from connectors._contract import (
    Access,
    Connector,
    CredentialField,
    Finding,
    Limits,
    Outgoing,
    Receipt,
    ReceiptState,
    Reconcile,
)
from connectors._errors import Label
from connectors._http import Answer
from connectors._json import remote_id, web_address

_SITE_ANSWERS = Finding(True, Label("网站可以访问。", "The site answers."))


class Webhook(Connector):
    platform = "webhook"
    label = Label("自有网站（Webhook）", "Own web site (webhook)")
    credential_fields = (
        CredentialField("token", Label("访问令牌", "Access token"), required=False, pattern=r"[\x21-\x7e]+"),
    )
    limits = Limits(
        pictures=9,
        picture_bytes=5 * 1024 * 1024,
        picture_types=frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"}),
    )
    capabilities = frozenset({"publish", "find"})
    reconcile = Reconcile.KEY

    def check(self, access: Access) -> tuple[Finding, ...]:
        self._look_up(access, "meizhen-check")
        return (_SITE_ANSWERS,)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        answer = access.http.call(
            "POST",
            f"{access.api_base}/publish",
            writes=True,
            json_body=_body(access, outgoing),
            headers={"Idempotency-Key": outgoing.key, **_bearer(access)},
        )
        return _receipt(access, answer)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        return self._look_up(access, outgoing.key)

    def _look_up(self, access: Access, key: str) -> Receipt | None:
        answer = access.http.call(
            "GET", f"{access.api_base}/lookup", writes=False, params={"id": key}, headers=_bearer(access)
        )
        return None if answer.status == 404 else _receipt(access, answer)


def _bearer(access: Access) -> dict[str, str]:
    token = access.credentials.get("token")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _body(access: Access, outgoing: Outgoing) -> dict[str, object]:
    return {
        "id": outgoing.key,
        "account": access.handle,
        "seq": outgoing.seq,
        "title": outgoing.title,
        "text": outgoing.text,
        "media": [
            {
                "sha256": media.sha256,
                "content_type": media.content_type,
                "name": media.file_name,
                "alt": media.alt,
                "data": b64encode(media.path.read_bytes()).decode(),
            }
            for media in outgoing.media
        ],
    }


def _receipt(access: Access, answer: Answer) -> Receipt:
    """Only 2xx with a post_id is success."""
    if not 200 <= answer.status < 300:
        raise answer.failure(access.now())
    told = answer.json_object()
    post_id = remote_id(told.get("post_id"))
    if post_id is None:
        raise answer.bad("no post_id")
    return Receipt(ReceiptState.PUBLISHED, post_id, web_address(told.get("url")))


connector = Webhook()
