"""Importing posts: the whole table or nothing of it, few statements, each row's fault with its place."""

import base64
import csv
import hashlib
import io
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import xlsxwriter
from scenery import make_account
from sqlalchemy import event, func
from sqlmodel import col, select

from config import Database, InputError, ManualClock
from config.clock import SHANGHAI
from config.secrets import KeyRing
from organisation.accounts import Account
from organisation.ledger import LedgerEntry
from organisation.ledger_check import verify
from scheduler.deliveries import Delivery, DeliveryEvent
from scheduler.lanes import Lane
from scheduler.media import MediaFile, media_path
from scheduler.media_uses import MediaUse
from scheduler.pictures import bare_picture
from scheduler.post_import import Imported, import_posts
from scheduler.posts import Post

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
HEAD = ("account", "due", "title", "text", "media")
Row = Sequence[str]
Import = Callable[[Path], Imported]


def table(folder: Path, rows: Sequence[Row], head: Row = HEAD, encoding: str = "utf-8") -> Path:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([head, *rows])
    path = folder / "posts.csv"
    path.write_bytes(out.getvalue().encode(encoding))
    return path


@pytest.fixture
def importing(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Import:
    """Imports a file into a house with the accounts webhook:a, webhook:b and weibo:a."""
    for platform, handle in (("webhook", "a"), ("webhook", "b"), ("weibo", "a")):
        make_account(database, keys, platform, handle)

    def run(file: Path) -> Imported:
        return import_posts(
            database, keys, tmp_path / "media", file, lateness_hours=2, now=clock.now(), actor="li"
        )

    return run


def stored(database: Database) -> list[tuple[str, str, str, str, int, str]]:
    """Every delivery: account, Beijing due, title, text, seq, post's first file; by account and seq."""
    wanted = (
        select(Account, Delivery, Post)
        .where(col(Account.id) == col(Delivery.account_id), col(Post.id) == col(Delivery.post_id))
        .order_by(col(Account.platform), col(Account.handle), col(Delivery.seq))
    )
    with database.read() as session:
        return [
            (
                account.stable_id,
                f"{delivery.due.astimezone(SHANGHAI):%m-%d %H:%M}",
                post.title,
                post.text,
                delivery.seq,
                ",".join(post.media),
            )
            for account, delivery, post in session.exec(wanted)
        ]


def refused(importing: Import, file: Path) -> list[tuple[str, int | None, str | None]]:
    with pytest.raises(InputError) as error:
        importing(file)
    assert str(error.value) and file.name in str(error.value)
    return [(problem.code, problem.row, problem.column) for problem in error.value.problems]


def nothing_was_applied(database: Database, folder: Path) -> bool:
    with database.read() as session:
        rows = [
            session.exec(select(func.count()).select_from(one)).one()
            for one in (Post, Delivery, DeliveryEvent, MediaFile, LedgerEntry, Lane)
        ]
    return not any(rows) and not (folder / "media").exists()


def test_rows_with_one_content_are_one_post_with_several_deliveries(
    importing: Import, database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    rows = [
        ("webhook:a", "2026-03-02T10:00", "甲", "正文一", ""),
        ("webhook:b", "2026-03-02T11:00", "甲", "正文一", ""),
        ("webhook:a", "2026-03-02T09:30+08:00", "乙", "第一行\r\n第二行", ""),
        ("b", "now", "乙", "第一行\n第二行", ""),
    ]
    imported = importing(table(tmp_path, rows))
    assert (len(imported.post_ids), imported.deliveries) == (2, 4)
    assert stored(database) == [
        ("webhook:a", "03-02 09:30", "乙", "第一行\n第二行", 1, ""),
        ("webhook:a", "03-02 10:00", "甲", "正文一", 2, ""),
        ("webhook:b", "03-02 09:00", "乙", "第一行\n第二行", 1, ""),
        ("webhook:b", "03-02 11:00", "甲", "正文一", 2, ""),
    ]
    with database.read() as session:
        (entry,) = session.exec(select(LedgerEntry)).all()
        assert (entry.act, entry.subject, entry.actor) == ("post.import", "file:posts.csv", "li")
        assert entry.details["posts"] == 2 and entry.details["deliveries"] == 4
        assert verify(session, keys).sound
        deliveries = session.exec(select(Delivery)).all()
        assert all(one.late_after == one.due + timedelta(hours=2) for one in deliveries)
        assert {post.created_by for post in session.exec(select(Post))} == {"li"}
    assert len({one.key for one in deliveries}) == 4


def test_one_content_at_two_times_for_one_account_is_two_posts(
    importing: Import, database: Database, tmp_path: Path
) -> None:
    days = ("2026-03-03", "2026-03-04", "2026-03-05")
    rows = [("webhook:a", day, "", "天天说", "") for day in days] + [("webhook:b", days[0], "", "天天说", "")]
    imported = importing(table(tmp_path, rows))
    assert (len(imported.post_ids), imported.deliveries) == (3, 4)
    assert [row[1] for row in stored(database)] == [
        "03-03 00:00", "03-04 00:00", "03-05 00:00", "03-03 00:00",
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_encodings_that_excel_writes_are_read(
    importing: Import, database: Database, tmp_path: Path, encoding: str
) -> None:
    importing(
        table(tmp_path, [("webhook:a", "2026/3/2 9:30", "团日活动", "青春“向党”", "")], encoding=encoding)
    )
    assert stored(database) == [("webhook:a", "03-02 09:30", "团日活动", "青春“向党”", 1, "")]


def test_a_workbook_is_read_like_a_table(importing: Import, database: Database, tmp_path: Path) -> None:
    path = tmp_path / "posts.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet().write_row(0, 0, HEAD)
        book.worksheets()[0].write_row(1, 0, ("webhook:a", "2026-03-02T09:30", "甲", "正文", ""))
    importing(path)
    assert stored(database) == [("webhook:a", "03-02 09:30", "甲", "正文", 1, "")]


def test_columns_title_and_media_may_be_left_out_and_others_are_refused(
    importing: Import, database: Database, tmp_path: Path
) -> None:
    importing(table(tmp_path, [("webhook:a", "now", "正文")], ("account", "due", "text")))
    assert [row[3] for row in stored(database)] == ["正文"]
    wrong = table(tmp_path, [("webhook:a", "正文", "x")], ("account", "text", "tags"))
    assert refused(importing, wrong) == [
        ("input.missing_column", 1, None),
        ("input.unknown_column", 1, None),
    ]


def test_media_are_stored_once_and_ordered(importing: Import, database: Database, tmp_path: Path) -> None:
    (tmp_path / "图").mkdir()
    (tmp_path / "图" / "a.png").write_bytes(PNG)
    (tmp_path / "b.gif").write_bytes(GIF)
    (tmp_path / "same.gif").write_bytes(GIF)
    rows = [
        ("webhook:a", "now", "", "图文", "图\\a.png | b.gif"),
        ("webhook:b", "now", "", "图文", "图/a.png|same.gif|"),
        ("webhook:b", "now", "", "另一篇", "图/../b.gif"),
    ]
    imported = importing(table(tmp_path, rows))
    assert len(imported.post_ids) == 2
    kept = bare_picture(PNG, "image/png").content
    png, gif = (
        hashlib.sha256(content).hexdigest() for content in (kept, bare_picture(GIF, "image/gif").content)
    )
    assert {row[5] for row in stored(database)} == {f"{png},{gif}", gif}
    assert media_path(tmp_path / "media", png).read_bytes() == kept
    with database.read() as session:
        uses = sorted(session.exec(select(MediaUse.sha256, MediaUse.post_id)))
    first, second = imported.post_ids
    assert uses == sorted([(png, first), (gif, first), (gif, second)])
    with database.read() as session:
        assert sorted(session.exec(select(MediaFile.sha256))) == sorted([png, gif])


def test_every_wrong_cell_is_named_and_nothing_applied(
    importing: Import, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "good.png").write_bytes(PNG)
    (tmp_path / "evil.png").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "poly.gif").write_bytes(GIF + b"<script>alert(1)</script>")
    later = "2026-03-03T09:00"
    rows = [
        ("webhook:a", later, "", "good", "good.png"),
        ("webhook:nobody", later, "", "text", ""),
        ("a", later, "", "two accounts are called a", ""),
        ("", "", "", "neither", ""),
        ("webhook:a", "2026-03-02T08:30", "", "past", ""),
        ("webhook:a", "soon", "", "when", ""),
        ("webhook:a", later, "", "media", "good.png|evil.png|poly.gif|none.png"),
        ("webhook:a", later, "", "", ""),
        ("webhook:a", later, "", "bell\x07", ""),
        ("weibo:a", later, "", "长" * 140 + " https://example.cn/a", ""),
        ("weibo:a", later, "", "no link", ""),
        ("webhook:a", later, "", "good", ""),
    ]
    assert refused(importing, table(tmp_path, rows)) == [
        ("account.unknown", 3, "account"),
        ("account.ambiguous", 4, "account"),
        ("input.required", 5, "account"),
        ("input.required", 5, "due"),
        ("post.due_past", 6, "due"),
        ("input.not_a_moment", 7, "due"),
        ("post.media_type", 8, "media"),
        ("post.media_damaged", 8, "media"),
        ("post.media_unreadable", 8, "media"),
        ("post.empty", 9, "text"),
        ("input.control_character", 10, "text"),
        ("post.text_too_long", 11, "text"),
        ("post.platform_refuses", 12, None),
        ("post.duplicate", 13, None),
    ]
    assert nothing_was_applied(database, tmp_path)


@pytest.mark.parametrize(
    "name", ["../outside.png", "..\\outside.png", "/etc/hostname", "link.png", "good/../../outside.png"]
)
def test_media_outside_the_files_folder_are_refused_unread(
    importing: Import, database: Database, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (tmp_path / "outside.png").write_bytes(PNG)
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    file = table(folder, [("webhook:a", "now", "", "text", name)])
    assert refused(importing, file) == [("post.media_outside", 2, "media")]
    assert nothing_was_applied(database, tmp_path)


def test_the_same_post_twice_is_refused_however_the_time_is_written(
    importing: Import, database: Database, tmp_path: Path
) -> None:
    rows = [
        ("webhook:a", "2026-03-02T10:00+08:00", "甲", "正文", ""),
        ("webhook:b", "2026-03-02T10:00+08:00", "甲", "正文", ""),
        ("webhook:a", "2026-03-02T02:00Z", "乙", "正文", ""),
    ]
    file = table(tmp_path, rows)
    assert refused(importing, file) == [("post.duplicate", 4, None)]
    with pytest.raises(InputError, match="row 2"):
        importing(file)


def test_pictures_without_words_are_not_taken_for_repeats(importing: Import, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.gif").write_bytes(GIF)
    rows = [("webhook:a", "now", "", "", name) for name in ("a.png", "b.gif")]
    assert importing(table(tmp_path, rows)).deliveries == 2


def test_a_retired_account_takes_no_posts(importing: Import, database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        account = session.exec(select(Account).where(Account.handle == "b")).one()
        account.state = "retired"
        session.add(account)
    rows = [("webhook:b", "now", "", str(number), "") for number in range(2)]
    assert refused(importing, table(tmp_path, rows)) == [
        ("post.account_retired", 2, "account"),
        ("post.account_retired", 3, "account"),
    ]


def test_many_unknown_accounts_are_all_named(importing: Import, tmp_path: Path) -> None:
    rows = [(f"webhook:x{number}", "now", "", "text", "") for number in range(50)]
    assert refused(importing, table(tmp_path, rows)) == [
        ("account.unknown", row, "account") for row in range(2, 52)
    ]


def test_five_thousand_rows_take_as_many_statements_as_fifty(
    importing: Import, database: Database, tmp_path: Path
) -> None:
    def rows(count: int, named: str) -> list[Row]:
        return [
            ("webhook:a" if number % 2 else "webhook:b", "2026-03-03T09:00", "", f"{named} {number}", "")
            for number in range(count)
        ]

    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: statements.append(str(given[2])))
    importing(table(tmp_path, rows(50, "few")))
    few, started = len(ours(statements)), time.thread_time()  # other threads here serve other tests
    statements.clear()
    imported = importing(table(tmp_path, rows(5_000, "many")))
    assert (len(imported.post_ids), imported.deliveries) == (5_000, 5_000)
    assert time.thread_time() - started < 5
    # Bulk inserts go out in pages of a thousand rows.
    assert len(ours(statements)) < few + 10


def ours(statements: list[str]) -> list[str]:
    """All but what enqueueing does."""
    return [one for one in statements if "delivery" not in one and "lane" not in one]
