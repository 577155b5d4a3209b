"""The version of a database is another one after every commit, whoever made it, and only then the same."""

import multiprocessing

from sqlalchemy import text

from config import Database
from config.database import connect

_WRITE = text("INSERT INTO role_rule (role, second_factor) VALUES (:role, false)")


def _write(address: str) -> None:
    database = connect(address)
    with database.write() as session:
        session.execute(_WRITE, {"role": "judge"})
    database.close()


def test_a_commit_of_this_or_another_process_makes_another_version(
    database: Database, database_address: str
) -> None:
    first = database.version()
    assert first is not None
    with database.write() as session:
        session.execute(_WRITE, {"role": "viewer"})
    second = database.version()
    other = multiprocessing.get_context("spawn").Process(target=_write, args=(database_address,))
    other.start()
    other.join()
    assert other.exitcode == 0
    assert len({first, second, database.version()}) == 3


def test_questions_leave_the_version_as_it_is_and_show_at_least_its_state(database: Database) -> None:
    with database.read() as earlier:
        earlier.execute(text("SELECT count(*) FROM role_rule"))  # a reader that stays behind
        before = database.version()
        with database.write() as session:
            session.execute(_WRITE, {"role": "viewer"})
            assert database.version() == before  # nothing is committed yet
        after = database.version()
        assert after != before
        with database.read() as session:
            assert session.execute(text("SELECT count(*) FROM role_rule")).scalar_one() == 1
        assert database.version() == after


def test_a_new_connection_never_tells_a_version_of_the_one_before(database: Database) -> None:
    before = database.version()
    database.close()
    assert database.version() not in (None, before)
