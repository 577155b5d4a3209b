"""Taking an import back: its figures, the articles and names that only imports brought, its source.

Undone in any order, imports leave what was there before them: an article goes with the last import that tells
of it. What a platform has told of meanwhile stays.
"""

from datetime import datetime

from sqlalchemy import and_, delete, exists, select, update
from sqlmodel import Session, col

from analytics.archive import archived_figures
from analytics.archive.partitions import ArchivedMonth
from analytics.articles import AccountDayFigure, Article, FigureSource, KnownMetric, Snapshot
from analytics.figures import FROM_FILE
from analytics.imports.applying import ALIVE, AT_ONCE, subject_of
from analytics.imports.records import (
    FigureImport,
    ImportAccount,
    ImportArticle,
    ImportState,
    find_import,
    live_import,
)
from analytics.mappings import ARTICLE
from config.batch import BatchStatement
from config.clock import Clock
from config.database import Database
from config.errors import MeizhenError
from config.progress import Progress, tell_nobody
from config.secrets import KeyRing
from organisation.accounts import Account
from organisation.ledger import record

_BATCH_ARTICLES = 2_000
_GONE = "(SELECT article FROM {rows} AS gone)"
_ARTICLE = {"article": "integer"}
_DROP_FIGURES = BatchStatement(
    f"DELETE FROM snapshot WHERE source_id = :source AND article_id IN {_GONE}", _ARTICLE
)
_DROP_NOTES = BatchStatement(
    f"DELETE FROM figure_import_article WHERE import_id = :number AND article_id IN {_GONE}", _ARTICLE
)
_DROP_ARTICLES = BatchStatement(
    f"DELETE FROM article WHERE id IN {_GONE} AND remote_id LIKE :from_file "
    "AND NOT EXISTS (SELECT 1 FROM snapshot WHERE snapshot.article_id = article.id) "
    "AND NOT EXISTS (SELECT 1 FROM figure_import_article AS other WHERE other.article_id = article.id)",
    _ARTICLE,
)

_NOTED = select(col(ImportArticle.article_id), col(ImportArticle.made)).order_by(
    col(ImportArticle.article_id)
)


def undo_import(
    database: Database,
    keys: KeyRing,
    clock: Clock,
    number: int,
    *,
    actor: str,
    progress: Progress = tell_nobody,
) -> FigureImport:
    """Takes the import of this number back, and gives it as it is kept; one cut off before is carried on.

    Figures in archived months cannot be taken back. Raises MeizhenError `figures.unknown_import`,
    `figures.undone_before`, `figures.import_under_way`, `figures.undo_archived`; nothing was changed then.
    """
    with database.read() as session:
        wanted = find_import(session, number)
    undoing = _Undoing(database, keys, clock, actor)
    undoing.run(wanted, progress)
    with database.read() as session:
        return find_import(session, number)


def withdraw_import(
    database: Database, keys: KeyRing, clock: Clock, number: int, touched_at: datetime, *, actor: str
) -> None:
    """Takes back what was written of an import under way, for whoever is writing it (`touched_at`)."""
    with database.read() as session:
        wanted = find_import(session, number)
    _Undoing(database, keys, clock, actor, touched_at).run(wanted, tell_nobody)


def withdraw_half(database: Database, keys: KeyRing, clock: Clock, digest: str, *, actor: str) -> None:
    """Takes back what somebody's import of a file left when its process died; nothing where it left nothing.

    Raises MeizhenError `figures.import_under_way` while it may still be alive.
    """
    with database.read() as session:
        left = live_import(session, digest)
    if left is not None and left.state != ImportState.APPLIED and left.actor == actor:
        undo_import(database, keys, clock, left.known_id, actor=actor)


class _Undoing:
    def __init__(
        self, database: Database, keys: KeyRing, clock: Clock, actor: str, touched_at: datetime | None = None
    ) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._actor = actor
        self._touched_at = touched_at

    def run(self, wanted: FigureImport, progress: Progress) -> None:
        progress("undoing", 0, wanted.figure_count)
        if wanted.figure_count <= AT_ONCE:
            with self._database.write(by_key=True) as session:
                self._begin(session, wanted.known_id)
                while self._drop_batch(session, wanted):
                    pass
                self._finish(session, wanted)
            return
        with self._database.write(by_key=True) as session:
            self._begin(session, wanted.known_id)
        more = True
        while more:
            with self._database.write(by_key=True) as session:
                self._hold(session, wanted)
                more = self._drop_batch(session, wanted)
            progress("undoing", 0, 0)
        with self._database.write(by_key=True) as session:
            self._hold(session, wanted)
            self._finish(session, wanted)

    def _begin(self, session: Session, number: int) -> None:
        found = find_import(session, number)
        if found.state == ImportState.UNDONE:
            raise MeizhenError("figures.undone_before", number=number, file=found.file)
        # Asked while other writers wait; later the key on the source keeps what the archive holds of it.
        archived = archived_figures(session, found.source_id) if found.source_id is not None else []
        if archived:
            months = ", ".join(sorted({one.month for one in archived}))
            raise MeizhenError("figures.undo_archived", number=number, months=months)
        now = self._clock.now()
        ours = found.touched_at == self._touched_at
        if found.state != ImportState.APPLIED and not ours and now - found.touched_at < ALIVE:
            raise MeizhenError("figures.import_under_way", file=found.file)
        self._move(session, number, found.state, found.touched_at, ImportState.UNDOING, now)

    def _hold(self, session: Session, wanted: FigureImport) -> None:
        """Says that this is still going on, by us: whoever took it over is left alone."""
        undoing = ImportState.UNDOING
        self._move(session, wanted.known_id, undoing, self._touched_at, undoing, self._clock.now())

    def _move(
        self, session: Session, number: int, state: str, touched_at: datetime | None, to: str, now: datetime
    ) -> None:
        moved = session.execute(
            update(FigureImport)
            .where(
                col(FigureImport.id) == number,
                col(FigureImport.state) == state,
                col(FigureImport.touched_at) == touched_at,
            )
            .values(state=to, touched_at=now)
            .returning(col(FigureImport.file))
            .execution_options(synchronize_session=False)
        ).first()
        if moved is None:
            raise MeizhenError("figures.import_under_way", file=number)
        self._touched_at = now

    def _drop_batch(self, session: Session, wanted: FigureImport) -> bool:
        """Drops the figures of some articles, and those articles that nothing else tells of."""
        noted = session.execute(
            _NOTED.where(col(ImportArticle.import_id) == wanted.known_id).limit(_BATCH_ARTICLES)
        ).all()
        if not noted:
            return False
        connection = session.connection()
        touched = [[article] for article, _ in noted]
        _DROP_FIGURES.run(connection, touched, source=wanted.source_id)
        _DROP_NOTES.run(connection, touched, number=wanted.known_id)
        made = [[article] for article, is_made in noted if is_made]
        if made:
            _DROP_ARTICLES.run(connection, made, from_file=f"{FROM_FILE}%")
        return True

    def _finish(self, session: Session, wanted: FigureImport) -> None:
        number, source = wanted.known_id, wanted.source_id
        now = self._clock.now()
        of_this = col(ImportAccount.import_id) == number
        days = and_(
            col(AccountDayFigure.source_id) == source,
            col(AccountDayFigure.account_id).in_(select(col(ImportAccount.account_id)).where(of_this)),
        )
        undone = {"state": ImportState.UNDONE, "source_id": None, "undone_at": now, "undone_by": self._actor}
        for statement in (
            delete(AccountDayFigure).where(days),
            delete(ImportAccount).where(of_this),
            update(FigureImport).where(col(FigureImport.id) == number).values(undone),
            delete(FigureSource).where(col(FigureSource.id) == source),
        ):
            session.execute(statement.execution_options(synchronize_session=False))
        for platform, level, name in wanted.metrics:
            _forget_metric(session, platform, level, name)
        record(
            session,
            self._keys,
            at=now,
            actor=self._actor,
            act="figures.undo",
            subject=subject_of(wanted),
            details={"import": number, "file": wanted.file, "sha256": wanted.digest},
        )


def _forget_metric(session: Session, platform: str, level: str, name: str) -> None:
    """Forgets what a name counts on a platform, where no figure has it any more."""
    key = and_(
        col(KnownMetric.platform) == platform, col(KnownMetric.level) == level, col(KnownMetric.name) == name
    )
    of_articles = (
        exists()
        .where(col(Account.platform) == platform, col(Article.account_id) == col(Account.id))
        .where(col(Snapshot.article_id) == col(Article.id), col(Snapshot.metric) == name)
    )
    of_accounts = (
        exists()
        .where(col(Account.platform) == platform, col(AccountDayFigure.account_id) == col(Account.id))
        .where(col(AccountDayFigure.metric) == name)
    )
    unused = ~(of_articles if level == ARTICLE else of_accounts)
    in_archive = exists().where(col(ArchivedMonth.platform) == platform)  # and may tell of this name
    session.execute(
        delete(KnownMetric).where(key, unused, ~in_archive).execution_options(synchronize_session=False)
    )
