"""The rule of every route: `@ruled(act)` on its endpoint says who may come in at all.

`tests/web/test_access.py` walks all routes: one without a rule fails the build. The rule is the door; what is
done inside is asked of `organisation.require` at its place, and lists filter by `organisation.visible_to`.
"""

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from organisation import Act

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., object])
_MARK = "__rule__"


class Door(Enum):
    """Doors that no act opens."""

    SIGNED_IN = "signed-in"  # everybody who is signed in: what concerns themselves, or what filters itself


SIGNED_IN = Door.SIGNED_IN
Rule = Act | Door | None


def ruled(act: Rule) -> Callable[[_Endpoint], _Endpoint]:
    """Marks an endpoint: the act it needs somewhere, `SIGNED_IN`, or None for everybody (sign-in, health)."""

    def mark(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _MARK, act)
        return endpoint

    return mark


def rule_of(endpoint: object) -> Rule:
    """The endpoint's rule. Raises LookupError where nobody gave it one: then nobody may come in."""
    if not hasattr(endpoint, _MARK):
        raise LookupError(f"no rule for {endpoint!r}: mark it with @ruled")
    rule: Rule = getattr(endpoint, _MARK)
    return rule
