"""A TOML document read strictly: every key is asked for by name and kind; what nobody asked for is refused.

Problems are collected, so that a person sees all of them at once; `Document.finish` refuses the file whole.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path

from config.errors import InputError, Problem
from config.messages import present_language

MAX_BYTES = 1024 * 1024
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_SHOWN = 80


@dataclass(frozen=True)
class Label:
    """A name in both languages."""

    zh: str
    en: str

    def told(self) -> str:
        """The name in the present language."""
        return self.told_in(present_language())

    def told_in(self, language: str) -> str:
        """The name in that language."""
        return self.en if language == "en" else self.zh


class Document:
    """One TOML file under reading. `root` is its top table, `name` what errors call it."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self.problems: list[Problem] = []
        if len(content) > MAX_BYTES:
            params = {"received": f"{len(content)} bytes", "limit": f"{MAX_BYTES} bytes"}
            raise InputError(name, [Problem("input.too_large", params=params)])
        try:
            values = tomllib.loads(content.decode("utf-8"))
        except UnicodeDecodeError:
            raise InputError(name, [Problem("input.encoding")]) from None
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise InputError(name, [Problem("input.not_toml", params={"reason": error})]) from None
        self.root = Section(self, "", values)

    @classmethod
    def open(cls, path: Path) -> "Document":
        """Reads a file. Raises InputError when it cannot be read or is not TOML."""
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise InputError(path.name, [Problem("input.not_readable", params={"reason": reason})]) from None
        return cls(path.name, content)

    def refuse(self, key: str, code: str, **params: object) -> None:
        """Notes a problem at `key`, a path such as `level[2].weight`."""
        self.problems.append(Problem(code, column=key, params=params))

    def finish(self) -> None:
        """Raises InputError when anything was wrong."""
        if self.problems:
            raise InputError(self.name, self.problems)


class Section:
    """One table of a document. A reader that meets a wrong value notes it and gives a harmless stand-in."""

    def __init__(self, document: Document, place: str, values: Mapping[str, object]) -> None:
        self.document = document
        self.place = place
        self._values = values
        self._asked: set[str] = set()

    def key(self, name: str) -> str:
        """The key's path in the document."""
        return f"{self.place}.{name}" if self.place else name

    def refuse(self, name: str, code: str, **params: object) -> None:
        self.document.refuse(self.key(name), code, **params)

    def has(self, name: str) -> bool:
        self._asked.add(name)
        return name in self._values

    def names(self) -> tuple[str, ...]:
        """All keys of a table whose keys are free names."""
        self._asked.update(self._values)
        return tuple(self._values)

    def _get(self, name: str) -> object | None:
        if not self.has(name):
            self.refuse(name, "index.key_missing")
            return None
        return self._values[name]

    def schema(self, expected: int) -> None:
        """The file's schema number; another one is refused."""
        value = self._get("schema")
        if value is not None and (value != expected or type(value) is not int):
            self.refuse("schema", "index.schema", expected=expected, received=_shown(value))

    def text(self, name: str, default: str | None = None, *, most: int = 500) -> str:
        if default is not None and not self.has(name):
            return default
        value = self._get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or not 0 < len(value.strip()) <= most or "\x00" in value:
            self.refuse(name, "index.key_not_text", most=most, received=_shown(value))
            return ""
        return value.strip()

    def choice(self, name: str, options: Sequence[str], default: str | None = None) -> str:
        """One of `options`; a near miss is named."""
        if default is not None and not self.has(name):
            return default
        value = self._get(name)
        if value is None or value in options:
            return str(value or options[0])
        self.refuse_name(name, value, options)
        return options[0]

    def refuse_name(self, name: str, value: object, known: Iterable[str]) -> None:
        """Notes that `value` is none of the `known` names, with the nearest one."""
        options = list(known)
        near = nearest(str(value), options)
        if near:
            params = {"received": value, "near": near, "known": ", ".join(options)}
            self.refuse(name, "index.key_not_known", **params)
        else:
            self.refuse(name, "index.key_not_one_of", expected=", ".join(options), received=_shown(value))

    def decimal(
        self,
        name: str,
        default: Decimal | None = None,
        *,
        least: Decimal = Decimal(-(10**9)),
        most: Decimal = Decimal(10**12),
        floats: bool = False,
    ) -> Decimal:
        """A decimal in quotation marks or an integer; a float only where `floats` lets it (thresholds)."""
        stand_in = most if default is None else default
        if default is not None and not self.has(name):
            return default
        value = self._get(name)
        if value is None:
            return stand_in
        number = _decimal(value, floats=floats)
        if number is None:
            code = "index.key_float" if isinstance(value, float) else "index.key_not_decimal"
            self.refuse(name, code, received=_shown(value))
            return stand_in
        if not least <= number <= most:
            self.refuse(name, "index.key_out_of_range", least=least, most=most, received=number)
            return stand_in
        return number

    def decimals(self, name: str, *, count: int, least: Decimal, most: Decimal) -> tuple[Decimal, ...]:
        """A list of `count` thresholds, floats allowed; () where it is anything else."""
        value = self._get(name)
        if value is None:
            return ()
        items = value if isinstance(value, list) else []
        numbers = [_decimal(item, floats=True) for item in items]
        known = tuple(number for number in numbers if number is not None and least <= number <= most)
        if len(known) != count or len(items) != count:
            self.refuse(
                name, "index.key_not_numbers", count=count, least=least, most=most, received=_shown(value)
            )
            return ()
        return known

    def integer(self, name: str, default: int | None = None, *, least: int, most: int) -> int:
        if default is not None and not self.has(name):
            return default
        value = self._get(name)
        if value is None:
            return least
        if type(value) is not int or not least <= value <= most:
            self.refuse(name, "index.key_not_integer", least=least, most=most, received=_shown(value))
            return least
        return value

    def truth(self, name: str, default: bool) -> bool:
        value = self._values[name] if self.has(name) else default
        if not isinstance(value, bool):
            self.refuse(name, "index.key_not_truth", received=_shown(value))
            return default
        return value

    def day(self, name: str, default: date | None = None) -> date:
        if default is not None and not self.has(name):
            return default
        value = self._get(name)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if value is not None:
            self.refuse(name, "index.key_not_date", received=_shown(value))
        return date.max

    def label(self, name: str, default: str) -> Label:
        """A text for both languages, or a table with `zh` and `en`."""
        value = self._values[name] if self.has(name) else default
        if isinstance(value, str) and value.strip():
            return Label(value.strip(), value.strip())
        if isinstance(value, dict):
            section = Section(self.document, self.key(name), value)
            label = Label(section.text("zh", most=200), section.text("en", most=200))
            section.close()
            return label
        self.refuse(name, "index.key_not_label", received=_shown(value))
        return Label(default, default)

    def texts(self, name: str, *, single: bool = False) -> tuple[str, ...]:
        """A list of texts, () where the key is absent; `single` also takes one text."""
        if not self.has(name):
            return ()
        value = self._values[name]
        items = [value] if single and isinstance(value, str) else value
        if not isinstance(items, list) or not items:
            self.refuse(name, "index.key_not_list", received=_shown(value))
            return ()
        for number, item in enumerate(items, start=1):
            if not isinstance(item, str) or not item.strip():
                self.refuse(f"{name}[{number}]", "index.key_not_text", most=200, received=_shown(item))
        return tuple(str(item).strip() for item in items)

    def section(self, name: str) -> "Section | None":
        """A table under this one; None where it is absent."""
        if not self.has(name):
            return None
        value = self._values[name]
        if not isinstance(value, dict):
            self.refuse(name, "index.key_not_table", received=_shown(value))
            return None
        return Section(self.document, self.key(name), value)

    def sections(self, name: str) -> list["Section"]:
        """A list of tables with at least one in it."""
        value = self._get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            self.refuse(name, "index.key_not_list", received=_shown(value))
            return []
        return [
            Section(self.document, self.key(f"{name}[{number}]"), item)
            for number, item in enumerate(value, start=1)
        ]

    def close(self) -> None:
        """Refuses every key that was never asked for."""
        known = sorted(self._asked)
        for name in self._values:
            if name in self._asked:
                continue
            near = nearest(name, [key for key in known if key not in self._values])
            if near:
                self.refuse(name, "index.key_near", near=near)
            else:
                self.refuse(name, "index.key_unknown", known=", ".join(known))


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, or ''."""
    by_folded = {option.casefold(): option for option in known}
    near = get_close_matches(name.casefold(), by_folded, n=1)
    return by_folded[near[0]] if near else ""


def _decimal(value: object, *, floats: bool) -> Decimal | None:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    if type(value) is int:
        return Decimal(value)
    if floats and isinstance(value, float) and _DECIMAL.fullmatch(repr(value)):
        return Decimal(repr(value))
    return None


def _shown(value: object) -> str:
    shown = value.isoformat() if isinstance(value, date) else repr(value)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
