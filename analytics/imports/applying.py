"""Writing what a file brings: at once where that takes a second, else in short batches.

Other writers never wait longer than one batch. A batch stands or falls as a whole; the import stays
`applying` until the last one is in, and can be carried on or undone till then (decision 0009).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, insert, update
from sqlalchemy import select as fields
from sqlmodel import Session, col, select

from analytics.articles import Article, KnownMetric
from analytics.figures import FROM_FILE, Meaning, know_metrics, source_id, upsert
from analytics.identity import Told
from analytics.imports.records import FigureImport, ImportAccount, ImportState, live_import
from analytics.imports.staging import Staged, Staging
from config.batch import BatchQuery, BatchStatement
from config.clock import Clock
from config.database import Database
from config.errors import MeizhenError
from config.progress import Progress
from config.secrets import KeyRing
from organisation.ledger import record

AT_ONCE = 50_000
"""Figures up to which an import is written, or undone, in one transaction: about a second."""

BATCH_ROWS = 4_000
"""Rows of one batch of a longer one."""

ALIVE = timedelta(minutes=2)
"""How long after its last batch an unfinished import counts as still being written by somebody."""

_ADD_ARTICLES = BatchStatement(
    "INSERT INTO article (account_id, remote_id, title, url, published_at, published_day, kind) "
    "SELECT account, remote, title, url, published, day, 'post' FROM {rows} AS fresh WHERE true "
    "ON CONFLICT (account_id, remote_id) DO NOTHING RETURNING account_id, remote_id, id",
    {
        "account": "integer",
        "remote": "text",
        "title": "text",
        "url": "text",
        "published": "time",
        "day": "date",
    },
)
_IDS = BatchQuery(
    "SELECT asked.line AS line, article.id AS found FROM {rows} AS asked CROSS JOIN article "
    "WHERE article.account_id = asked.account AND article.remote_id = asked.remote",
    {"line": "integer", "account": "integer", "remote": "text"},
    {"line": "integer", "found": "integer"},
)
# An article that another import made stands there because of both: `made` is handed on.
_NOTE_ARTICLES = BatchStatement(
    "INSERT INTO figure_import_article (import_id, article_id, made) "
    "SELECT CAST(:number AS integer), fresh.article, fresh.made OR EXISTS ("
    "SELECT 1 FROM figure_import_article AS other WHERE other.article_id = fresh.article AND other.made) "
    "FROM {rows} AS fresh WHERE true ON CONFLICT DO NOTHING",
    {"article": "integer", "made": "boolean"},
)
_FIGURE = {"subject": "integer", "metric": "text", "as_of": "date", "value": "integer", "line": "integer"}
_ADD_SNAPSHOTS = BatchStatement(
    "INSERT INTO snapshot (article_id, metric, as_of, source_id, value, source_row, collected_at) "
    "SELECT subject, metric, as_of, CAST(:source AS integer), value, line, :now FROM {rows} AS fresh "
    "WHERE true ON CONFLICT (article_id, metric, as_of, source_id) DO NOTHING",
    _FIGURE,
)
_ADD_DAYS = BatchStatement(
    "INSERT INTO account_day_figure (account_id, metric, day, source_id, value, source_row, collected_at) "
    "SELECT subject, metric, as_of, CAST(:source AS integer), value, line, :now FROM {rows} AS fresh "
    "WHERE true ON CONFLICT (account_id, metric, day, source_id) DO NOTHING",
    _FIGURE,
)

TOLD = fields(
    col(Article.account_id), col(Article.id), col(Article.url), col(Article.title), col(Article.published_day)
)
"""Articles as rows are matched with them: account, then the fields of `Told`."""


class Application:
    """One import being written. `wanted` is how it will be kept.

    `meanings` is what its names count, by platform; `seen` is the newest article there was when the rows
    were matched.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        clock: Clock,
        staging: Staging,
        wanted: FigureImport,
        meanings: Mapping[str, Sequence[Meaning]],
        seen: int,
    ) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._staging = staging
        self._wanted = wanted
        self._meanings = meanings
        self._seen = seen
        self._number = 0
        self._source = 0
        self._at = wanted.at
        self._touched_at = wanted.at

    def run(self, progress: Progress) -> int:
        """Writes everything; gives the import's number. `begun` is what `progress` called it off at.

        Raises MeizhenError `figures.import_under_way` where somebody else is writing it,
        `figures.half_imported` where a part of it was written otherwise, `figures.other_meaning`.
        """
        progress("writing", 0, self._wanted.row_count)
        if self._wanted.figure_count <= AT_ONCE:
            with self._database.write(by_key=True) as session:
                self._begin(session)
                for lines in self._staging.batches(BATCH_ROWS):
                    self._write(session, lines)
                self._finish(session)
            return self._number
        with self._database.write(by_key=True) as session:
            self._begin(session)
        done = 0
        for lines in self._staging.batches(BATCH_ROWS):
            with self._database.write(by_key=True) as session:
                self._hold(session)
                self._write(session, lines)
            done += len(lines)
            progress("writing", done, self._wanted.row_count)
        with self._database.write(by_key=True) as session:
            self._hold(session)
            self._finish(session)
        return self._number

    @property
    def begun(self) -> tuple[int, datetime] | None:
        """The import's number and when it was touched last; None where nothing was written."""
        return (self._number, self._touched_at) if self._number else None

    def _begin(self, session: Session) -> None:
        wanted = self._wanted
        begun = live_import(session, wanted.digest)
        if begun is not None:
            self._carry_on(session, begun)
            return
        for platform, meanings in self._meanings.items():
            know_metrics(session, platform, meanings)
        self._source = source_id(session, "import", wanted.file, wanted.at, wanted.digest)
        values = wanted.model_dump(exclude={"id"}) | {"source_id": self._source}
        made = session.execute(
            upsert(session, FigureImport)
            .values(**values)
            .on_conflict_do_nothing()
            .returning(col(FigureImport.id))
        ).scalar_one_or_none()
        if made is None:
            raise MeizhenError("figures.import_under_way", file=wanted.file)
        self._number = made
        session.execute(
            insert(ImportAccount),
            [{"import_id": made, "account_id": account} for account in self._staging.accounts()],
        )

    def _carry_on(self, session: Session, begun: FigureImport) -> None:
        """Takes over an import that was cut off; it must be the same in every respect."""
        wanted = self._wanted
        if begun.state != ImportState.APPLYING or wanted.at - begun.touched_at < ALIVE:
            raise MeizhenError("figures.import_under_way", file=wanted.file)
        same = ("account", "mapping", "as_of", "row_count", "figure_count", "skipped_count")
        if any(getattr(begun, name) != getattr(wanted, name) for name in same):
            raise MeizhenError("figures.half_imported", number=begun.known_id, file=begun.file)
        if begun.source_id is None:
            raise ValueError(f"expected a source of import {begun.known_id}: it is being written")
        self._number, self._source = begun.known_id, begun.source_id
        self._at, self._touched_at = begun.at, begun.touched_at
        self._hold(session)

    def _hold(self, session: Session) -> None:
        """Says that this import is still being written, by us: whoever took it over is left alone."""
        now = self._clock.now()
        held = session.execute(
            update(FigureImport)
            .where(
                col(FigureImport.id) == self._number,
                col(FigureImport.state) == ImportState.APPLYING,
                col(FigureImport.touched_at) == self._touched_at,
            )
            .values(touched_at=now)
            .returning(col(FigureImport.id))
            .execution_options(synchronize_session=False)
        ).first()
        if held is None:
            raise MeizhenError("figures.import_under_way", file=self._wanted.file)
        self._touched_at = now

    def _write(self, session: Session, lines: Sequence[Staged]) -> None:
        if self._catch_up(session):
            lines = self._staging.lines(lines[0].row - 1, len(lines))
        connection = session.connection()
        articles = [line for line in lines if line.title]
        known = {line.row: line.article for line in articles if line.article is not None}
        fresh = [line for line in articles if line.row not in known]
        made: set[int] = set()
        if fresh:
            added = _ADD_ARTICLES.run(connection, [_article(line) for line in fresh]).mappings()
            ids: dict[tuple[int, str], int] = {
                (row["account_id"], row["remote_id"]): row["id"] for row in added
            }
            made = set(ids.values())
            there = [line for line in fresh if (line.account, line.remote) not in ids]
            known |= {line.row: ids[key] for line in fresh if (key := (line.account, line.remote)) in ids}
            if there:  # told of by an import of the same moment, or named like another article
                asked = [[line.row, line.account, line.remote] for line in there]
                known |= dict(_IDS.ask(connection, asked))
        if known:
            noted = [[article, article in made] for article in sorted(set(known.values()))]
            _NOTE_ARTICLES.run(connection, noted, number=self._number)
        told = {"source": self._source, "now": self._at}
        figures = [_figure(line, known[line.row], *figure) for line in articles for figure in line.figures]
        days = [
            _figure(line, line.account, *figure)
            for line in lines
            if not line.title
            for figure in line.figures
        ]
        if figures:
            _ADD_SNAPSHOTS.run(connection, figures, **told)
        if days:
            _ADD_DAYS.run(connection, days, **told)
        self._seen = newest_article(session)

    def _catch_up(self, session: Session) -> bool:
        """Matches anew where platforms have told of articles since; True where any came."""
        accounts = self._staging.accounts()
        rows = session.execute(
            TOLD.where(col(Article.id) > self._seen, ~col(Article.remote_id).startswith(FROM_FILE))
        ).all()
        came = 0
        for account in set(accounts).intersection(row[0] for row in rows):
            came += self._staging.know(account, [Told(*told) for of, *told in rows if of == account])
        if came:
            self._staging.match()
        return bool(came)

    def _finish(self, session: Session) -> None:
        wanted = self._wanted
        session.execute(
            update(FigureImport)
            .where(col(FigureImport.id) == self._number)
            .values(state=ImportState.APPLIED)
            .execution_options(synchronize_session=False)
        )
        record(
            session,
            self._keys,
            at=self._clock.now(),
            actor=wanted.actor,
            act="figures.import",
            subject=subject_of(wanted),
            details={
                "import": self._number,
                "file": wanted.file,
                "sha256": wanted.digest,
                "as_of": wanted.as_of,
                "rows": wanted.row_count,
                "figures": wanted.figure_count,
                "skipped": wanted.skipped_count,
            },
        )


def subject_of(imported: FigureImport) -> str:
    """What the ledger says an import was done to: its account, or the file where it names several."""
    return imported.account or f"file:{imported.file}"[:200]


def newest_article(session: Session) -> int:
    newest: int = session.execute(select(func.coalesce(func.max(col(Article.id)), 0))).scalar_one()
    return newest


def new_metrics(session: Session, meanings: Mapping[str, Sequence[Meaning]]) -> list[list[str]]:
    """The names that nothing but imports still standing has used: platform, level, name.

    Raises MeizhenError `figures.other_meaning`.
    """
    standing = select(FigureImport.metrics).where(FigureImport.state != ImportState.UNDONE)
    from_files = {tuple(metric) for metrics in session.exec(standing) for metric in metrics}
    new = []
    for platform, wanted in meanings.items():
        known = {
            (metric.level, metric.name): metric
            for metric in session.exec(select(KnownMetric).where(KnownMetric.platform == platform))
        }
        for meaning in wanted:
            metric = known.get((meaning.level, meaning.name))
            if metric is not None and (metric.unit, metric.kind) != (meaning.unit, meaning.kind):
                raise MeizhenError(
                    "figures.other_meaning",
                    platform=platform,
                    metric=meaning.name,
                    known=f"{metric.unit}, {metric.kind}",
                    received=f"{meaning.unit}, {meaning.kind}",
                )
            key = (platform, meaning.level, meaning.name)
            if metric is None or key in from_files:
                new.append(list(key))
    return new


def _article(line: Staged) -> list[object]:
    return [line.account, line.remote, line.title, line.url, line.published_at, line.day]


def _figure(line: Staged, subject: int, metric: str, value: int) -> list[object]:
    return [subject, metric, line.as_of, value, line.row]
