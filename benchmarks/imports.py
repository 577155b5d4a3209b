"""Importing a file of figures: how long, how much memory, and how long another writer waits meanwhile.

    python -m benchmarks.imports [--quick]

Each import is a process of its own. The promises: 5,000 rows with a preview first within 5 s; 200,000 rows of
five figures within 60 s, at the memory of 20,000 rows; on SQLite no other writer waits longer than 5 s.
"""

import csv
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import text

from benchmarks._process import measured
from benchmarks._stage import KINDS, databases, home, opened
from organisation.accounts import Account
from organisation.units import Unit

ROWS, FEWER, PREVIEWED, QUICK = 200_000, 20_000, 5_000, 500
PROMISE_SECONDS, PROMISE_PREVIEW_SECONDS, PROMISE_WAIT_SECONDS = 60.0, 5.0, 5.0
PROMISE_MORE_MB = 24.0  # what 200,000 rows may take more than 20,000
HEADER = (
    "内容标题",
    "发表时间",
    "总阅读人数",
    "总阅读次数",
    "总分享人数",
    "阅读后关注人数",
    "阅读完成率",
    "内容url",
)


def write_file(path: Path, rows: int) -> None:
    """A WeChat back office's export of articles over three years."""
    first = date(2023, 1, 1)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(rows):
            day = first + timedelta(days=number % 1_000)
            reads = number * 7 % 90_000
            writer.writerow(
                (
                    f"青年志愿者在行动,第 {number} 期",
                    f"{day:%Y%m%d}",
                    f"{reads:,}",
                    reads * 2,
                    number % 500,
                    number % 90,
                    f"{number % 1000 / 10}%",
                    f"https://mp.weixin.qq.com/s/bench-{number:08}",
                )
            )


def add_account(address: str) -> None:
    with opened(address) as database, database.write() as session:
        unit = Unit(code="B", kind="region", name_zh="基准", path="1/")
        session.add(unit)
        session.flush()
        session.add(Account(unit_id=unit.id or 0, platform="wechat", handle="bench", name="bench"))


@contextmanager
def another_writer(address: str) -> Iterator[list[float]]:
    """A thread that writes a small thing again and again; gives the seconds that each took."""
    waits: list[float] = []
    stop = threading.Event()

    def write() -> None:
        with opened(address) as database:
            while not stop.wait(0.02):
                began = time.perf_counter()
                with database.write() as session:
                    session.execute(text("UPDATE account SET name = 'bench'"))
                waits.append(time.perf_counter() - began)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()


def measure(kind: str, folder: Path, sizes: tuple[int, int], previewed: int) -> dict[str, object]:
    files = {rows: folder / f"{rows}.csv" for rows in (*sizes, previewed)}
    for rows, file in files.items():
        write_file(file, rows)
    keys = folder / "keys.json"
    with databases(kind, folder) as fresh:
        told = {}
        for rows in sizes:
            address = fresh()
            add_account(address)
            importing = measured("benchmarks._importer", address, keys, files[rows])
            with importing as process, another_writer(address) as waits:
                process.go()
                told[rows] = process.told()
        address = fresh()
        add_account(address)
        seconds = 0.0
        for options in (("dry",), ()):
            with measured("benchmarks._importer", address, keys, files[previewed], *options) as process:
                process.go()
                seconds += process.told().seconds
    few, many = (told[rows] for rows in sizes)
    return {
        "name": f"import of a file, {kind}",
        "rows": sizes[1],
        "seconds": round(many.seconds, 1),
        "cpu_seconds": round(many.cpu_seconds, 1),
        "rows_per_second": round(sizes[1] / many.seconds),
        "peak_mb": many.peak_mb,
        f"peak_mb_of_{sizes[0]}_rows": few.peak_mb,
        "longest_wait_of_another_writer": round(max(waits), 2),
        f"preview_and_import_of_{previewed}_rows": round(seconds, 2),
        "promise_seconds": PROMISE_SECONDS,
        "promise_preview_seconds": PROMISE_PREVIEW_SECONDS,
        "kept": many.seconds <= PROMISE_SECONDS
        and seconds <= PROMISE_PREVIEW_SECONDS
        and max(waits) <= PROMISE_WAIT_SECONDS
        and (many.peak_mb is None or few.peak_mb is None or many.peak_mb - few.peak_mb <= PROMISE_MORE_MB),
    }


def main() -> int:
    """Exit code 1 when a full run misses a promise on either database; --quick judges nothing."""
    quick = "--quick" in sys.argv[1:]
    kept = True
    for kind in KINDS:
        with home() as folder:
            found = measure(
                kind, folder, *(((QUICK, 2 * QUICK), QUICK) if quick else ((FEWER, ROWS), PREVIEWED))
            )
        print(json.dumps(found, ensure_ascii=False), flush=True)
        kept = kept and bool(found["kept"])
    return 0 if kept or quick else 1


if __name__ == "__main__":
    sys.exit(main())
