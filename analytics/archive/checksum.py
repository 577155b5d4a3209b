"""An exact checksum of figures that does not depend on their order, the same in Python and in DuckDB.

A figure's line is its key, value, row and time as text; its number is the first 60 bits of the line's MD5;
the checksum is the sum of the numbers. A row lost, added, doubled or changed, or values that changed places,
show; so do sums that happen to be equal. It finds faults, not forgers.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_HEX_DIGITS = 15  # 60 bits: they fit a signed number of 64

# Of the figures' plain columns, as `staging` keeps them. `seen` is UTC text with six decimals.
_LINE = (
    "concat_ws('|', subject, metric, day, source_id, value, coalesce(source_row::VARCHAR, ''), "
    "strftime(seen, '%Y-%m-%d %H:%M:%S.%f'))"
)
_TOLD = f"SELECT count(*), sum(value::HUGEINT), sum(('0x' || md5({_LINE})[1:{_HEX_DIGITS}])::BIGINT::HUGEINT)"


@dataclass(frozen=True)
class Sums:
    """Count, sum of the values (millionths) and checksum of a set of figures."""

    rows: int = 0
    value_sum: int = 0
    checksum: int = 0

    def plus(self, figures: Iterable[Sequence[object]]) -> "Sums":
        """With more figures: subject, metric, day, source, value, row or None, time; days, times as text."""
        rows, value_sum, checksum = self.rows, self.value_sum, self.checksum
        md5 = hashlib.md5
        for subject, metric, day, source, value, row, seen in figures:
            line = f"{subject}|{metric}|{day}|{source}|{value}|{'' if row is None else row}|{seen}"
            digest = md5(line.encode(), usedforsecurity=False).hexdigest()
            checksum += int(digest[:_HEX_DIGITS], 16)
            value_sum += value  # type: ignore[operator]
            rows += 1
        return Sums(rows, value_sum, checksum)


def sums_of(duck: "DuckDBPyConnection", relation: str) -> Sums:
    """The sums of what stands in a table or query of DuckDB with the plain columns of figures."""
    [(rows, value_sum, checksum)] = duck.execute(f"{_TOLD} FROM {relation}").fetchall()
    return Sums(int(rows), int(value_sum or 0), int(checksum or 0))
