"""The database of a house that is put back: made, compared with what the backup says, migrated, held back.

It becomes a house's database in one step, with everything held back already: on SQLite by its name, on
PostgreSQL by its revision in the transaction that holds back.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, inspect
from sqlmodel import Session

from config.clock import Clock
from config.database import Database, clock_of, connect, migrate_within, open_database, reaching
from config.errors import MeizhenError
from config.secrets import KeyRing
from config.settings import Settings
from meizhen.backup.holding import hold_everything
from meizhen.backup.manifest import RESTORE_ACT, Manifest
from meizhen.backup.places import Places
from meizhen.backup.tables import (
    REVISIONS,
    count_in,
    count_rows,
    end_log,
    holds_tables,
    put_back_dump,
    require_sound_file,
    revisions,
    summed,
)
from meizhen.house import operator_of
from organisation import check_keys, entries_of, note_head, verify
from organisation.ledger_export import HEADS_FILE


@dataclass(frozen=True)
class Rebuilding:
    """One database on its way; `clock` None is that of the database."""

    places: Places
    keys: KeyRing
    manifest: Manifest
    clock: Clock | None

    @property
    def settings(self) -> Settings:
        return self.places.settings

    def run(self) -> dict[str, object]:
        """Gives what is held back, as the ledger has it.

        Raises MeizhenError `backup.database_differs`, `backup.ledger_differs`, `secrets.wrong_key`.
        """
        with reaching():
            if self.places.sqlite is not None:
                self._by_file(self.places.sqlite)
            else:
                self._by_dump()
            database = open_database(self.settings)
            try:
                return self._after(database)
            finally:
                database.close()

    def _by_file(self, final: Path) -> None:
        staged = self.places.database
        if holds_tables(final):  # an earlier try came so far
            staged.unlink()
            return
        for file in (staged, final):  # of a try that was killed; of an empty one
            for beside in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    file.with_name(file.name + beside).unlink()
        require_sound_file(staged)
        database = connect(f"sqlite:///{staged}")
        try:
            with database.reading() as connection:
                found = count_rows(connection)
            self._require_same(found, {name: one.rows for name, one in self.manifest.tables.items()})
            with database.engine.begin() as connection:
                self._finish(connection, database)
        finally:
            database.close()
        end_log(staged)
        _sync(staged)
        os.replace(staged, final)
        _sync(final.parent)

    def _by_dump(self) -> None:
        database = open_database(self.settings)
        try:
            with database.reading() as connection:
                begun = inspect(connection).has_table(REVISIONS)
                if begun and connection.execute(count_in(REVISIONS)).scalar_one():
                    self.places.database.unlink()
                    return  # an earlier try came so far
            put_back_dump(database, self.places.database, again=begun)
            with database.reading() as connection:
                found = summed(connection)
            self._require_same(found, self.manifest.tables)
            with database.engine.begin() as connection:
                connection.execute(insert(revisions()).values(version_num=self.manifest.revision))
                self._finish(connection, database)
        finally:
            database.close()
        self.places.database.unlink()

    def _require_same(self, found: object, told: object) -> None:
        if found == told:
            return
        names: list[str] = []
        if isinstance(found, dict) and isinstance(told, dict):
            names = sorted(name for name in {*found, *told} if found.get(name) != told.get(name))
        raise MeizhenError("backup.database_differs", table=", ".join(names) or "–")

    def _finish(self, connection: Connection, database: Database) -> None:
        """Migrates, looks at ledger and keys, holds back: all of it or nothing."""
        migrate_within(connection)
        now = (self.clock or clock_of(database)).now()
        with Session(connection, expire_on_commit=False) as session:
            self._check_ledger(session)
            check_keys(session, self.keys)
            actor = operator_of(self.settings)
            hold_everything(session, self.keys, self.settings, self.manifest, now=now, actor=actor)
            session.flush()

    def _check_ledger(self, session: Session) -> None:
        """The head must be the backup's; what was found changed when it was taken is told, not refused."""
        told = self.manifest.ledger
        report = verify(session, self.keys)
        if (report.entries, report.head, report.sound) != (told.entries, told.mac, told.sound):
            raise MeizhenError("backup.ledger_differs", entries=report.entries, expected=told.entries)

    def _after(self, database: Database) -> dict[str, object]:
        """Looks that it is this backup's, and notes the head where no database reaches."""
        now = (self.clock or clock_of(database)).now()
        with database.read() as session:
            last = next(iter(entries_of(session, act=RESTORE_ACT, limit=1)), None)
            if self.manifest.ledger.sound:
                note_head(session, self.keys, self.settings.home / HEADS_FILE, at=now)
        details = {} if last is None else last.details
        backup, held = details.get("backup"), details.get("held")
        if not isinstance(backup, dict) or backup.get("id") != self.manifest.id or not isinstance(held, dict):
            raise MeizhenError("backup.not_empty", place=database.engine.url.database)
        return held


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
