"""The files between the stages: CSV in UTF-8, lines ending in `\\n`, the same bytes for the same rows."""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

_MICROS = 1_000_000
Cell = str | int | Decimal | None


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Path:
    """Writes rows as they come; None is an empty cell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def read_csv(path: Path) -> Iterator[dict[str, str]]:
    """The rows of such a file, one after the other."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def write_json(path: Path, value: Mapping[str, object]) -> Path:
    """One JSON document: decimals as text, keys in the order given."""
    path.write_bytes(json_bytes(value))
    return path


def json_bytes(value: Mapping[str, object]) -> bytes:
    """One JSON document: decimals as text, keys in the order given."""
    return (json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n").encode()


def sha256(path: Path) -> str:
    """The hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Hashes:
    """Hashes of files, each computed again only where the file is another one or was written to."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def of(self, path: Path) -> str:
        """The hash of a file's bytes, '' where there is none."""
        try:
            told = path.stat()
        except OSError:
            return ""
        state = told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns
        known, digest = self._known.get(path, ((), ""))
        if known != state:
            digest = sha256(path)
            self._known[path] = state, digest
        return digest


def plain(number: Decimal) -> str:
    """A number without exponent and without zeros that say nothing: 12, 0.5, Infinity."""
    if not number.is_finite():
        return "Infinity"
    if number == number.to_integral_value():
        return str(int(number))
    return format(number.normalize(), "f")


def shown(value: int) -> str:
    """Whole millionths as `plain` writes them."""
    whole, rest = divmod(abs(value), _MICROS)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}" if not rest else f"{sign}{whole}.{rest:06d}".rstrip("0")
