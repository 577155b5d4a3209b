"""账号 Official accounts; what opens them is never shown."""

from collections.abc import Mapping
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Query
from pydantic import Field, StringConstraints
from sqlmodel import select

from config.errors import MeizhenError
from config.table_files import read_table
from connectors import connector_for, platforms
from organisation import (
    Account,
    AccountState,
    Act,
    Unit,
    add_account,
    find_account,
    find_unit,
    import_accounts,
    in_subtree,
    open_credentials,
    page_of_accounts,
)
from organisation.account_import import change_account
from scheduler.account_moves import AccountMove, move_account
from scheduler.checking import Examiner
from web.api.call import Answer, Asked, etag_of
from web.api.cursors import Page, Pages
from web.api.files import UploadedTable
from web.api.noun import Noun
from web.api.texts import Aside, Body, Code, Day, Filter, Line, Name, Reason, Told

noun = Noun("accounts")


class AccountShown(Told):
    """An account."""

    account: str
    platform: str
    handle: str
    name: str
    unit: str
    track: str
    filed: date | None
    verified: bool
    state: AccountState


class CredentialShown(Told):
    """A field of the platform's form, and whether it was given: what it holds is never shown."""

    name: str
    zh: str
    en: str
    secret: bool
    required: bool
    given: bool


class AccountWhole(AccountShown):
    """An account with where its platform is asked, and which credentials it has."""

    api_base: str
    credentials: list[CredentialShown]


Secret = Annotated[str, StringConstraints(min_length=1, max_length=8_000)]
Credentials = Annotated[dict[str, Secret], Field(max_length=50)]


class AccountChange(Body):
    """What changes; what is not named stays, a credential too. Credentials are taken and never shown."""

    unit: Code | None = None
    name: Line | None = None
    track: Aside | None = None
    filed: Day | None = None
    verified: bool | None = None
    api_base: Aside | None = None
    credentials: Credentials = Field(default_factory=dict)


class NewAccount(AccountChange):
    """An account of a unit; the fields of `credentials` are those of `GET /connectors`."""

    platform: Code
    handle: Line
    unit: Code


class AccountsTaken(Told):
    """The accounts of a file that are new, and those that were changed."""

    added: list[str]
    updated: list[str]


class FindingShown(Told):
    """What the platform says of the account, and what a person should do; '' where nothing is to be done.

    `ends`: from then on nothing goes out unless a person signs in anew. `left`: what the platform still takes
    today.
    """

    fine: bool
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str
    ends: datetime | None
    left: int | None


class Checked(Told):
    """What was found; `fine` where everything is."""

    account: str
    fine: bool
    findings: list[FindingShown]


class Why(Body):
    """Why somebody does it: it stands in the ledger."""

    reason: Reason | None = None


@noun.read("", Act.ACCOUNT_READ)
def list_accounts(
    asked: Asked,
    paging: Pages,
    unit: Filter = None,
    platform: Filter = None,
    state: AccountState | None = None,
) -> Page[AccountShown]:
    """账号列表 Accounts by platform and handle."""
    sight = asked.sight()
    if unit is not None:
        under = find_unit(asked.session, unit)
        asked.at(under.path)
        sight = sight & in_subtree(under)
    rows, following = asked.page(
        paging,
        {"unit": unit, "platform": platform, "state": state},
        (str, str),
        lambda after, limit: page_of_accounts(
            asked.session, sight, after, limit, platform=platform, state=state
        ),
        lambda row: (row[0].platform, row[0].handle),
    )
    return Page[AccountShown](items=[_shown(account, code) for account, code in rows], next=following)


@noun.write("POST", "", Act.ACCOUNT_WRITE, status=HTTPStatus.CREATED)
def add(asked: Asked, body: NewAccount) -> Answer[AccountWhole]:
    """接入账号 A new account with what opens it, which is never shown again."""
    asked.at(find_unit(asked.session, body.unit).path)
    values = {"platform": body.platform, "handle": body.handle} | _values(body.platform, body)
    account = add_account(asked.session, asked.keys, values, at=asked.now, actor=asked.actor)
    told = _whole(asked, account, find_unit(asked.session, body.unit))
    return Answer(told, etag=etag_of(told), location=f"/api/v1/accounts/{account.stable_id}")


@noun.write("POST", "/import", Act.ACCOUNT_WRITE)
def import_file(
    asked: Asked,
    file: UploadedTable,
    overwrite: Annotated[
        bool, Query(description="Accounts that are there take on what the file says.")
    ] = False,
) -> AccountsTaken:
    """从文件接入 Accounts with their credentials from a table, all of it or nothing; for the whole house."""
    asked.house()
    with file.on_disk() as paths:
        table = read_table(paths["file"])
    done = import_accounts(
        asked.session, asked.keys, table, at=asked.now, actor=asked.actor, overwrite=overwrite
    )
    return AccountsTaken.model_validate(done)


@noun.read("/{account}", Act.ACCOUNT_READ, etag=True)
def show(asked: Asked, account: Name) -> Answer[AccountWhole]:
    """一个账号 One account, named platform:handle."""
    told = _whole(asked, *seen(asked, account))
    return Answer(told, etag=etag_of(told))


@noun.write("PATCH", "/{account}", Act.ACCOUNT_WRITE, edit=True)
def change(asked: Asked, account: Name, body: AccountChange) -> Answer[AccountWhole]:
    """改账号 Change it, move it to another unit, or give it other credentials."""
    found, unit = seen(asked, account)
    before = _whole(asked, found, unit)
    asked.match(etag_of(before))
    if body.unit is not None:
        unit = find_unit(asked.session, body.unit)
        asked.at(unit.path)
    kept = _own_values(before) | {"unit": unit.code}
    change_account(
        asked.session,
        asked.keys,
        found,
        kept | _values(found.platform, body),
        at=asked.now,
        actor=asked.actor,
    )
    told = _whole(asked, found, unit)
    return Answer(told, etag=etag_of(told))


@noun.write("POST", "/{account}/check", Act.ACCOUNT_CHECK, alone=True)
def check(asked: Asked, account: Name) -> Checked:
    """测试 Ask the platform whether the account can do what it should; nothing is published."""
    found, _ = seen(asked, account)
    desk = asked.desk
    examiner = Examiner(desk.database, desk.keys, desk.settings, desk.clock, at_once=1)
    checked = examiner.ask([found])[found.known_id]
    examiner.close()
    shown = [
        FindingShown(
            fine=one.fine,
            zh=one.told.zh,
            en=one.told.en,
            remedy_zh=one.remedy.zh if one.remedy else "",
            remedy_en=one.remedy.en if one.remedy else "",
            ends=one.ends,
            left=one.left,
        )
        for one in checked.findings
    ]
    return Checked(account=found.stable_id, fine=checked.fine, findings=shown)


@noun.write("POST", "/{account}/pause", Act.ACCOUNT_WRITE)
def pause(asked: Asked, account: Name, body: Why) -> AccountShown:
    """暂停 Nothing goes out through it until somebody resumes."""
    return _moved(asked, account, AccountMove.PAUSE, body)


@noun.write("POST", "/{account}/resume", Act.ACCOUNT_WRITE)
def resume(asked: Asked, account: Name, body: Why) -> AccountShown:
    """恢复 Posts go out through it again."""
    return _moved(asked, account, AccountMove.RESUME, body)


@noun.write("POST", "/{account}/retire", Act.ACCOUNT_WRITE)
def retire(asked: Asked, account: Name, body: Why) -> AccountShown:
    """停用 For good: only its history stays."""
    return _moved(asked, account, AccountMove.RETIRE, body)


def seen(asked: Asked, name: str) -> tuple[Account, Unit]:
    """The account, where the caller may do the act of the endpoint."""
    account = find_account(asked.session, name)
    unit = asked.session.exec(select(Unit).where(Unit.id == account.unit_id)).one()
    asked.at(unit.path)
    return account, unit


def _moved(asked: Asked, name: str, move: AccountMove, why: Why) -> AccountShown:
    account, unit = seen(asked, name)
    asked.wakes = True
    move_account(
        asked.session,
        asked.keys,
        account,
        move,
        at=asked.now,
        actor=asked.actor,
        reason=why.reason or "",
    )
    return _shown(account, unit.code)


def _whole(asked: Asked, account: Account, unit: Unit) -> AccountWhole:
    return AccountWhole(
        **_shown(account, unit.code).model_dump(),
        api_base=account.api_base,
        credentials=_credentials(asked, account),
    )


def _credentials(asked: Asked, account: Account) -> list[CredentialShown]:
    if account.platform not in platforms():
        return []  # the package that brought the platform is gone
    held = open_credentials(asked.session, asked.keys, account)
    return [
        CredentialShown(
            name=field.name,
            zh=field.label.zh,
            en=field.label.en,
            secret=field.secret,
            required=field.required,
            given=bool(held.get(field.name)),
        )
        for field in connector_for(account.platform).credential_fields
    ]


def _own_values(account: AccountWhole) -> dict[str, str]:
    """What an account is, by the columns of an accounts file."""
    return {
        "name": account.name,
        "track": account.track,
        "filed": account.filed.isoformat() if account.filed else "",
        "verified": "true" if account.verified else "",
        "api_base": account.api_base,
    }


def _values(platform: str, told: AccountChange) -> dict[str, str]:
    """What a request names, by the columns of an accounts file; another platform's credential is refused."""
    if platform in platforms():
        known = [field.name for field in connector_for(platform).credential_fields]
        for name in told.credentials:
            if name not in known:
                raise MeizhenError("account.unknown_credential", name=name[:80], expected=", ".join(known))
    given: Mapping[str, object] = told.model_dump(
        include={"unit", "name", "track", "filed", "verified", "api_base"}, exclude_unset=True
    )
    spelled = {True: "true", False: "", None: ""}
    return {
        name: spelled[value] if isinstance(value, bool) or value is None else str(value)
        for name, value in given.items()
    } | told.credentials


def _shown(account: Account, unit: str) -> AccountShown:
    return AccountShown(
        account=account.stable_id,
        platform=account.platform,
        handle=account.handle,
        name=account.name,
        unit=unit,
        track=account.track,
        filed=account.filed,
        verified=account.verified,
        state=AccountState(account.state),
    )
