"""Which files of the archive hold the days asked for: `LEVEL/month=2025-03/platform=wechat/part.parquet`."""

import re
from collections.abc import Collection
from datetime import date
from pathlib import Path

from analytics.selection import FigureKind

_PARTITION = re.compile(r"month=(\d{4}-\d{2})/platform=([^/]+)/[^/]+\.parquet")


def archived_files(
    folder: Path, level: FigureKind, *, since: date, until: date, platforms: Collection[str] | None = None
) -> list[Path]:
    """The files of the months from `since` to `until`, in order; none where there is no archive yet."""
    first, last = f"{since:%Y-%m}", f"{until:%Y-%m}"
    found = []
    for file in sorted((folder / level).glob("month=*/platform=*/*.parquet")):
        partition = _PARTITION.fullmatch(file.relative_to(folder / level).as_posix())
        if partition is None or not first <= partition[1] <= last:
            continue
        if platforms is None or partition[2] in platforms:
            found.append(file)
    return found
