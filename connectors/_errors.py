"""How a platform call fails, and what that asks of us.

ConnectorError
├── Refused        permanent: our data is wrong
├── NeedsPerson    a person must act: whitelist, permission, content, authorisation
├── Unauthorised   the token is dead: refresh once, repeat once
├── Throttled      not now: nothing was done; go on at `until`
├── Unreachable    certainly not sent (or only a read): may be retried
└── Uncertain      may have been sent: never repeated blindly, looked up first
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Label:
    """A name or a sentence in both languages."""

    zh: str
    en: str


class ConnectorError(Exception):
    """A platform call that did not end well.

    `platform_code` and `platform_text` are the platform's own words (or the transport's), `request_id` its
    trace of the call; `remedy` tells a person what to do. Never holds a secret.
    """

    def __init__(
        self,
        platform_text: str,
        *,
        platform_code: str = "",
        remedy: Label | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(f"{platform_code} {platform_text}".strip())
        self.platform_code = platform_code
        self.platform_text = platform_text
        self.remedy = remedy
        self.request_id = request_id


class Refused(ConnectorError):
    """Permanent: the platform will never take this; the post must be changed."""


class NeedsPerson(ConnectorError):
    """A person must act first. `account_wide` pauses the account, not only this post.

    `until` is set where the platform says when asking again makes sense.
    """

    def __init__(
        self,
        platform_text: str,
        *,
        platform_code: str = "",
        remedy: Label | None = None,
        request_id: str = "",
        account_wide: bool = True,
        until: datetime | None = None,
    ) -> None:
        super().__init__(platform_text, platform_code=platform_code, remedy=remedy, request_id=request_id)
        self.account_wide = account_wide
        self.until = until


class Unauthorised(ConnectorError):
    """The token is dead and may be had anew: `Connector.refresh`, then the same call once more."""


class Throttled(ConnectorError):
    """Refused for now, nothing was done. `until` is when to go on (aware).

    `app_wide`: the limit is shared by every account behind the same gate (`Connector.gate`), not this
    account's own.
    """

    def __init__(
        self,
        platform_text: str,
        *,
        until: datetime,
        platform_code: str = "",
        remedy: Label | None = None,
        request_id: str = "",
        app_wide: bool = False,
    ) -> None:
        super().__init__(platform_text, platform_code=platform_code, remedy=remedy, request_id=request_id)
        self.until = until
        self.app_wide = app_wide


class Unreachable(ConnectorError):
    """Certainly nothing was done at the platform: the call may be repeated after a pause."""

    FENCED = "fenced"

    @property
    def was_fenced(self) -> bool:
        """Our own fence held the call back (`sending_before`): the platform had no part in it."""
        return self.platform_code == self.FENCED


class Uncertain(ConnectorError):
    """The platform may have done it: it is asked (`find`) before anything is repeated."""


class CallbackRefused(ValueError):
    """A request to a callback address that is not the platform's, or not for us.

    `reason` is a code for the log, never the request's content.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
