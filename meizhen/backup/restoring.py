"""Puts a backup back into an empty house; until it is through, no command takes the folder for a house.

The order makes every interruption safe. The backup is read through first: what is wrong with it is found
before anything is written. Then a marker says which backup is being put back, then come the files
(`places`), then the database, with everything held back (`rebuilding`). A restore that was killed is finished
by the same command with the same file.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.clock import Clock
from config.database import newest_revision
from config.errors import MeizhenError
from config.progress import Progress, tell_nobody
from config.secrets import load_key_file
from config.settings import Settings, load_settings
from meizhen.backup.bundle import SETTINGS, members
from meizhen.backup.checking import check_backup, opened
from meizhen.backup.manifest import Manifest
from meizhen.backup.places import Places, settings_name_for
from meizhen.backup.rebuilding import Rebuilding
from meizhen.house import KEY_FILE, SETTINGS_FILE

_SETTINGS_BYTES = 256 * 1024


@dataclass(frozen=True)
class Restored:
    """What was put back; `held` is how much of each kind waits for a person now."""

    home: Path
    settings_name: str
    manifest: Manifest
    revision: str
    held: Mapping[str, object]


def restore(
    path: Path,
    environment: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    progress: Progress = tell_nobody,
) -> Restored:
    """Puts the backup back into the home folder, where only the key file (and settings) may be.

    Raises MeizhenError: `backup.no_key`, what `check_backup` finds, `backup.newer_tables`, and what `Places`
    finds: nothing was written then. What `Rebuilding` finds leaves the folder marked: no house yet.
    """
    environment = os.environ if environment is None else environment
    settings = load_settings(environment)
    key_file = settings.home / KEY_FILE
    if not key_file.exists():
        raise MeizhenError("backup.no_key", file=key_file)
    keys = load_key_file(key_file)
    manifest = check_backup(path, keys, progress)
    newest = newest_revision()
    if manifest.revision > newest:
        raise MeizhenError("backup.newer_tables", found=manifest.revision, newest=newest)
    name = settings_name_for(settings.home, elsewhere=bool(environment.get("MEIZHEN_CONFIG")))
    if name == SETTINGS_FILE:
        settings = _settings_of(path, environment)
    places = Places.of(settings, name)
    places.require_kind(manifest)
    try:
        with places.marked(path, manifest):
            with path.open("rb") as file:
                places.write_all(members(file), manifest, progress)
            progress("database", 0, 0)
            held = Rebuilding(places, keys, manifest, clock).run()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MeizhenError("house.not_writable", home=settings.home, reason=reason) from None
    return Restored(settings.home, name, manifest, newest, held)


def _settings_of(path: Path, environment: Mapping[str, str]) -> Settings:
    """The settings that the house will have: those of the backup, under this shell's variables."""
    with opened(path) as file, tempfile.NamedTemporaryFile(suffix=".toml") as draft:
        for member in members(file):
            if member.name == SETTINGS:
                draft.write(member.small(_SETTINGS_BYTES))
                draft.flush()
                break
        return load_settings({**environment, "MEIZHEN_CONFIG": draft.name})
