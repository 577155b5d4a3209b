"""账号 Official accounts; what opens them is never shown."""

from datetime import date

from sqlmodel import select

from organisation import (
    Account,
    AccountState,
    Act,
    Unit,
    find_account,
    find_unit,
    in_subtree,
    page_of_accounts,
)
from scheduler.account_moves import AccountMove, move_account
from web.api.call import Asked
from web.api.cursors import Page, Pages
from web.api.noun import Noun
from web.api.texts import Body, Filter, Name, Reason, Told

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


@noun.read("/{account}", Act.ACCOUNT_READ)
def show(asked: Asked, account: Name) -> AccountShown:
    """一个账号 One account, named platform:handle."""
    found, unit = seen(asked, account)
    return _shown(found, unit.code)


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
