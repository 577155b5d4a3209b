"""An account's pair of tokens: as a person entered them, or as last renewed since."""

import hashlib
import json
from collections.abc import Callable

from connectors._contract import Access
from connectors._errors import NeedsPerson
from connectors._reactions import SIGN_IN

Pair = tuple[str, str]  # the access token, the token that renews it


def access_token(access: Access) -> str:
    """The token for calls in the account's name."""
    return _pair(access)[0]


def renew(access: Access, fetch: Callable[[str], Pair]) -> None:
    """Exchanges the pair for a new one, one caller at a time; `fetch` gets the renewing token.

    Who waited for another caller's renewal takes that one's. Raises NeedsPerson where there is none to use.
    """
    before = _pair(access)
    if not before[1]:
        raise NeedsPerson("no token to renew with", platform_code="no-refresh", remedy=SIGN_IN)
    with access.memory.single_flight("tokens"):
        if _pair(access) == before:
            access.memory.put(_name(access), json.dumps(fetch(before[1])))


def entered(access: Access) -> str:
    """A short name of what a person entered: new after each sign-in, and no secret."""
    given = "|".join(access.credentials.get(name, "") for name in ("access_token", "refresh_token"))
    return hashlib.sha256(given.encode()).hexdigest()[:16]


def _pair(access: Access) -> Pair:
    kept = access.memory.get(_name(access))
    if kept is None:
        return access.credentials.get("access_token", ""), access.credentials.get("refresh_token", "")
    token, renewing = json.loads(kept)
    return str(token), str(renewing)


def _name(access: Access) -> str:
    """A person's new sign-in outdates what was renewed from the old one."""
    return f"tokens-{entered(access)}"
