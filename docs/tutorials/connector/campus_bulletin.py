"""The campus bulletin: `PUT /notices/<key>` writes a notice once, `GET` tells whether it is there."""

from datetime import datetime

from connectors import (
    Access,
    Connector,
    CredentialField,
    Finding,
    Label,
    Limits,
    Outgoing,
    Receipt,
    ReceiptState,
    Reconcile,
)


class CampusBulletin(Connector):
    platform = "campus_bulletin"
    label = Label("校园公告", "Campus bulletin")
    credential_fields = (CredentialField("token", Label("令牌", "Token"), pattern=r"[\x21-\x7e]{8,200}"),)
    limits = Limits(title_length=60, text_length=5000, title_required=True)
    capabilities = frozenset({"publish", "find"})
    reconcile = Reconcile.KEY  # a repeat under the same key is the same notice

    def check(self, access: Access) -> tuple[Finding, ...]:
        self._notice(access, "meizhen-check")
        return (Finding(True, Label("公告栏可以访问。", "The bulletin answers.")),)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        body = {"title": outgoing.title, "text": outgoing.text}
        receipt = self._notice(access, outgoing.key, body)
        if receipt is None:
            raise ValueError("a notice that was just written is not there")
        return receipt

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        return self._notice(access, outgoing.key)

    def _notice(self, access: Access, key: str, body: dict[str, str] | None = None) -> Receipt | None:
        answer = access.http.call(
            "GET" if body is None else "PUT",
            f"{access.api_base}/notices/{key}",
            writes=body is not None,  # a lost answer of a write is uncertain, of a read unreachable
            json_body=body,
            headers={"Authorization": f"Bearer {access.credentials['token']}"},
        )
        if answer.status == 404 and body is None:
            return None
        if not 200 <= answer.status < 300:
            raise answer.failure(access.now())  # one of the six errors, by the status
        number = answer.json_object().get("id")
        if not isinstance(number, str) or not number:
            raise answer.bad("no id")
        return Receipt(ReceiptState.PUBLISHED, number, f"https://bulletin.example.edu/{number}")


connector = CampusBulletin()
