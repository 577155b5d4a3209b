"""Files that people have uploaded and not applied yet: one folder each in the home, under a name of our own.

What is kept beside the file is how it is to be read: whose it is, the account, the day, what the columns are.
A draft is its owner's alone, and is swept after a day.
"""

import json
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from analytics.mappings import FileMapping, mapping_text
from config.errors import MeizhenError
from config.table_files import open_table

MOST_BYTES = 16 * 1024 * 1024
"""Largest file that a page takes: it is read while the browser waits. Larger ones go by command."""

KEPT = timedelta(days=1)
_TOKEN = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PIECE = 1024 * 1024
_DRAFT, _MAPPING = "draft.json", "mapping.toml"
_NAME_LENGTH = 120


@dataclass(frozen=True)
class Draft:
    """An uploaded file. `account` is platform:handle, '' for none.

    `roles` say what columns are (column → role) where a person said so, of the mapping `base`.
    """

    token: str
    path: Path
    owner: str
    at: datetime
    account: str = ""
    as_of: date | None = None
    base: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)

    @property
    def mapping(self) -> Path | None:
        """The mapping file made from what a person said; None where the headings decide."""
        path = self.path.parent / _MAPPING
        return path if path.is_file() else None


class Drafts:
    """The drafts of a home."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "uploads"

    def keep(self, file: BinaryIO, name: str, *, owner: str, at: datetime) -> Draft:
        """Stores an upload; sweeps old ones.

        Raises MeizhenError `figures_page.too_large`, InputError for what is no table.
        """
        self._sweep(at)
        token = secrets.token_hex(16)
        folder = self._folder / token
        folder.mkdir(parents=True, mode=0o700)
        path = folder / plain_name(name)
        try:
            _copy(file, path)
            with open_table(path):
                pass
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        draft = Draft(token, path, owner, at)
        _write(draft)
        return draft

    def find(self, token: str, *, owner: str) -> Draft:
        """The owner's draft. Raises MeizhenError `figures_page.draft_gone`, for other people's too."""
        folder = self._folder / token
        try:
            if not _TOKEN.fullmatch(token):
                raise ValueError
            told = json.loads((folder / _DRAFT).read_text("utf-8"))
            if told["owner"] != owner:
                raise ValueError
            return Draft(
                token,
                folder / told["file"],
                owner,
                datetime.fromisoformat(told["at"]),
                told["account"],
                date.fromisoformat(told["as_of"]) if told["as_of"] else None,
                told["base"],
                told["roles"],
            )
        except (OSError, ValueError, KeyError, TypeError):
            raise MeizhenError("figures_page.draft_gone") from None

    def change(
        self,
        draft: Draft,
        *,
        account: str,
        as_of: date | None,
        mapping: FileMapping | None,
        roles: Mapping[str, str],
    ) -> Draft:
        """Notes how the file is to be read: with a mapping of a person's making, or by its headings."""
        changed = replace(
            draft, account=account, as_of=as_of, base=mapping.name if mapping else "", roles=dict(roles)
        )
        path = draft.path.parent / _MAPPING
        if mapping is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(mapping_text(mapping), "utf-8")
        _write(changed)
        return changed

    def drop(self, draft: Draft) -> None:
        shutil.rmtree(draft.path.parent, ignore_errors=True)

    def _sweep(self, now: datetime) -> None:
        """By the file system's times: a draft whose note is unreadable goes too."""
        for folder in self._folder.glob("*"):
            at = datetime.fromtimestamp(folder.stat().st_mtime, tz=now.tzinfo)
            if now - at > KEPT and _TOKEN.fullmatch(folder.name):
                shutil.rmtree(folder, ignore_errors=True)


def plain_name(name: str) -> str:
    """A file name of theirs as one of ours: no folder, nothing that a shell or file system minds."""
    last = re.split(r"[\\/]", name)[-1]
    kept = re.sub(r"[^\w.()（）\- ]", "_", last).strip(" .")[-_NAME_LENGTH:]
    return kept if kept not in ("", _DRAFT, _MAPPING) else "upload"


def _copy(file: BinaryIO, path: Path) -> None:
    size = 0
    with path.open("xb") as target:
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > MOST_BYTES:
                raise MeizhenError("figures_page.too_large", limit=MOST_BYTES // 1024**2)
            target.write(piece)


def _write(draft: Draft) -> None:
    told = {
        "file": draft.path.name,
        "owner": draft.owner,
        "at": draft.at.isoformat(),
        "account": draft.account,
        "as_of": draft.as_of.isoformat() if draft.as_of else "",
        "base": draft.base,
        "roles": dict(draft.roles),
    }
    (draft.path.parent / _DRAFT).write_text(json.dumps(told, ensure_ascii=False), "utf-8")
