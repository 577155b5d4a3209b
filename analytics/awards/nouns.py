"""What an award ranks, as people call it: accounts, works, nominees. No text calls a work an account."""

from collections.abc import Iterable

from analytics.awards.rule import ACCOUNTS, OF, Rule
from config.messages import told

_JOINED = {"zh": "、", "en": ", "}


def noun(of: object, language: str) -> str:
    """What a category ranks; lists of earlier runs do not say it and rank accounts."""
    kind = of if of in OF else ACCOUNTS
    return told(f"award.noun_{kind}", {}, language=language)


def nouns(kinds: Iterable[object], language: str) -> str:
    """What several categories rank, each once, in their order."""
    return _JOINED[language].join(dict.fromkeys(noun(of, language) for of in kinds))


def ranked(rule: Rule | None, language: str) -> str:
    """What the whole award ranks; accounts where the rule cannot be read."""
    return nouns((category.of for category in rule.categories) if rule else (ACCOUNTS,), language)
