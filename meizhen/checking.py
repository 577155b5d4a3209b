"""Every active account asked once a day how it stands. Wiring only."""

from concurrent.futures import ThreadPoolExecutor

import structlog

from config.errors import MeizhenError
from meizhen.house import House
from organisation.access import access_for, check_account, http_for
from organisation.accounts import Account
from organisation.checkups import due_for_checkup
from scheduler.checking import note

_log = structlog.get_logger("meizhen.checking")


def check_accounts(house: House) -> None:
    """Asks those that are due side by side; one that cannot be asked now is asked again tomorrow."""
    with house.database.read() as session:
        accounts = due_for_checkup(session, house.clock.now())
    with ThreadPoolExecutor(house.settings.senders, thread_name_prefix="checkup") as pool:
        noted = sum(pool.map(lambda account: _checked(house, account), accounts))
    _log.info("checked", accounts=len(accounts), noted=noted)


def _checked(house: House, account: Account) -> bool:
    http = http_for(account.platform, house.settings)
    try:
        access = access_for(house.database, house.keys, account, clock=house.clock, http=http)
    except MeizhenError as error:
        _log.warning("account_not_opened", account=account.stable_id, code=error.code)
        return False
    checked = check_account(access, account.platform)
    with house.database.write() as session:
        note(session, account.known_id, checked, house.clock.now())
    return checked.reached
