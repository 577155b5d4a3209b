"""A row of a file as we understand it: whose figures, of which article or day; or what is wrong with it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from urllib.parse import urlsplit

from analytics.figures import FROM_FILE, Meaning, six_places
from analytics.identity import address_key, title_key
from analytics.mappings import ACCOUNT, ARTICLE, FileMapping, Layout
from analytics.spellings import is_unknown, read_count, read_moment, read_number, read_rate
from config.clock import shanghai_day
from config.errors import Problem
from config.table_files import Row
from connectors import Unit, connector_for, platforms
from organisation.accounts import Account
from organisation.cells import is_visible

_TITLE_LENGTH = 500
_URL_LENGTH = 1000
_SHOWN = 40
_PLAIN_DIGITS = 12
_MILLION = 10**6
_READERS: dict[str, tuple[Callable[[str], Decimal], str]] = {
    Unit.PEOPLE: (read_count, "figures.not_a_count"),
    Unit.EVENTS: (read_count, "figures.not_a_count"),
    Unit.RATE: (read_rate, "figures.not_a_rate"),
    Unit.SECONDS: (read_number, "input.not_a_number"),
    Unit.HOURS: (read_number, "input.not_a_number"),
    Unit.MONEY: (read_number, "input.not_a_number"),
}


@dataclass(slots=True)
class Line:
    """One good row. Without a title it is the account's own day; `figures` are name → whole millionths."""

    row: int
    account_id: int
    as_of: date
    title: str
    url: str
    published_at: datetime | None
    address: str = ""  # what names the article in its url
    figures: dict[str, int] = field(default_factory=dict)
    unknown: int = 0

    @property
    def day(self) -> date:
        """The Beijing day of publishing, or the account's day."""
        return self.as_of if self.published_at is None else shanghai_day(self.published_at)

    @property
    def remote_id(self) -> str:
        """The file's own key of the article, until its platform names it."""
        name = self.address if self.url else f"{title_key(self.title)}|{self.day}"
        return FROM_FILE + hashlib.sha256(name.encode()).hexdigest()[:40]


class _Column(NamedTuple):
    heading: str
    meaning: Meaning
    read: Callable[[str], Decimal]
    code: str


class AccountNames:
    """Accounts as files name them: `platform:handle`, or the handle alone where only one has it."""

    def __init__(self, accounts: Sequence[Account]) -> None:
        self._by_name: dict[str, Account | None] = {}
        for account in accounts:
            twice = account.handle in self._by_name
            self._by_name[account.handle] = None if twice else account
        self._by_name |= {account.stable_id: account for account in accounts}

    def find(self, name: str) -> Account | None:
        return self._by_name.get(name)


class LineReader:
    """Reads the rows of one file; what is wrong with them is told to `refuse`, cell by cell.

    `account` and `as_of` are those of the whole file; a row may name its own where the mapping has a column
    for it. `names` finds the accounts that rows name.
    """

    def __init__(
        self,
        mapping: FileMapping,
        layout: Layout,
        refuse: Callable[[Problem], None],
        *,
        account: Account | None,
        names: AccountNames,
        as_of: date | None,
        today: date,
    ) -> None:
        self._mapping = mapping
        self._layout = layout
        self._refuse = refuse
        self._account = account
        self._names = names
        self._as_of = as_of
        self._today = today
        self._columns: dict[str, dict[str, list[_Column]]] = {}
        self._row = 0
        self._wrong = 0

    def meanings(self) -> dict[str, list[Meaning]]:
        """What the columns count, by platform, for every platform that a row so far was of."""
        return {
            platform: [column.meaning for level in by_level.values() for column in level]
            for platform, by_level in self._columns.items()
        }

    def read(self, row: Row) -> Line | None:
        """The row, or None where anything in it is wrong: each bad cell has been told."""
        self._row, self._wrong = row.number, 0
        account = self._account_of(row)
        line = Line(row.number, 0, self._as_of_day(row), "", "", None)
        if self._layout.title and (row[self._layout.title] or not self._layout.day):
            self._read_article(row, line)
        if account is not None:
            line.account_id = account.known_id
            self._read_figures(row, line, account.platform)
        return None if self._wrong else line

    def _bad(self, column: str, code: str, **params: object) -> None:
        self._wrong += 1
        self._refuse(Problem(code, self._row, column, params))

    def _account_of(self, row: Row) -> Account | None:
        heading = self._layout.account
        name = row[heading] if heading else ""
        if not name:
            if self._account is None:
                self._bad(heading, "input.required")
            return self._account
        found = self._names.find(name)
        if found is None:
            self._bad(heading, "figures.no_such_account", received=_shown(name))
        elif self._account is not None and found.id != self._account.id:
            self._bad(heading, "figures.another_account", received=name, expected=self._account.stable_id)
        elif self._mapping.platform and found.platform != self._mapping.platform:
            self._bad(heading, "figures.other_platform", account=name, platform=self._mapping.platform)
        return found

    def _as_of_day(self, row: Row) -> date:
        heading = self._layout.day
        cell = row[heading] if heading else ""
        if not cell:
            if self._as_of is None:
                self._bad(heading, "input.required")
            return self._as_of or self._today
        try:
            day = read_moment(cell).date()
        except ValueError:
            self._bad(heading, "input.not_a_date", received=_shown(cell))
            return self._today
        if day > self._today:
            self._bad(heading, "figures.as_of_in_future", received=day)
        return day

    def _read_article(self, row: Row, line: Line) -> None:
        layout = self._layout
        title = " ".join(row[layout.title].split())
        if self._mapping.cut_titles:
            title = title[:_TITLE_LENGTH]
        if not title:
            self._bad(layout.title, "input.required")
        elif len(title) > _TITLE_LENGTH:
            self._bad(layout.title, "input.too_long", received=len(title), limit=_TITLE_LENGTH)
        elif not (title.isprintable() or is_visible(title)):
            self._bad(layout.title, "input.control_character")
        line.title = title
        url = row[layout.url] if layout.url else ""
        if url and not _is_address(url):
            self._bad(layout.url, "figures.not_an_address", received=_shown(url))
        else:
            line.url = url
            line.address = address_key(url) if url else ""
        cell = row[layout.published]
        try:
            line.published_at = read_moment(cell)
        except ValueError:
            self._bad(layout.published, "input.not_a_date", received=_shown(cell))
            return
        if line.day > line.as_of:
            self._bad(layout.published, "figures.published_later", received=line.day, as_of=line.as_of)

    def _read_figures(self, row: Row, line: Line, platform: str) -> None:
        columns = self._columns.get(platform) or self._columns_of(platform)
        level, other = (ARTICLE, ACCOUNT) if line.title or not self._layout.day else (ACCOUNT, ARTICLE)
        for heading, meaning, read, code in columns[level]:
            cell = row[heading]
            if read is read_count and len(cell) <= _PLAIN_DIGITS and cell.isdecimal() and cell.isascii():
                line.figures[meaning.name] = int(cell) * _MILLION  # what most cells are
                continue
            if is_unknown(cell):
                line.unknown += 1
                continue
            try:
                value = six_places(read(cell))
            except ValueError:
                value = None
            if value is None:
                self._bad(heading, code, received=_shown(cell))
            else:
                line.figures[meaning.name] = int(value.scaleb(6))
        for heading, *_ in columns[other]:
            if not is_unknown(row[heading]):
                told = "figures.of_the_account" if level == ARTICLE else "figures.of_an_article"
                self._bad(heading, told, received=_shown(row[heading]))

    def _columns_of(self, platform: str) -> dict[str, list[_Column]]:
        declared = {} if self._mapping.platform else _declared(platform)
        found: dict[str, list[_Column]] = {ARTICLE: [], ACCOUNT: []}
        for heading, meaning in self._layout.figures:
            counts = declared.get((meaning.level, meaning.name), meaning)
            found[meaning.level].append(_Column(heading, counts, *_READERS[counts.unit]))
        self._columns[platform] = found
        return found


def _declared(platform: str) -> Mapping[tuple[str, str], Meaning]:
    """What the platform says its names count."""
    if platform not in platforms():
        return {}
    return {
        (metric.level, metric.name): Meaning(metric.name, metric.unit.value, metric.kind.value, metric.level)
        for metric in connector_for(platform).metrics
    }


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > _URL_LENGTH:
        return False
    if url.isprintable():
        return " " not in url
    return is_visible(url) and not any(character.isspace() for character in url)


def _shown(cell: str) -> str:
    return cell if len(cell) <= _SHOWN else cell[: _SHOWN - 1] + "…"
