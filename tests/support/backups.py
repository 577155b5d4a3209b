"""A house to be backed up and the empty one that a backup goes back into, on either database; and forgers."""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from postgres import Postgres, programs

from config import Database, ManualClock, load_settings
from config.secrets import KeyRing, load_key_file
from meizhen.backup.bundle import FIRST, MANIFEST, SEAL, SUMS
from meizhen.backup.manifest import read_manifest
from meizhen.house import House, make_house, open_house


@dataclass(frozen=True)
class Home:
    """A home folder and the variables that a shell would have for it."""

    folder: Path
    variables: Mapping[str, str]

    @property
    def keys(self) -> KeyRing:
        return load_key_file(self.folder / "keys.json")

    @contextmanager
    def opened(self, clock: ManualClock | None = None) -> Iterator[House]:
        with open_house(load_settings(self.variables), clock) as house:
            yield house


def home_at(folder: Path, address: str, **more: str) -> Home:
    """One on this database (''; SQLite in the folder)."""
    database = {"MEIZHEN_DATABASE_URL": address} if address else {}
    networks = {"MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8"}
    return Home(folder, {"MEIZHEN_HOME": str(folder), **networks, **database, **more})


def made_home(
    folder: Path, address: str, clock: ManualClock | None = None, *, template: Path | None = None, **more: str
) -> Home:
    """One that `meizhen init` made; `template`: a migrated file, which spares the migrations."""
    if template is not None:
        folder.mkdir(mode=0o700)
        shutil.copy(template, folder / "meizhen.sqlite")
    home = home_at(folder, address, **more)
    make_house(load_settings(home.variables), clock)
    return home


def bare_home(folder: Path, address: str, keys_of: Home, **more: str) -> Home:
    """One in which there is nothing but the key file of another."""
    folder.mkdir(mode=0o700)
    shutil.copy(keys_of.folder / "keys.json", folder / "keys.json")
    return home_at(folder, address, **more)


@contextmanager
def empty_database(like: str, server: "Postgres | None") -> Iterator[str]:
    """The address of an empty database of the same kind; '' is SQLite in the home folder."""
    if like.startswith("sqlite"):
        yield ""
    else:
        assert server is not None
        with server.database("template0") as address:
            yield address


def path_with_programs() -> str:
    """PATH with the programs of the tests' PostgreSQL in front."""
    return f"{programs()}{os.pathsep}{os.environ['PATH']}"


def content_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def rows_of(database: Database) -> dict[str, int]:
    """How many rows every table has."""
    from meizhen.backup.tables import count_rows

    with database.reading() as connection:
        return count_rows(connection)


# --- forgers ----------------------------------------------------------------------------------------------

Entry = tuple[tarfile.TarInfo, bytes]


def entries_of(backup: Path) -> list[Entry]:
    """The files of a backup as the tar library reads them."""
    with tarfile.open(backup) as tar:
        found = []
        for info in tar:
            source = tar.extractfile(info)
            assert source is not None
            found.append((info, source.read()))
        return found


def entry(name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = "") -> Entry:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content) if kind == tarfile.REGTYPE else 0
    return info, content


def sealed(target: Path, entries: Sequence[Entry], keys: KeyRing, **changed: object) -> Path:
    """A backup of these files that is right in its sums, its manifest (but what is `changed`) and its seal.

    Only who has the house's key can make it: what it is refused for is what its files are.
    """
    parts = [one for one in entries if one[0].name not in (SUMS, MANIFEST, SEAL)]
    told = next(content for info, content in entries if info.name == MANIFEST)
    listed = b"".join(
        f"{hashlib.sha256(content).hexdigest()}  {info.name}\n".encode("utf-8", "surrogateescape")
        for info, content in parts
        if info.name != FIRST
    )
    folders: dict[str, dict[str, int]] = {
        name: {"files": 0, "size": 0, "left_out": 0} for name in ("archive", "awards", "media")
    }
    for info, content in parts:
        head = info.name.split("/")[0]
        if "/" in info.name and head in folders:
            folders[head]["files"] += 1
            folders[head]["size"] += len(content)
    size = sum(len(content) for info, content in parts if info.name != FIRST)
    facts = json.loads(told) | {"folders": folders, "size": size}
    facts |= {"sums": hashlib.sha256(listed).hexdigest()} | changed
    manifest = read_manifest(json.dumps(facts).encode()).as_bytes()
    last = [(SUMS, listed), (MANIFEST, manifest), (SEAL, keys.seal_of_backup(manifest).encode())]
    return written(target, [*parts, *(entry(name, content) for name, content in last)])


def written(target: Path, entries: Sequence[Entry], form: int = tarfile.GNU_FORMAT) -> Path:
    """A tar of these files as they come; a file may claim to be larger than it is."""
    with target.open("wb") as out:
        for info, content in entries:
            out.write(info.tobuf(form, "utf-8", "surrogateescape"))
            out.write(content + b"\0" * (-len(content) % 512))
        out.write(b"\0" * 1024)
    return target
