"""A platform without an interface for posts: it only declares itself, and a person publishes.

Nobody is called. Handing over is harmless, so that a node which died meanwhile simply hands over again.
"""

from typing import ClassVar

from connectors._assistance import Assistance
from connectors._contract import Access, Connector, Finding, Outgoing, Receipt, ReceiptState, Reconcile
from connectors._errors import Label

_BY_HAND = Finding(
    True,
    Label(
        "这个平台没有发稿接口:到时交给责任人,由人发布并贴回链接。",
        "This platform has no interface for posts: they are handed to a person, who pastes the link back.",
    ),
)


class ByHand(Connector):
    """What all platforms without an interface have in common; a subclass is data only."""

    credential_fields = ()
    capabilities = frozenset({"assisted"})
    reconcile = Reconcile.KEY
    assistance: ClassVar[Assistance]

    def check(self, access: Access) -> tuple[Finding, ...]:
        return (_BY_HAND,)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        return Receipt(ReceiptState.HANDED_OVER, "", note=self.assistance.where)
