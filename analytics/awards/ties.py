"""Tie-break names that every category knows, beside its own variables: more is better in all of them."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

SHARE = "share"
EARLIER_FILED = "earlier_filed"
FACTS = ("index", "posts", "original_posts", "active_weeks", "shares_per_post", EARLIER_FILED)
_MICRO = Decimal("0.000001")


def tie_value(name: str, index: Decimal | None, facts: Mapping[str, str]) -> Decimal | None:
    """What an account brings to a tie: its index, a fact, or a variable of the index; None where unknown.

    Six decimals, as everything that is compared. "earlier_filed" counts the days back from year 9999.
    """
    if name == "index":
        return index
    if name == EARLIER_FILED:
        filed = facts["filed"]
        return Decimal((date.max - date.fromisoformat(filed)).days) if filed else None
    if name == "shares_per_post":
        posts, shares = facts["posts"], facts["shares"]
        if not shares or posts == "0":
            return None
        return (Decimal(shares) / Decimal(posts)).quantize(_MICRO, ROUND_HALF_EVEN)
    return Decimal(facts[name]) if facts[name] else None


def filed_day(value: Decimal) -> date:
    """The day behind a value of "earlier_filed"."""
    return date.max - timedelta(days=int(value))
