"""Every active account asked once a day how it stands. Wiring only."""

import structlog

from meizhen.house import House
from organisation.checkups import due_for_checkup
from scheduler.checking import Examiner

_log = structlog.get_logger("meizhen.checking")


def check_accounts(house: House) -> None:
    """Asks those that are due side by side; one that cannot be asked now is asked again tomorrow."""
    with house.database.read() as session:
        accounts = due_for_checkup(session, house.clock.now())
    at_once = house.settings.senders
    examiner = Examiner(house.database, house.keys, house.settings, house.clock, at_once=at_once)
    try:
        found = examiner.ask(accounts)
    finally:
        examiner.close()
    _log.info("checked", accounts=len(accounts), reached=sum(one.reached for one in found.values()))
