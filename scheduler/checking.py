"""What an account's platform said of it, kept; and told where an authorisation is about to end."""

from datetime import datetime

from sqlmodel import Session

from organisation.access import Checked
from organisation.checkups import keep_checkup, warning_of
from scheduler import notices


def note(session: Session, account_id: int, checked: Checked, at: datetime) -> None:
    """Keeps what was found. Nothing changes where the platform could not be asked.

    What ends within seven days is told as a notice, and anew at three days and at one.
    """
    if not checked.reached:
        return
    row = keep_checkup(session, account_id, checked.findings, at=at)
    if row.ends is not None:
        notices.of_end(session, account_id, row.ends, warning_of(row.ends, at), at)
    elif row.fine:
        notices.end_of_end(session, account_id, at)
