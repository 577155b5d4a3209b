"""Finds the account that a row of a jury, vote or veto file means."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from analytics.awards.files import read_csv
from analytics.awards.rule import Category
from analytics.indices.document import nearest
from config.errors import InputError, Problem
from config.table_files import Row

Key = tuple[str, str]  # category, handle


class Handles:
    """The accounts of all categories by handle, and by `platform:handle`."""

    def __init__(self, accounts: Iterable[tuple[Category, Path]]) -> None:
        self._found: dict[str, list[Key]] = defaultdict(list)
        self.units: dict[Key, str] = {}
        for category, path in accounts:
            for account in read_csv(path):
                key = category.id, account["handle"]
                self.units[key] = account["unit_code"]
                self._found[account["handle"]].append(key)
                self._found[f"{category.platform}:{account['handle']}"].append(key)

    def key(self, account: str, category: str = "") -> Key:
        """(category, handle) of one account. Raises InputError as `find` tells it."""
        key, problems = self.find(Row(0, {"handle": account, "category": category}))
        if key is None:
            told = [Problem(problem.code, params=problem.params) for problem in problems]
            raise InputError(account, told)
        return key

    def find(self, row: Row) -> tuple[Key | None, list[Problem]]:
        """(category, handle) of a row's cells `handle` and, where one handle is in several, `category`."""
        handle, category = row["handle"], row["category"]
        keys = [key for key in self._found.get(handle, []) if not category or key[0] == category]
        if len(keys) == 1:
            return keys[0], []
        params: Mapping[str, object]
        if keys:
            params = {"received": handle, "categories": ", ".join(key[0] for key in keys)}
            return None, [Problem("award.handle_in_several", row.number, "handle", params)]
        params = {"received": handle, "near": nearest(handle, self._found) or "–"}
        return None, [Problem("award.no_such_handle", row.number, "handle", params)]
