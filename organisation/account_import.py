"""Accounts from a file or a form: checked whole against the platforms' declarations, then applied.

A credential never appears in a message: what is wrong with one is told by its column alone.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from urllib.parse import urlsplit

from sqlalchemy import text
from sqlmodel import Session, col, select

from config.errors import InputError, Problem
from config.secrets import KeyRing
from config.table_files import Row, Table
from connectors import CredentialField, connector_for, platforms
from organisation.accounts import Account
from organisation.cells import Cells
from organisation.credentials import open_credentials, seal_credentials, store_credentials
from organisation.ledger import record
from organisation.units import Unit

COLUMNS = ("handle", "platform", "unit", "name", "track", "filed", "verified", "api_base")
_NEEDED = COLUMNS[:3]
_MAX_CREDENTIAL = 8_000
_BATCH = 5_000


@dataclass(frozen=True)
class AccountImport:
    """The accounts that are new, and those that were changed, by `platform:handle`."""

    added: tuple[str, ...]
    updated: tuple[str, ...]


@dataclass(frozen=True)
class _Form:
    """One account as it was filled in. A column that was not there is not in `given`."""

    place: int | None
    platform: str
    handle: str
    unit: str
    name: str
    track: str
    filed: date | None
    verified: bool
    api_base: str
    credentials: Mapping[str, str] = field(repr=False)

    @property
    def stable_id(self) -> str:
        return f"{self.platform}:{self.handle}"


def known_columns() -> tuple[str, ...]:
    """The columns of an accounts file: our own, then every credential field of every platform."""
    fields = [field.name for platform in platforms() for field in connector_for(platform).credential_fields]
    return tuple(dict.fromkeys([*COLUMNS, *fields]))


def import_accounts(
    session: Session, keys: KeyRing, table: Table, *, at: datetime, actor: str, overwrite: bool = False
) -> AccountImport:
    """Adds the file's accounts with their credentials.

    An account that is there already is refused, unless `overwrite`: then it takes on what the file's columns
    say, and an empty credential cell leaves that credential as it was. Raises InputError naming every wrong
    row; nothing of the file is applied then.
    """
    table.require(_NEEDED, known=known_columns())
    added, updated = _take(session, keys, table.source, table.columns, table.rows, overwrite=overwrite)
    if added or updated:
        record(
            session,
            keys,
            at=at,
            actor=actor,
            act="account.import",
            subject=f"file:{table.source}"[:200],
            details={"added": list(added), "updated": list(updated)},
        )
    return AccountImport(added, updated)


def add_account(
    session: Session, keys: KeyRing, values: Mapping[str, str], *, at: datetime, actor: str
) -> Account:
    """Adds one account; `values` has the columns of an accounts file. Raises InputError as an import does."""
    row = Row(0, dict(values))
    _take(session, keys, "account add", tuple(values), [row], overwrite=False)
    wanted = select(Account).where(Account.platform == values["platform"], Account.handle == values["handle"])
    account = session.exec(wanted).one()
    record(session, keys, at=at, actor=actor, act="account.add", subject=account.stable_id)
    return account


def change_account(
    session: Session,
    keys: KeyRing,
    account: Account,
    values: Mapping[str, str],
    *,
    at: datetime,
    actor: str,
) -> bool:
    """Takes on what `values` says, by the columns of an accounts file with `unit` among them.

    An empty credential leaves that credential as it was. False where nothing differs. Raises InputError.
    """
    named = {"platform": account.platform, "handle": account.handle, **values}
    _, updated = _take(session, keys, account.stable_id, tuple(named), [Row(0, named)], overwrite=True)
    if updated:
        session.flush()
        details = {"columns": sorted(name for name, value in values.items() if value)}
        record(
            session,
            keys,
            at=at,
            actor=actor,
            act="account.change",
            subject=account.stable_id,
            details=details,
        )
    return bool(updated)


def _take(
    session: Session,
    keys: KeyRing,
    source: str,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    overwrite: bool,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if session.get_bind().dialect.name == "postgresql":
        # Two imports side by side: the second looks when the first is done, as SQLite has it anyway.
        session.execute(text("LOCK TABLE account IN SHARE ROW EXCLUSIVE MODE"))
    problems: list[Problem] = []
    forms = [_form(Cells(row.cells, row.number or None, problems), row.number or None) for row in rows]
    units = _units(session, {form.unit for form in forms})
    here = _here(session, {form.handle for form in forms})
    _check_together(forms, units, here, problems, overwrite=overwrite)
    for form in forms:
        problems += _missing_credentials(session, keys, form, here.get(form.stable_id))
    if problems:
        raise InputError(source, sorted(problems, key=lambda problem: problem.row or 0))
    new = [form for form in forms if form.stable_id not in here]
    _add(session, keys, new, units)
    changed = [form for form in forms if form.stable_id in here]
    updated = [
        form.stable_id
        for form in changed
        if _overwrite(session, keys, here[form.stable_id], form, units, columns)
    ]
    return tuple(form.stable_id for form in new), tuple(updated)


def _form(cells: Cells, place: int | None) -> _Form:
    platform = cells.one_of("platform", platforms())
    handle = cells.text("handle", limit=120, required=True)
    return _Form(
        place=place,
        platform=platform,
        handle=handle,
        unit=cells.text("unit", limit=64, required=True),
        name=cells.text("name", limit=200) or handle,
        track=cells.text("track", limit=32),
        filed=cells.day("filed"),
        verified=cells.yes("verified"),
        api_base=_api_base(cells, platform),
        credentials=_credentials(cells, platform) if platform else {},
    )


def _api_base(cells: Cells, platform: str) -> str:
    """The address of the platform's interface for this account; '' is the platform's own."""
    address = cells.text("api_base", limit=500)
    if not address:
        if platform and not connector_for(platform).default_api_base:
            cells.refuse("account.needs_api_base", "api_base", platform=platform)
        return ""
    try:
        parts = urlsplit(address)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        fine = fine and not (parts.username or parts.password or parts.query or parts.fragment)
    except ValueError:
        fine = False
    if not fine or re.search(r"\s", address):
        cells.refuse("account.bad_api_base", "api_base")
        return ""
    return address.rstrip("/")


def _credentials(cells: Cells, platform: str) -> dict[str, str]:
    """The filled-in credentials; a cell that only another platform knows is refused."""
    fields = {field.name: field for field in connector_for(platform).credential_fields}
    values = {}
    for name in known_columns():
        value = cells.raw(name)
        if name in COLUMNS or not value:
            continue
        if name not in fields:
            cells.refuse("account.foreign_credential", name, platform=platform, expected=", ".join(fields))
        elif not _fits(fields[name], value):
            shown = fields[name].pattern or "–"
            cells.refuse("account.bad_credential", name, expected=shown, length=len(value))
        values[name] = value
    return values


def _fits(field: CredentialField, value: str) -> bool:
    if len(value) > _MAX_CREDENTIAL or "\x00" in value:
        return False
    return not field.pattern or re.fullmatch(field.pattern, value) is not None


def _units(session: Session, codes: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in _batches(codes):
        pairs = session.exec(select(Unit.code, Unit.id).where(col(Unit.code).in_(some)))
        found |= {code: unit_id for code, unit_id in pairs if unit_id is not None}
    return found


def _here(session: Session, handles: Iterable[str]) -> dict[str, Account]:
    found: dict[str, Account] = {}
    for some in _batches(handles):
        accounts = session.exec(select(Account).where(col(Account.handle).in_(some)))
        found |= {account.stable_id: account for account in accounts}
    return found


def _batches(values: Iterable[str]) -> list[list[str]]:
    every = sorted(values)
    return [every[start : start + _BATCH] for start in range(0, len(every), _BATCH)]


def _check_together(
    forms: Sequence[_Form],
    units: Mapping[str, int],
    here: Mapping[str, Account],
    problems: list[Problem],
    *,
    overwrite: bool,
) -> None:
    """What no row shows alone: the same account twice, one that is there already, a unit that is not."""
    seen: dict[str, int | None] = {}
    for form in forms:
        if form.unit and form.unit not in units:
            near = ", ".join(get_close_matches(form.unit, units, n=3)) or "–"
            params = {"code": form.unit, "near": near}
            problems.append(Problem("account.unknown_unit", form.place, "unit", params))
        if not form.platform or not form.handle:
            continue
        params = {"account": form.stable_id, "other": str(seen.get(form.stable_id))}
        if form.stable_id in seen:
            problems.append(Problem("account.duplicate_handle", form.place, "handle", params))
        elif form.stable_id in here and not overwrite:
            problems.append(Problem("account.exists", form.place, "handle", params))
        seen.setdefault(form.stable_id, form.place)


def _missing_credentials(
    session: Session, keys: KeyRing, form: _Form, account: Account | None
) -> list[Problem]:
    """The required credentials that neither the form nor the account has."""
    if not form.platform:
        return []
    needed = [
        field
        for field in connector_for(form.platform).credential_fields
        if field.required and field.name not in form.credentials
    ]
    if needed and account is not None:
        kept = open_credentials(session, keys, account)
        needed = [field for field in needed if not kept.get(field.name)]
    return [
        Problem(
            "account.missing_credential",
            form.place,
            field.name,
            {"platform": form.platform, "label_zh": field.label.zh, "label_en": field.label.en},
        )
        for field in needed
    ]


def _add(session: Session, keys: KeyRing, forms: Sequence[_Form], units: Mapping[str, int]) -> None:
    accounts = [
        Account(
            unit_id=units[form.unit],
            platform=form.platform,
            handle=form.handle,
            name=form.name,
            track=form.track,
            filed=form.filed,
            verified=form.verified,
            api_base=form.api_base,
        )
        for form in forms
    ]
    session.add_all(accounts)
    session.flush()  # the id seals the credentials
    pairs = zip(accounts, forms, strict=True)
    session.add_all([seal_credentials(keys, account, form.credentials) for account, form in pairs])
    session.flush()


def _overwrite(
    session: Session,
    keys: KeyRing,
    account: Account,
    form: _Form,
    units: Mapping[str, int],
    columns: Sequence[str],
) -> bool:
    """Takes on what the given columns say; False where that is what was there."""
    wanted: dict[str, object] = {"unit_id": units[form.unit]}
    wanted |= {name: getattr(form, name) for name in COLUMNS[3:] if name in columns}
    changed = {name: value for name, value in wanted.items() if getattr(account, name) != value}
    for name, value in changed.items():
        setattr(account, name, value)
    if form.credentials:
        kept = open_credentials(session, keys, account)
        if kept != {**kept, **form.credentials}:
            store_credentials(session, keys, account, {**kept, **form.credentials})
            return True
    return bool(changed)
