"""What a backup says of itself: when and of what it was taken, and what must be there again after a restore.

It names the keys by fingerprint and never holds one. The seal under it is made with the ledger's key, so that
only who has the house's key file can have written it; the sums that it names cover everything else.
"""

import hmac
from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from config.errors import MeizhenError
from config.secrets import KeyRing

BACKUP_ACT, RESTORE_ACT = "house.backup", "house.restore"  # in the ledger
_Hash = Field(pattern=r"^[0-9a-f]{64}$")


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Ledger(_Told):
    """The ledger's head in the backup; `sound` False: it was found changed when the backup was taken."""

    entries: int = Field(ge=0)
    mac: str = Field(max_length=64)
    sound: bool


class Table(_Told):
    """One table: its rows, and the sum over them (empty on SQLite, whose file has one)."""

    rows: int = Field(ge=0)
    sha256: str = Field(pattern=r"^([0-9a-f]{64})?$")


class Folder(_Told):
    """The files of a folder; `left_out` are links and devices, which no backup holds."""

    files: int = Field(ge=0)
    size: int = Field(ge=0)
    left_out: int = Field(0, ge=0)


class Manifest(_Told):
    """The whole of it. `id` tells this backup from all others."""

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    taken_at: AwareDatetime = Field(strict=False)
    version: str = Field(max_length=40)
    kind: Literal["sqlite", "postgresql"]
    revision: str = Field(pattern=r"^[0-9]{4}$")
    keys: Mapping[str, str]
    ledger: Ledger
    tables: Mapping[str, Table]
    folders: Mapping[str, Folder]
    size: int = Field(ge=0)
    sums: str = _Hash

    def as_bytes(self) -> bytes:
        return self.model_dump_json(indent=1).encode() + b"\n"

    def facts(self) -> dict[str, object]:
        """For programs and the ledger: without the tables."""
        return self.model_dump(mode="json", exclude={"tables", "keys"})


def read_manifest(content: bytes) -> Manifest:
    """Raises MeizhenError `backup.damaged` for what is none."""
    try:
        return Manifest.model_validate_json(content)
    except ValidationError:
        raise MeizhenError("backup.damaged", file="manifest.json") from None


def require_keys(manifest: Manifest, content: bytes, seal: bytes, keys: KeyRing) -> None:
    """Raises MeizhenError `backup.other_key` where the backup is of another house's keys, and
    `backup.not_sealed` where it names these and was not made with them.
    """
    if not keys.opens_all_of(manifest.keys):
        raise MeizhenError(
            "backup.other_key",
            expected=manifest.keys.get("ledger", "–")[:16],
            found=keys.fingerprints()["ledger"],
        )
    if not hmac.compare_digest(seal, keys.seal_of_backup(content).encode()):
        raise MeizhenError("backup.not_sealed")
