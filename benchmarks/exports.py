"""How long a large table and an ordinary week take as files, and how much memory.

    python -m benchmarks.exports [--quick] [--others]

Prints one JSON document. The promises: 200,000 rows of 30 columns as xlsx in half the time of
`pandas.to_excel` at most, within 350 MB; all files of a week of 300 accounts and 2,000 articles in 3 s.
`--others` also runs the Rust writer and pyexcelerate where they are installed: they are no dependencies.
"""

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks._process import Told, measured

ROWS, QUICK_ROWS = 200_000, 2_000
ACCOUNTS, ARTICLES = 300, 2_000
WRITERS = ("ours", "pandas_openpyxl", "pandas_xlsxwriter")
OTHERS = ("rustpy", "pyexcelerate")


def write(writer: str, count: int, path: Path) -> Told:
    """One file in a process of its own."""
    with measured("benchmarks._exporter", writer, count, path) as process:
        process.go()
        return process.told()


def shown(told: Told) -> dict[str, float | None]:
    return {
        "seconds": round(told.seconds, 1),
        "cpu_seconds": round(told.cpu_seconds, 1),
        "peak_mb": told.peak_mb,
    }


def tables(folder: Path, count: int, *, others: bool) -> dict[str, object]:
    """The same rows by every writer; `times_faster` is theirs over ours, by processor time."""
    told = {
        name: write(name, count, folder / f"{name}.xlsx") for name in (*WRITERS, *(OTHERS if others else ()))
    }
    ours = told["ours"].cpu_seconds
    return {
        "rows": count,
        **{name: shown(one) for name, one in told.items()},
        "times_faster": {
            name: round(one.cpu_seconds / ours, 2) for name, one in told.items() if name != "ours"
        },
    }


def weeks(folder: Path, accounts: int, articles: int) -> dict[str, object]:
    """A unit's ordinary week, out of a quarter of figures: all files, and the workbook alone."""
    from benchmarks._week import fill
    from config.database import connect, migrate

    path = folder / "week.sqlite"
    database = connect(f"sqlite:///{path}")
    migrate(database)
    fill(database, accounts=accounts, articles=articles)
    database.close()
    whole, workbook = write("week", 1, path), write("week", 0, path)
    return {"accounts": accounts, "articles": articles, "all": shown(whole), "xlsx": shown(workbook)}


def measure(*, quick: bool = False, others: bool = False) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        part = 10 if quick else 1
        return {
            "week": weeks(Path(folder), ACCOUNTS // part, ARTICLES // part),
            "table": tables(Path(folder), QUICK_ROWS if quick else ROWS, others=others),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once, small: does it still run?")
    parser.add_argument("--others", action="store_true", help="the writers that are no dependencies too")
    arguments = parser.parse_args()
    print(json.dumps(measure(quick=arguments.quick, others=arguments.others)))
