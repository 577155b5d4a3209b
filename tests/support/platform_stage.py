"""One account of a platform at its double: `from platform_stage import PlatformStage`."""

from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar

from access import MemoryStore, make_access

from config import ManualClock
from connectors import Access, Connector, Outgoing, Receipt
from sandbox.world import SandboxAccount, World


class PlatformStage:
    """The account `league` of a platform that makes no posts of its own, and the way to it.

    The platform's file of tests says in a subclass whose `connector` it is and which `example` account.
    """

    connector: ClassVar[Connector]
    example: ClassVar[Callable[[World, str], SandboxAccount]]

    def __init__(self, world: World, clock: ManualClock, url: str) -> None:
        self.world, self.clock, self.url = world, clock, url
        self.account = type(self).example(world, "league")
        self.account.posts_per_week = 0
        self.memory = MemoryStore(clock.now)
        self.access = self.opened()

    def opened(self, **more: str) -> Access:
        """A way to the account with these credentials beside its own."""
        return make_access(
            self.connector.platform,
            "league",
            credentials={**self.account.credentials, **more},
            api_base=f"{self.url}/{self.connector.platform}",
            now=self.clock.now,
            memory=self.memory,
        )

    def move(self, **step: float) -> None:
        """Lets time pass here and there: `move(hours=1)`."""
        self.clock.move_to(self.clock.now() + timedelta(**step))
        self.world.move_to(self.clock.now())

    def calls(self, ending: str) -> int:
        """How often what ends so was called."""
        return sum(count for name, count in self.world.calls.items() if name.endswith(ending))

    def answering(self, call: str, *answer: object) -> None:
        """From now on that call always answers so."""
        self.account.switches["answer"] = {call: answer}

    def publish(self, post: Outgoing) -> Receipt:
        return self.connector.publish(self.access, post)
