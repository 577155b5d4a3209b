"""Who acts at this shell: the operator of the machine, or a person named by `--as` or MEIZHEN_PERSON."""

import os

VARIABLE = "MEIZHEN_PERSON"
_named: str | None = None


def act_as(login: str | None) -> None:
    """What `--as` said in this call of the command; None: nothing."""
    global _named
    _named = login


def acting() -> str | None:
    """The login of the person who acts; None: the operator, who may do everything here."""
    return _named or os.environ.get(VARIABLE) or None
