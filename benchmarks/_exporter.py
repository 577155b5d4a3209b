"""A process that writes one file: `python -m benchmarks._exporter WRITER ROWS FILE`; see `exports`.

The frame of a writer that wants one is made before it is let go; ours makes its rows as it writes.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks._process import run

COLUMNS = 30
_TITLES = (
    "学雷锋志愿服务月启动",
    "青年大学习第十二期",
    "=1+1 不是公式",
    "五四青年节晚会",
    "招募:西部计划志愿者",
)


def rows(count: int) -> Iterator[list[str | int | float | date]]:
    """Ten texts, four days, ten counts, six fractions a row."""
    first = date(2026, 1, 1)
    for number in range(count):
        texts = [f"{_TITLES[(number + place) % 5]} {number % 5000}" for place in range(10)]
        days = [first + timedelta(days=(number + place) % 365) for place in range(4)]
        counts = [number * 7 % 100_003 + place for place in range(10)]
        yield [*texts, *days, *counts, *((number * 31 + place) % 9973 / 7 for place in range(6))]


def headings() -> list[str]:
    return [f"column_{place}" for place in range(COLUMNS)]


def ours(count: int, path: Path) -> Callable[[], object]:
    from analytics.exports.large_sheet import write_xlsx

    return lambda: write_xlsx(path, headings(), rows(count))


def pandas_with(engine: str) -> Callable[[int, Path], Callable[[], object]]:
    def prepare(count: int, path: Path) -> Callable[[], object]:
        import pandas as pd

        frame = pd.DataFrame(rows(count), columns=headings())
        return lambda: frame.to_excel(path, index=False, engine=engine)

    return prepare


def rustpy(count: int, path: Path) -> Callable[[], object]:
    from rustpy_xlsxwriter import FastExcel

    names = headings()
    records = (dict(zip(names, row, strict=True)) for row in rows(count))
    return lambda: FastExcel(str(path), autofit=False).sheet("Sheet1", records).save()


def pyexcelerate(count: int, path: Path) -> Callable[[], object]:
    from pyexcelerate import Workbook

    def write() -> None:
        book = Workbook()
        book.new_sheet("Sheet1", data=[headings(), *rows(count)])
        book.save(str(path))

    return write


def week(count: int, path: Path) -> Callable[[], object]:
    """The week's files of the database `path`; all that is imported for them counts."""
    from analytics.exports.weekly import FORMATS, export_week
    from config.database import connect

    database = connect(f"sqlite:///{path}")
    formats = FORMATS if count else ["xlsx"]
    return lambda: export_week(database, "2026-W46", path.parent / "out", formats=formats)


WRITERS: dict[str, Callable[[int, Path], Callable[[], Any]]] = {
    "ours": ours,
    "pandas_openpyxl": pandas_with("openpyxl"),
    "pandas_xlsxwriter": pandas_with("xlsxwriter"),
    "rustpy": rustpy,
    "pyexcelerate": pyexcelerate,
    "week": week,
}


def main() -> None:
    writer, count, path = sys.argv[1:]
    write = WRITERS[writer](int(count), Path(path))

    def work(_stop: threading.Event) -> None:
        write()

    run(work)


if __name__ == "__main__":
    main()
