"""Settings: a TOML file in the home folder, `MEIZHEN_…` variables over it, `MEIZHEN_…_FILE` for secrets.

Nothing is read at import. A mistake is refused at start with what was expected, what was received and the
remedy. Imports of the validator wait until settings are loaded: the command line answers `--help` without.
"""

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from config.errors import InputError, Problem
from config.messages import use_language

PREFIX = "MEIZHEN_"
# Not settings: where the settings are, and what only the shell decides.
_OUTSIDE = frozenset({"MEIZHEN_HOME", "MEIZHEN_CONFIG"})


class Settings(BaseSettings):
    """Every setting with its meaning; `docs/reference/settings.md` is made from this class."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", validate_default=True, frozen=True)

    home: Path = Field(description="Folder of this installation: settings.toml, database, keys, media.")
    language: Literal["zh", "en"] = Field("zh", description="Language of texts for people.")
    database_url: SecretStr = Field(
        SecretStr(""),
        description="SQLAlchemy address of the database; empty is SQLite in the home folder. "
        "PostgreSQL: postgresql+psycopg://user:password@host/name",
    )
    lateness_hours: float = Field(
        2.0, gt=0, le=720, description="A post later than this many hours is not sent but waits for a person."
    )
    lease_seconds: float = Field(
        60.0,
        ge=5,
        le=3600,
        description="How long a node may hold an account without renewing before others take it over.",
    )
    senders: int = Field(16, ge=1, le=256, description="Posts that one node sends side by side.")
    tick_seconds: float = Field(1.0, gt=0, le=60, description="How often a node looks for due posts.")
    call_seconds: float = Field(
        30.0, gt=0, le=300, description="Total time a platform call may take before it counts as unanswered."
    )
    collect_at: str = Field(
        "08:05",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="Beijing time at which yesterday's figures are collected (WeChat has them from 08:00).",
    )
    actor: str = Field("", max_length=80, description="Name written into the ledger for acts by command.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # load_settings hands everything over as one mapping, so that tests need no environment.
        return (init_settings,)

    @property
    def database_address(self) -> str:
        """The address to connect to; holds a password where the database has one: never log it."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.home / 'meizhen.sqlite'}"


def home_folder(environ: Mapping[str, str] | None = None) -> Path:
    """The folder that `MEIZHEN_HOME` names, else `~/.meizhen`."""
    environ = os.environ if environ is None else environ
    return Path(environ.get("MEIZHEN_HOME") or Path.home() / ".meizhen").expanduser().resolve()


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Reads the settings of the home folder.

    `environ` stands in for the process's variables. Raises InputError naming file or variable, what was
    expected and received, and the remedy.
    """
    environ = os.environ if environ is None else environ
    home = home_folder(environ)
    file = Path(environ.get("MEIZHEN_CONFIG") or home / "settings.toml")
    values = {**_from_file(file), **_from_variables(environ), "home": home}
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise InputError(str(file), [_problem(fault) for fault in error.errors()]) from None
    use_language(settings.language)
    return settings


def _from_file(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        return dict(TomlConfigSettingsSource(Settings, file)())
    except tomllib.TOMLDecodeError as error:
        raise InputError(str(file), [Problem("input.not_toml", params={"reason": error})]) from None


def _from_variables(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable in _OUTSIDE:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name.endswith("_file") and name.removesuffix("_file") in Settings.model_fields:
            name = name.removesuffix("_file")
            try:
                value = Path(value).read_text("utf-8").strip()
            except OSError as error:
                params = {"variable": variable, "reason": error.strerror or type(error).__name__}
                problems.append(Problem("settings.unreadable_file", params=params))
                continue
        if name not in Settings.model_fields:
            problems.append(_unknown(variable, name))
            continue
        values[name] = value
    if problems:
        raise InputError("MEIZHEN_…", problems)
    return values


def _unknown(shown: str, name: str) -> Problem:
    near = get_close_matches(name, Settings.model_fields, n=1)
    expected = near[0] if near else ", ".join(sorted(Settings.model_fields))
    return Problem("settings.unknown", params={"name": shown, "expected": expected})


def _problem(fault: Any) -> Problem:
    name = str(fault["loc"][0]) if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        return _unknown(name, name)
    field: FieldInfo = Settings.model_fields[name]
    secret = field.annotation is SecretStr
    params = {
        "name": name,
        "expected": fault["msg"],
        "received": "***" if secret else fault["input"],
        "meaning": field.description,
    }
    return Problem("settings.invalid", column=name, params=params)


__all__ = ["Settings", "home_folder", "load_settings"]
