"""台账 Who did what to what, and whether anybody changed it since."""

from datetime import datetime, time, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import Query

from config.clock import SHANGHAI
from organisation import Act, entries_of, export_entries, note_head, read_heads
from organisation import verify as verify_ledger
from organisation.ledger_export import HEADS_FILE
from web.api.call import Asked
from web.api.cursors import Page, Pages
from web.api.files import Download
from web.api.noun import Noun
from web.api.texts import Day, Filter, Told

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


class HeadNoted(Told):
    """How many entries there are and the seal of the last: note both elsewhere."""

    entries: int
    head: str


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


@noun.download("/export", Act.LEDGER_EXPORT, "application/jsonl")
def export(
    asked: Asked,
    since: Annotated[Day | None, Query(description="The first Beijing day.")] = None,
    until: Annotated[Day | None, Query(description="The last Beijing day.")] = None,
) -> Download:
    """导出台账 Entries as JSON lines, oldest first, each with its seal; into the ledger, too."""
    asked.house()
    first = None if since is None else datetime.combine(since, time(), SHANGHAI)
    after = None if until is None else datetime.combine(until + timedelta(days=1), time(), SHANGHAI)
    session = asked.session

    def write(folder: Path) -> Path:
        path = folder / f"ledger-{asked.now:%Y%m%d}.jsonl"
        export_entries(session, path, since=first, until=after)
        return path

    told = {"since": since, "until": until}
    return Download(write, act="ledger.export", subject="ledger", details=told)


@noun.write("POST", "/heads", Act.LEDGER_EXPORT, status=HTTPStatus.CREATED)
def note(asked: Asked) -> HeadNoted:
    """记下链头 Add the ledger's head to the noted heads beside the database; a cut end shows from then on."""
    asked.house()
    file = asked.desk.settings.home / HEADS_FILE
    entries, mac = note_head(asked.session, asked.keys, file, at=asked.now)
    return HeadNoted(entries=entries, head=mac)
