"""Cells of files that people send in, checked one by one into values, or a problem naming row and column."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from difflib import get_close_matches

from config.errors import Problem

_YES = frozenset({"true", "yes", "y", "1", "是", "已认证", "√", "✓"})
_NO = frozenset({"false", "no", "n", "0", "否", "未认证", "×", "✗", ""})
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")


class Cells:
    """One row's cells; what is wrong with them is gathered in `problems`, never thrown."""

    def __init__(self, values: Mapping[str, str], row: int | None, problems: list[Problem]) -> None:
        self._values = values
        self._row = row
        self._problems = problems

    def refuse(self, code: str, column: str | None = None, /, **params: object) -> None:
        self._problems.append(Problem(code, self._row, column, params))

    def raw(self, column: str) -> str:
        """The cell as it stands; '' where there is none."""
        return self._values.get(column, "")

    def text(self, column: str, *, limit: int, required: bool = False) -> str:
        """The cell, without characters that nobody sees, at most `limit` long."""
        value = self.raw(column)
        if not value and required:
            self.refuse("input.required", column)
        if len(value) > limit:
            self.refuse("input.too_long", column, received=len(value), limit=limit)
            return ""
        if not is_visible(value):
            self.refuse("input.control_character", column)
            return ""
        return value

    def word(self, column: str, *, limit: int, pattern: re.Pattern[str], expected: str) -> str:
        """A required cell that is one word of the given pattern; `expected` describes it."""
        value = self.text(column, limit=limit, required=True)
        if value and not pattern.fullmatch(value):
            self.refuse("input.bad_word", column, received=value, expected=expected)
            return ""
        return value

    def one_of(self, column: str, known: Sequence[str]) -> str:
        """A required cell that is one of the known words."""
        value = self.text(column, limit=200, required=True)
        if value and value not in known:
            near = get_close_matches(value, known, n=3)
            self.refuse("input.not_one_of", column, received=value, expected=", ".join(near or known))
            return ""
        return value

    def day(self, column: str) -> date | None:
        """A date as 2026-03-02, 2026/3/2 or 2026年3月2日; None where the cell is empty."""
        value = self.text(column, limit=40)
        if not value:
            return None
        try:
            parts = _DAY.fullmatch(value)
            return date(*(int(part) for part in parts.groups())) if parts else date.fromisoformat(value)
        except ValueError:
            self.refuse("input.not_a_date", column, received=value)
            return None

    def yes(self, column: str) -> bool:
        """Yes or no in Chinese, English or 1 and 0; an empty cell is no."""
        value = self.text(column, limit=40)
        if value.lower() not in _YES | _NO:
            self.refuse("input.not_one_of", column, received=value, expected="true, false, 是, 否")
        return value.lower() in _YES


# What Mongolian, Arabic and emoji are written with, though nobody sees it.
_WRITTEN = frozenset("\u180e\u200c\u200d")


def is_visible(value: str) -> bool:
    """No control characters, no writing-direction marks, no broken code points."""
    return not any(
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        for character in value
        if character not in _WRITTEN
    )
