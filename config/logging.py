"""Logs: a JSON line an event on standard error, secrets taken out; standard output is the command's.

Three nets: values are hidden by the name they stand under, by what stands before them in an address, and
where this process knows them to be secret (`hide`). The known ones are found whatever holds them: a
traceback, an address, a nested value, bytes.
"""

import logging
import re
import sys
import threading
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import quote

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_SECRET_NAME = re.compile(
    r"secret|token|password|credential|authorization|cookie|(^|_)key(s|$)", re.IGNORECASE
)
_SECRET_PART = re.compile(r"((?:access_token|secret|password|token)=)[^&\s\"']+", re.IGNORECASE)
_HIDDEN = "***"
_HEAD = 6  # characters by which a known secret is found: shorter ones would mutilate ordinary words
_MOST_KNOWN = 50_000  # tokens are renewed for years; the oldest are forgotten


class _Known:
    """The secrets that this process has opened, found in a text in one pass, however many they are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, None] = {}  # in order of coming
        self._by_head: dict[str, tuple[str, ...]] = {}  # the longest first

    def add(self, value: str) -> None:
        if len(value) < _HEAD or value in self._values:
            return
        with self._lock:
            for form in {value, quote(value), quote(value, safe="")}:
                self._values[form] = None
                heads = {*self._by_head.get(form[:_HEAD], ()), form}
                self._by_head[form[:_HEAD]] = tuple(sorted(heads, key=len, reverse=True))
            while len(self._values) > _MOST_KNOWN:
                self._forget(next(iter(self._values)))

    def _forget(self, value: str) -> None:
        del self._values[value]
        left = tuple(other for other in self._by_head[value[:_HEAD]] if other != value)
        if left:
            self._by_head[value[:_HEAD]] = left
        else:
            del self._by_head[value[:_HEAD]]

    def taken_out(self, text: str) -> str:
        heads = self._by_head
        if heads.keys().isdisjoint(text[at : at + _HEAD] for at in range(len(text) - _HEAD + 1)):
            return text
        done, at, last = [], 0, 0
        while at <= len(text) - _HEAD:
            candidates = heads.get(text[at : at + _HEAD], ())
            found = next((value for value in candidates if text.startswith(value, at)), None)
            if found is None:
                at += 1
                continue
            done += [text[last:at], _HIDDEN]
            at = last = at + len(found)
        return "".join([*done, text[last:]]) if done else text


_known = _Known()


def hide(*values: str) -> None:
    """From now on these values appear in no log of this process; what is shorter than 6 characters may."""
    for value in values:
        _known.add(value)


def is_secret_name(name: str) -> bool:
    """Is a value hidden that stands under this name?"""
    return _SECRET_NAME.search(name) is not None


def configure_logging(level: str) -> None:
    """Sets up this process's logs; `level` is the setting `log_level`."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        # Looked up at each event: who redirects standard error later gets the logs too.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # They tell values when they debug: never below their warnings. (`connectors/_http` silences urllib3.)
    for name in ("sqlalchemy", "apscheduler", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    root = logging.getLogger()
    if not any(isinstance(handler, _Foreign) for handler in root.handlers):
        root.addHandler(_Foreign(logging.WARNING))


class _Foreign(logging.Handler):
    """What libraries log goes the same way: one JSON line, secrets taken out."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hides values by the name they stand under, secrets inside addresses, and every known secret."""
    return {name: _clean(name, value) for name, value in event.items()}


def _clean(name: str, value: object) -> object:
    if is_secret_name(name):
        return _HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_said(key): _clean(str(key), inside) for key, inside in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", inside) for inside in value]
    if isinstance(value, bytes | bytearray):
        return _said(bytes(value).decode("utf-8", "backslashreplace"))
    return _said(value)


def _said(value: object) -> str:
    return _SECRET_PART.sub(rf"\1{_HIDDEN}", _known.taken_out(str(value)))
