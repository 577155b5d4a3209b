"""台账 Who did what to what, and whether anybody changed it since."""

from datetime import datetime

from organisation import Act, entries_of, read_heads
from organisation import verify as verify_ledger
from organisation.ledger_export import HEADS_FILE
from web.api.call import Asked
from web.api.cursors import Page, Pages
from web.api.noun import Noun
from web.api.texts import Filter, Told

noun = Noun("ledger")


class EntryShown(Told):
    """One act."""

    seq: int
    at: datetime
    actor: str
    act: str
    subject: str
    details: dict[str, object]


class FaultShown(Told):
    """The first bad entry, what is wrong with it, and for a swap the one in its place."""

    kind: str
    seq: int
    other: int | None


class Verified(Told):
    """How the ledger stands; note `head` elsewhere."""

    sound: bool
    entries: int
    head: str
    fault: FaultShown | None


@noun.read("", Act.LEDGER_READ)
def list_entries(
    asked: Asked, paging: Pages, subject: Filter = None, actor: Filter = None, act: Filter = None
) -> Page[EntryShown]:
    """台账列表 Entries, newest first; `act` may be a noun alone: all its acts."""
    asked.house()
    rows, following = asked.page(
        paging,
        {"subject": subject, "actor": actor, "act": act},
        (int,),
        lambda after, limit: entries_of(
            asked.session,
            subject=subject,
            actor=actor,
            act=act,
            before=None if after is None else int(str(after[0])),
            limit=limit,
        ),
        lambda entry: (entry.seq,),
    )
    return Page[EntryShown](items=[EntryShown.model_validate(entry) for entry in rows], next=following)


@noun.read("/verification", Act.LEDGER_READ)
def verify(asked: Asked) -> Verified:
    """核对台账 Check every entry from the first one."""
    asked.house()
    noted = read_heads(asked.desk.settings.home / HEADS_FILE)
    report = verify_ledger(asked.session, asked.keys, noted)
    fault = None if report.fault is None else FaultShown.model_validate(report.fault)
    return Verified(sound=report.sound, entries=report.entries, head=report.head, fault=fault)
