"""Imports of before there was a list of them: the migration finds them, and they can be undone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from postgres import Postgres
from sqlalchemy import text
from sqlmodel import select

from analytics.articles import Article, FigureSource, Snapshot
from analytics.figures import (
    ArticleFact,
    ArticleFigure,
    Meaning,
    know_metrics,
    source_id,
    store_articles,
    store_snapshots,
)
from analytics.imports import list_imports, undo_import
from config import Database, ManualClock, migrate
from config.database import connect
from config.secrets import KeyRing

ROOT = Path(__file__).parents[2]
_UNIT = (
    "INSERT INTO unit (id, code, kind, name_zh, name_en, path) VALUES (1, 'NM', 'region', '单位', '', '1/')"
)
_ACCOUNT = (
    "INSERT INTO account (id, unit_id, platform, handle, name, track, verified, api_base, state) "
    "VALUES (1, 1, 'wechat', 'nm', '账号', 'league', true, '', 'active')"
)
AT = datetime(2026, 3, 9, 1, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def former(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with the tables of before."""
    if request.param == "sqlite":
        database = connect(f"sqlite:///{tmp_path / 'former.sqlite'}")
        _upgrade(database, "0008")
        yield database
        database.close()
        return
    server: Postgres = request.getfixturevalue("_postgres")
    with server.database("template0") as address:
        database = connect(address)
        _upgrade(database, "0008")
        yield database
        database.close()


def _upgrade(database: Database, revision: str) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(ROOT / "migrations"))
    configuration.set_main_option("path_separator", "os")
    with database.engine.begin() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, revision)


def test_former_imports_are_listed_and_can_be_undone(former: Database, keys: KeyRing) -> None:
    day = date(2026, 3, 2)
    facts = [ArticleFact(remote, remote, "", AT, day) for remote in ("100_1", "import:abc")]
    with former.write() as session:
        for statement in (_UNIT, _ACCOUNT):  # in the words of then: today's tables have more columns
            session.execute(text(statement))
        know_metrics(session, "wechat", [Meaning("read_people", "people", "cumulative")])
        ids = store_articles(session, 1, facts)
        api = source_id(session, "api", "wechat articles", AT)
        file = source_id(session, "import", "旧表.csv", AT, "d" * 64)
        store_snapshots(session, api, AT, [ArticleFigure(ids["100_1"], "read_people", day, 7)])
        figures = [ArticleFigure(ids[fact.remote_id], "read_people", day, 8, 2) for fact in facts]
        store_snapshots(session, file, AT, figures)
    migrate(former)
    with former.read() as session:
        (found,) = list_imports(session)
    assert (found.file, found.account, found.as_of, found.state) == ("旧表.csv", "wechat:nm", day, "applied")
    assert (found.figure_count, found.row_count, found.new_articles, found.matched_articles) == (2, 2, 1, 1)
    undo_import(former, keys, ManualClock(AT), found.known_id, actor="cli:test")
    with former.read() as session:
        assert [article.remote_id for article in session.exec(select(Article))] == ["100_1"]
        assert [int(one.value) for one in session.exec(select(Snapshot))] == [7]
        assert [source.kind for source in session.exec(select(FigureSource))] == ["api"]
