"""What the house keeps of each import, so that it can be listed, carried on after a crash, and undone."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, Column, ColumnElement, ForeignKey, Index, Integer, exists, or_, text
from sqlalchemy import select as rows
from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import MeizhenError
from config.keyset import keyset
from organisation.accounts import Account
from organisation.units import Unit


class ImportState(StrEnum):
    """How far an import is. A long one that was cut off stays `applying` or `undoing` until finished."""

    APPLYING = "applying"  # its batches are being written; the same file carries it on, `undo` takes it back
    APPLIED = "applied"
    UNDOING = "undoing"  # its batches are being taken back; `undo` carries it on
    UNDONE = "undone"  # nothing of it is left but this row


_LIVE = text("state != 'undone'")


class FigureImport(SQLModel, table=True):
    """One file that was imported, as a whole: `source_id` is what its figures name, until they are undone.

    `metrics` are the names that no figure of the platform had before this import or others still standing:
    a list of platform, level and name.
    """

    __tablename__ = "figure_import"
    __table_args__ = (
        Index("uq_figure_import_digest", "digest", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
    )

    id: int | None = Field(default=None, primary_key=True)
    file: str = Field(max_length=200)
    digest: str = Field(max_length=64)  # SHA-256 of the file
    account: str = Field(max_length=200)  # platform:handle; '' where the file names several
    mapping: str = Field(max_length=100)
    as_of: date | None = None  # the day given for the whole file; None where its rows have their own
    row_count: int = 0
    figure_count: int = 0
    unknown_count: int = 0
    skipped_count: int = 0
    new_articles: int = 0
    matched_articles: int = 0
    metrics: list[list[str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    state: str = Field(max_length=12)
    source_id: int | None = Field(
        default=None, sa_column=Column(Integer, ForeignKey("figure_source.id"), nullable=True)
    )
    at: datetime
    actor: str = Field(max_length=120)
    touched_at: datetime  # when its last batch was written
    undone_at: datetime | None = None
    undone_by: str | None = Field(default=None, max_length=120)

    @property
    def known_id(self) -> int:
        """The row's id; the import is stored."""
        if self.id is None:
            raise ValueError("expected a stored import: this one has no id yet")
        return self.id


class ImportArticle(SQLModel, table=True):
    """An article that an import tells of. `made`: it is there only because of imports."""

    __tablename__ = "figure_import_article"
    __table_args__ = (Index("ix_figure_import_article", "article_id"), {"sqlite_with_rowid": False})

    import_id: int = Field(primary_key=True, foreign_key="figure_import.id")
    article_id: int = Field(primary_key=True, foreign_key="article.id")
    made: bool


class ImportAccount(SQLModel, table=True):
    """An account that an import tells of."""

    __tablename__ = "figure_import_account"
    __table_args__ = (Index("ix_figure_import_account", "account_id"), {"sqlite_with_rowid": False})

    import_id: int = Field(primary_key=True, foreign_key="figure_import.id")
    account_id: int = Field(primary_key=True, foreign_key="account.id")


def list_imports(
    session: Session,
    *,
    limit: int = 100,
    offset: int = 0,
    within: ColumnElement[bool] | None = None,
    actor: str = "",
) -> list[FigureImport]:
    """The newest imports, newest first, those that were undone included.

    With `within`, a condition on units (`organisation.in_sight`), only those that tell of an account there,
    and those of `actor`.
    """
    wanted = select(FigureImport).order_by(col(FigureImport.id).desc()).offset(offset).limit(limit)
    if within is not None:
        there = (
            exists()
            .where(col(ImportAccount.import_id) == col(FigureImport.id))
            .where(col(Account.id) == col(ImportAccount.account_id), col(Unit.id) == col(Account.unit_id))
            .where(within)
        )
        wanted = wanted.where(or_(there, col(FigureImport.actor) == actor))
    return list(session.exec(wanted))


def paths_of_import(session: Session, import_id: int) -> list[str]:
    """The places of all units whose accounts an import tells of; none once it is undone."""
    wanted = (
        select(Unit.path)
        .join(Account, col(Account.unit_id) == col(Unit.id))
        .join(ImportAccount, col(ImportAccount.account_id) == col(Account.id))
        .where(ImportAccount.import_id == import_id)
        .distinct()
    )
    return list(session.exec(wanted))


def page_of_imports(session: Session, after: Sequence[object] | None, limit: int) -> list[FigureImport]:
    """Imports, newest first; beyond the number `after`."""
    wanted = keyset(rows(FigureImport), [col(FigureImport.id)], after, limit, newest_first=True)
    return list(session.scalars(wanted))


def find_import(session: Session, import_id: int) -> FigureImport:
    """The import of this number. Raises MeizhenError `figures.unknown_import`."""
    found = session.get(FigureImport, import_id)
    if found is None:
        raise MeizhenError("figures.unknown_import", number=import_id)
    return found


def live_import(session: Session, digest: str) -> FigureImport | None:
    """The import of a file with this digest that was not undone."""
    wanted = select(FigureImport).where(
        FigureImport.digest == digest, FigureImport.state != ImportState.UNDONE
    )
    return session.exec(wanted).one_or_none()
