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
from config.messages import use_language

PREFIX = "MEIZHEN_"
# Not settings: where the settings are, and what only the shell decides.
_OUTSIDE = frozenset({"MEIZHEN_HOME", "MEIZHEN_CONFIG", "MEIZHEN_PERSON"})


class Settings(BaseSettings):
    """Every setting with its meaning; `docs/reference/settings.md` is made from this class."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", validate_default=True, frozen=True)

    home: Path = Field(description="Folder of this installation: settings.toml, database, keys, media.")
    language: Literal["zh", "en"] = Field("zh", description="Language of texts for people.")
    database_url: SecretStr = Field(
        SecretStr(""),
        examples=["postgresql+psycopg://user:password@host/name", "sqlite:////path/file"],
        description="SQLAlchemy address of the database; empty is SQLite in the home folder.",
    )
    lateness_hours: float = Field(
        2.0,
        gt=0,
        le=720,
        description="A post later than this many hours is not sent but waits for a person; "
        "a unit or the post itself may say otherwise.",
    )
    lease_seconds: float = Field(
        60.0,
        ge=1,  # short ones let tests freeze a node for longer than its lease
        le=3600,
        description="How long a node may hold an account without renewing before others take it over.",
    )
    senders: int = Field(16, ge=1, le=256, description="Posts that one node sends side by side.")
    tick_seconds: float = Field(1.0, gt=0, le=60, description="How often a node looks for due posts.")
    call_seconds: float = Field(
        30.0, gt=0, le=300, description="Total time a platform call may take before it counts as unanswered."
    )
    job_threads: int = Field(
        1,
        ge=1,
        le=8,
        description="Background jobs (imports, exports, awards) that one node does side by side.",
    )
    idle_alarm_seconds: float = Field(
        60.0,
        ge=10,
        le=3600,
        description="Something is due, accounts are free and nothing moves for so long: the alarm.",
    )
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        max_length=255,
        description="Address on which serve answers /healthz, /readyz, /metrics and callbacks.",
    )
    port: int = Field(8765, ge=0, le=65535, description="Port on which serve answers; 0 takes a free one.")
    site: str = Field(
        "",
        max_length=700,
        # Counted repeats of such a class would cost every process a megabyte and a half.
        pattern=r"^(https?://[^\s?#@/]+(/[^\s?#@/]+)*)?$",
        examples=["https://meizhen.unit.cn"],
        description="Address of the console as people open it: digests and reminders link to it; empty links "
        "to nothing.",
    )
    trusted_proxies: str = Field(
        "",
        max_length=1000,
        examples=["127.0.0.1", "10.0.0.5, 192.168.7.0/24"],
        description="Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto "
        "are believed; empty believes nobody.",
    )
    private_networks: str = Field(
        "",
        max_length=1000,
        examples=["10.20.0.0/16, 192.168.7.5"],
        description="Networks that are not public and may be called all the same: for accounts, webhooks and "
        "a sign-on provider within your own walls.",
    )
    api_per_minute: int = Field(
        600, ge=1, le=1_000_000, description="Requests that one key may make a minute, on each node."
    )
    award_folder: Path = Field(
        Path("awards"),
        examples=["awards", "/srv/meizhen/awards"],
        description="Folder whose subfolders are the award runs that programs may read; not an absolute one "
        "is in the home folder.",
    )
    collect_at: str = Field(
        "08:05",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="Beijing time at which yesterday's figures are collected (WeChat has them from 08:00).",
    )
    archive: Path = Field(
        Path("archive"),
        examples=["archive", "/srv/meizhen/archive"],
        description="Folder of the archived months' figures; not an absolute one is in the home folder. "
        "Nodes on several machines share it.",
    )
    duckdb_memory: str = Field(
        "192MB",
        pattern=r"^[1-9]\d*(MB|GB)$",
        description="Most memory that DuckDB takes for archive and questions; beyond it, it uses the disk.",
    )
    duckdb_threads: int = Field(2, ge=1, le=64, description="Threads that DuckDB takes for the archive.")
    matrix_server: str = Field(
        "",
        pattern=r"^(https?://[A-Za-z0-9.-]{1,255}(:\d{1,5})?)?$",
        description="Address of the Matrix server whose rooms reports may be told in; empty has none.",
    )
    smtp_host: str = Field(
        "", max_length=255, description="Mail server that takes reports; empty sends no mail."
    )
    smtp_port: int = Field(465, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["tls", "starttls", "none"] = Field(
        "tls",
        description="How the way to the mail server is protected: tls from the first byte (465), "
        "starttls (587), or none, which sends no password.",
    )
    smtp_user: str = Field("", max_length=255, description="Name to log in with at the mail server.")
    smtp_password: SecretStr = Field(
        SecretStr(""),
        examples=["the mailbox's password or authorisation code"],
        description="Password at the mail server; better in a file named by MEIZHEN_SMTP_PASSWORD_FILE.",
    )
    smtp_from: str = Field(
        "",
        pattern=r"^([A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,255})?$",
        description="Address that reports are sent from.",
    )
    smtp_seconds: float = Field(
        30.0,
        gt=0,
        le=300,
        description="Time the mail server may take for each step; four times that for all.",
    )
    smtp_megabytes: float = Field(
        20.0, gt=0, le=100, description="Largest mail; what does not fit is left out and named in the text."
    )
    report_folder: str = Field(
        "",
        max_length=255,
        description="Folder below which schedules put their reports; empty is `reports` in the home folder.",
    )
    report_lateness_hours: float = Field(
        24.0,
        gt=0,
        le=720,
        description="A scheduled report later than this many hours is left out and told of, not sent.",
    )
    spark_master: str = Field(
        "local[*]",
        pattern=r"^(local(\[(\*|\d+)\])?|yarn|(spark|k8s)://\S+)$",
        examples=["local[*]", "spark://host:7077", "yarn", "k8s://https://host:6443"],
        description="Spark's master, for the engine spark.",
    )
    session_idle_hours: float = Field(
        8.0, gt=0, le=168, description="A sign-in that was not used for so many hours ends."
    )
    session_days: float = Field(7.0, gt=0, le=90, description="A sign-in ends after so many days at most.")
    oidc_issuer: str = Field(
        "",
        max_length=248,
        pattern=r"^(https?://[^\s?#@]+)?$",
        description="Sign-on provider (OpenID Connect) by its issuer address; empty is passwords only.",
    )
    oidc_client_id: str = Field("", max_length=255, description="What the provider knows this house as.")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""),
        examples=["the secret that the provider gave for the client id"],
        description="Secret at the provider; better in a file named by MEIZHEN_OIDC_CLIENT_SECRET_FILE.",
    )
    oidc_redirect: str = Field(
        "",
        max_length=264,
        pattern=r"^(https?://[^\s?#@]+/login/oidc/back)?$",
        examples=["https://meizhen.unit.cn/login/oidc/back"],
        description="Where the provider sends people back, as entered there: this house's address.",
    )
    oidc_claim: str = Field(
        "email",
        pattern=r"^[A-Za-z0-9_.:/-]{1,64}$",
        examples=["email", "preferred_username", "employee_number"],
        description="By what a person is found at their first sign-on: email (which the provider must have "
        "verified), or a claim that is their login here.",
    )
    oidc_label: str = Field(
        "统一认证", min_length=1, max_length=40, description="What the sign-in page calls the provider."
    )
    actor: str = Field("", max_length=80, description="Name written into the ledger for acts by command.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")

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
        "meaning": field.description,
    }
    return Problem("settings.invalid", column=variables.get(name, name), params=params)


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
