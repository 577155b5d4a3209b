"""How far the sheets of an xlsx reach, measured before anything makes room for them.

A sheet with one cell at its far end is small as a file; a reader that lays it out as a table takes hundreds
of gigabytes, and the process with it.
"""

import re
from typing import IO
from xml.parsers.expat import ExpatError, ParserCreate, XMLParserType
from zipfile import ZipFile

_PIECE = 1024 * 1024
_PLACE = re.compile(r"([A-Za-z]{1,7})([0-9]{1,9})")
_SHEET = b"sheetData"
_VALUES = frozenset({"v", "is"})


def extent(archive: ZipFile) -> tuple[int, int]:
    """The last row and the last column that hold anything, over all sheets, counted from 1.

    Raises ValueError for a sheet that is no XML, or that declares entities; BadZipFile for a broken part.
    """
    rows = columns = 0
    for entry in archive.infolist():
        with archive.open(entry) as part:
            is_sheet = _mentions(part, _SHEET)  # whatever its name: a sheet may stand anywhere
        if is_sheet:
            with archive.open(entry) as part:
                reach = _Reach()
                reach.measure(part)
            rows, columns = max(rows, reach.rows), max(columns, reach.columns)
    return rows, columns


def _mentions(part: IO[bytes], word: bytes) -> bool:
    end = b""
    while piece := part.read(_PIECE):
        if word in end + piece:
            return True
        end = piece[-len(word) :]
    return False


class _Reach:
    """The farthest cell of one part that has a value."""

    def __init__(self) -> None:
        self.rows = self.columns = 0
        self._row = self._column = 0
        self._parser: XMLParserType = ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EntityDeclHandler = self._refuse

    def measure(self, part: IO[bytes]) -> None:
        try:
            while piece := part.read(_PIECE):
                self._parser.Parse(piece, False)
            self._parser.Parse(b"", True)
        except ExpatError as error:
            raise ValueError(str(error)) from None

    def _refuse(self, *_: object) -> None:
        raise ValueError("entities are declared in it")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name in _VALUES:
            self.rows, self.columns = max(self.rows, self._row), max(self.columns, self._column)
        elif name == "c":
            self._column += 1  # where it does not say
            found = _PLACE.fullmatch(attributes.get("r", ""))
            if found:
                self._column, self._row = _number(found[1]), int(found[2])
        elif name == "row":
            told = attributes.get("r", "")
            self._row = int(told) if told.isdecimal() else self._row + 1
            self._column = 0


def _number(letters: str) -> int:
    """The number of a column: A is 1, AA is 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number
