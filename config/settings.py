"""Settings: a TOML file in the home folder, `MEIZHEN_…` variables over it, `MEIZHEN_…_FILE` for secrets.

Nothing is read at import. A mistake is refused at start with what was expected, what was received and the
remedy. Imports of the validator wait until settings are loaded: the command line answers `--help` without.
"""

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from config.errors import InputError, Problem
from config.messages import Words, use_language

PREFIX = "MEIZHEN_"
# Not settings: where the settings are, and what only the shell decides.
_OUTSIDE = frozenset({"MEIZHEN_HOME", "MEIZHEN_CONFIG", "MEIZHEN_PERSON"})


class Settings(BaseSettings):
    """Every setting; what each is for says the catalogue `setting_meanings`, and `docs/reference/settings.md`
    is made from both."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", validate_default=True, frozen=True)

    home: Path
    language: Literal["zh", "en"] = "zh"
    database_url: SecretStr = Field(
        SecretStr(""), examples=["postgresql+psycopg://user:password@host/name", "sqlite:////path/file"]
    )
    lateness_hours: float = Field(2.0, gt=0, le=720)
    # Short ones let tests freeze a node for longer than its lease.
    lease_seconds: float = Field(60.0, ge=1, le=3600)
    senders: int = Field(16, ge=1, le=256)
    tick_seconds: float = Field(1.0, gt=0, le=60)
    call_seconds: float = Field(30.0, gt=0, le=300)
    job_threads: int = Field(1, ge=1, le=8)
    idle_alarm_seconds: float = Field(60.0, ge=10, le=3600)
    host: str = Field("127.0.0.1", min_length=1, max_length=255)
    port: int = Field(8765, ge=0, le=65535)
    site: str = Field(
        "",
        max_length=700,
        # Counted repeats of such a class would cost every process a megabyte and a half.
        pattern=r"^(https?://[^\s?#@/]+(/[^\s?#@/]+)*)?$",
        examples=["https://meizhen.unit.cn"],
    )
    trusted_proxies: str = Field("", max_length=1000, examples=["127.0.0.1", "10.0.0.5, 192.168.7.0/24"])
    private_networks: str = Field("", max_length=1000, examples=["10.20.0.0/16, 192.168.7.5"])
    api_per_minute: int = Field(600, ge=1, le=1_000_000)
    award_folder: Path = Field(Path("awards"), examples=["awards", "/srv/meizhen/awards"])
    collect_at: str = Field("08:05", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    archive: Path = Field(Path("archive"), examples=["archive", "/srv/meizhen/archive"])
    duckdb_memory: str = Field("192MB", pattern=r"^[1-9]\d*(MB|GB)$")
    duckdb_threads: int = Field(2, ge=1, le=64)
    matrix_server: str = Field("", pattern=r"^(https?://[A-Za-z0-9.-]{1,255}(:\d{1,5})?)?$")
    smtp_host: str = Field("", max_length=255)
    smtp_port: int = Field(465, ge=1, le=65535)
    smtp_security: Literal["tls", "starttls", "none"] = "tls"
    smtp_user: str = Field("", max_length=255)
    smtp_password: SecretStr = Field(SecretStr(""), examples=["the mailbox's password or authorisation code"])
    smtp_from: str = Field("", pattern=r"^([A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,255})?$")
    smtp_seconds: float = Field(30.0, gt=0, le=300)
    smtp_megabytes: float = Field(20.0, gt=0, le=100)
    report_folder: str = Field("", max_length=255)
    report_lateness_hours: float = Field(24.0, gt=0, le=720)
    spark_master: str = Field(
        "local[*]",
        pattern=r"^(local(\[(\*|\d+)\])?|yarn|(spark|k8s)://\S+)$",
        examples=["local[*]", "spark://host:7077", "yarn", "k8s://https://host:6443"],
    )
    session_idle_hours: float = Field(8.0, gt=0, le=168)
    session_days: float = Field(7.0, gt=0, le=90)
    oidc_issuer: str = Field("", max_length=248, pattern=r"^(https?://[^\s?#@]+)?$")
    oidc_client_id: str = Field("", max_length=255)
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), examples=["the secret that the provider gave for the client id"]
    )
    oidc_redirect: str = Field(
        "",
        max_length=264,
        pattern=r"^(https?://[^\s?#@]+/login/oidc/back)?$",
        examples=["https://meizhen.unit.cn/login/oidc/back"],
    )
    oidc_claim: str = Field(
        "email",
        pattern=r"^[A-Za-z0-9_.:/-]{1,64}$",
        examples=["email", "preferred_username", "employee_number"],
    )
    oidc_label: str = Field("统一认证", min_length=1, max_length=40)
    actor: str = Field("", max_length=80)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_values(cls, value: object) -> object:
        if isinstance(value, bool):  # TOML's `true` would pass as the number 1
            raise ValueError("expected no truth value")
        return value

    @field_validator("private_networks")
    @classmethod
    def _known_networks(cls, value: str) -> str:
        for one in value.split(","):
            if one.strip():
                ip_network(one.strip())
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("postgresql+psycopg://", "sqlite:///")) and value:
            raise ValueError("expected an address of PostgreSQL (psycopg) or SQLite")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for told in filter(None, value.split(",")):
            network = ip_network(told.strip())
            if network.prefixlen == 0:  # that would believe everybody
                raise ValueError("expected addresses of proxies, not every address there is")
        return value

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

    @property
    def proxies(self) -> list[str]:
        """The addresses and networks whose forwarding headers are believed."""
        return [told.strip() for told in self.trusted_proxies.split(",") if told.strip()]

    @property
    def archive_folder(self) -> Path:
        """The folder of the archived months, whole."""
        return self.home / self.archive

    @property
    def awards_root(self) -> Path:
        """The folder of the award runs that programs may read, whole."""
        return self.home / self.award_folder

    @property
    def jobs_folder(self) -> Path:
        """Where background jobs have their files, until they expire."""
        return self.home / "jobs"

    @property
    def temporary_folder(self) -> Path:
        """Where DuckDB puts what does not fit into its memory."""
        return self.home / "temporary"

    @property
    def reports_root(self) -> Path:
        """The folder below which reports are put."""
        return self.home / (Path(self.report_folder).expanduser() if self.report_folder else "reports")


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
    from_file = _from_file(file)
    from_variables = _from_variables(environ)
    try:
        settings = Settings(
            **{**from_file, **{name: value for name, (_, value) in from_variables.items()}}, home=home
        )
    except ValidationError as error:
        told = {name: variable for name, (variable, _) in from_variables.items()}
        problems = [_problem(fault, told) for fault in error.errors()]
        source = (
            str(file) if any(problem.column not in told.values() for problem in problems) else "MEIZHEN_…"
        )
        raise InputError(source, problems) from None
    use_language(settings.language)
    return settings


def _from_file(file: Path) -> dict[str, Any]:
    """What the file says; nothing where there is none."""
    try:
        values = tomllib.loads(file.read_text("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(str(file), [Problem("settings.not_readable", params={"reason": reason})]) from None
    except ValueError as error:  # not UTF-8, or not TOML
        raise InputError(str(file), [Problem("input.not_toml", params={"reason": error})]) from None
    problems = [_unknown(name, name) for name in values if name not in _NAMES]
    if problems:
        raise InputError(str(file), problems)
    return values


def _from_variables(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Setting → the variable that gives it, and its value. An empty variable counts as not set."""
    values: dict[str, tuple[str, str]] = {}
    problems: list[Problem] = []
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable in _OUTSIDE or not value:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name.endswith("_file") and name.removesuffix("_file") in _NAMES:
            name = name.removesuffix("_file")
            try:
                value = Path(value).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or type(error).__name__
                params = {"variable": variable, "reason": reason}
                problems.append(Problem("settings.unreadable_file", params=params))
                continue
        if name not in _NAMES:
            problems.append(_unknown(variable, name))
        elif name in values:
            problems.append(Problem("settings.twice", params={"first": values[name][0], "second": variable}))
        else:
            values[name] = (variable, value)
    if problems:
        raise InputError("MEIZHEN_…", problems)
    return values


def _unknown(shown: str, name: str) -> Problem:
    near = get_close_matches(name, _NAMES, n=1)
    expected = near[0] if near else ", ".join(sorted(_NAMES))
    return Problem("settings.unknown", params={"name": shown, "expected": expected})


def _problem(fault: Any, variables: Mapping[str, str]) -> Problem:
    name = str(fault["loc"][0])
    field = Settings.model_fields[name]
    params = {
        "name": variables.get(name, name),
        "expected": expected_of(field),
        "received": "***" if field.annotation is SecretStr else repr(fault["input"]),
        "meaning": meaning_of(name),
    }
    return Problem("settings.invalid", column=variables.get(name, name), params=params)


def meaning_of(name: str) -> Words:
    """What a setting is for, told in the reader's language."""
    return Words("setting_meanings.", (name,))


def expected_of(field: FieldInfo) -> str:
    """What values a setting takes, in signs that need no language: `zh | en`, `≥ 1, ≤ 256`, a pattern."""
    if get_origin(field.annotation) is Literal:
        return " | ".join(str(choice) for choice in get_args(field.annotation))
    if field.examples:
        return " | ".join(field.examples)
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "max_length": "len ≤", "pattern": ""}
    said = [
        f"{sign} {value}".strip()
        for part in field.metadata
        for name, sign in signs.items()
        if (value := getattr(part, name, None)) is not None
    ]
    kind = getattr(field.annotation, "__name__", "")
    return ", ".join([*([kind] if kind in ("int", "float") else []), *said]) or "text"


# What a file or a variable may set; the home folder is where the file is.
_NAMES = frozenset(Settings.model_fields) - {"home"}

__all__ = ["Settings", "expected_of", "home_folder", "load_settings"]
