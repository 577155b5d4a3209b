"""A database whose changes are taken back: many requests against one scene, none of which leaves anything."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlmodel import Session

from config import Database


class Undone(Database):
    """Every scope works within one transaction, which `back()` takes back."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.engine)
        self._connection = database.engine.connect()
        self._all = self._connection.begin()

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self._scope() as session:
            yield session

    @contextmanager
    def write(self, *, by_key: bool = False) -> Iterator[Session]:
        with self._scope() as session, session.begin():
            yield session

    def _scope(self) -> Session:
        return Session(self._connection, expire_on_commit=False, join_transaction_mode="create_savepoint")

    def back(self) -> None:
        """As it was at the beginning."""
        self._all.rollback()
        self._all = self._connection.begin()

    def end(self) -> None:
        self._all.rollback()
        self._connection.close()
