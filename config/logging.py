"""Logs: a JSON line an event on standard error, secrets taken out; standard output is the command's."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_SECRET_NAME = re.compile(
    r"secret|token|password|credential|authorization|cookie|(^|_)key(s|$)", re.IGNORECASE
)
_SECRET_PART = re.compile(r"((?:access_token|secret|password|token)=)[^&\s\"']+", re.IGNORECASE)


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
    for name in ("sqlalchemy", "apscheduler"):
        logging.getLogger(name).setLevel(logging.WARNING)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hides values by the name they stand under, and secrets inside addresses and texts."""
    for name, value in event.items():
        if _SECRET_NAME.search(name):
            event[name] = "***"
        elif isinstance(value, str):
            event[name] = _SECRET_PART.sub(r"\1***", value)
    return event
