"""Envelope encryption at rest: AES-256-GCM, a data key per owner wrapped by a versioned master key.

The master keys live in a file of the home folder that only its owner may read, never in the database, and
are never derived from another secret. The owner's id is associated data: a row moved to another account
does not open.
"""

import hashlib
import hmac
import json
import os
import secrets
import stat
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.errors import MeizhenError

_KEY_BYTES = 32
_NONCE_BYTES = 12


@dataclass(frozen=True)
class Sealed:
    """A secret at rest: the wrapped data key, the master key's version that wraps it, the ciphertext."""

    key_version: int
    wrapped_key: bytes
    ciphertext: bytes


class KeyRing:
    """The master keys by version, and the key that signs the ledger.

    `repr` shows versions only.
    """

    def __init__(self, master: dict[int, bytes], ledger: bytes) -> None:
        self._master = master
        self.ledger = ledger

    def __repr__(self) -> str:
        return f"KeyRing(versions={sorted(self._master)})"

    @property
    def newest(self) -> int:
        """The version of the master key that seals."""
        return max(self._master)

    def seal(self, plain: bytes, owner: str) -> Sealed:
        """Encrypts `plain` so that only `owner` (its id, as associated data) can be opened with it."""
        version = self.newest
        data_key = secrets.token_bytes(_KEY_BYTES)
        return Sealed(
            version,
            _encrypt(self._master[version], data_key, f"key {version} {owner}"),
            _encrypt(data_key, plain, owner),
        )

    def open(self, sealed: Sealed, owner: str) -> bytes:
        """The plain secret. Raises MeizhenError `secrets.wrong_key` where key, row or owner do not fit."""
        master = self._master.get(sealed.key_version)
        if master is None:
            raise MeizhenError("secrets.wrong_key", owner=owner)
        try:
            data_key = _decrypt(master, sealed.wrapped_key, f"key {sealed.key_version} {owner}")
            return _decrypt(data_key, sealed.ciphertext, owner)
        except (InvalidTag, ValueError):  # a shortened one has not even a whole nonce
            raise MeizhenError("secrets.wrong_key", owner=owner) from None

    def fingerprints(self) -> dict[str, str]:
        """What tells these keys from others without telling anything of them: `ledger`, `master 1`, …"""
        named = {"ledger": self.ledger} | {f"master {version}": key for version, key in self._master.items()}
        return {name: _mac(key, b"meizhen key fingerprint")[:16] for name, key in sorted(named.items())}

    def opens_all_of(self, fingerprints: Mapping[str, str]) -> bool:
        """Are all of those keys among these? Newer ones may have come since (`add_master_key`)."""
        own = self.fingerprints()
        return bool(fingerprints) and all(own.get(name) == told for name, told in fingerprints.items())

    def seal_of_backup(self, content: bytes) -> str:
        """What only who has these keys can put under a backup; with a key of its own, derived from them."""
        return _mac(bytes.fromhex(_mac(self.ledger, b"meizhen backup seal")), content)

    def rotate(self, sealed: Sealed, owner: str) -> Sealed:
        """The same secret under the newest master key; the data key is made anew too."""
        return self.seal(self.open(sealed, owner), owner)


def _mac(key: bytes, content: bytes) -> str:
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def _encrypt(key: bytes, plain: bytes, associated: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, associated.encode())


def _decrypt(key: bytes, blob: bytes, associated: str) -> bytes:
    return AESGCM(key).decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], associated.encode())


def create_key_file(path: Path) -> None:
    """Writes a new key file, readable by its owner only: whole or not at all.

    Raises FileExistsError where there is one, also when two processes make it at once.
    """
    draft = _draft(path, {"master": {"1": _new_key()}, "ledger": _new_key()})
    try:
        os.link(draft, path)
    finally:
        draft.unlink()


def add_master_key(path: Path) -> int:
    """Adds a newer master key to the key file; gives its version.

    What was sealed before opens as before, until `organisation.rotate_credentials` seals it anew.
    """
    version = load_key_file(path).newest + 1
    content = json.loads(path.read_text("utf-8"))
    content["master"][str(version)] = _new_key()
    _draft(path, content).replace(path)
    return version


def _new_key() -> str:
    return b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _draft(path: Path, content: object) -> Path:
    """A finished file beside `path`, to take its place in one step."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return draft


def load_key_file(path: Path) -> KeyRing:
    """Reads the key file. Raises MeizhenError when it is missing, readable by others, or not a key file."""
    try:
        mode = path.stat().st_mode
        content = json.loads(path.read_text("utf-8"))
        master = {int(version): b64decode(key, validate=True) for version, key in content["master"].items()}
        ledger = b64decode(content["ledger"], validate=True)
    except FileNotFoundError:
        raise MeizhenError("secrets.no_key_file", path=path) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise MeizhenError("secrets.bad_key_file", path=path) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise MeizhenError("secrets.open_key_file", path=path)
    if not master or any(len(key) != _KEY_BYTES for key in (*master.values(), ledger)):
        raise MeizhenError("secrets.bad_key_file", path=path)
    return KeyRing(master, ledger)
