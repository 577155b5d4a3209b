"""Who: units, official accounts, their credentials, and the ledger of acts."""

from organisation.access import access_for, check_account, http_for
from organisation.account_import import AccountImport, add_account, import_accounts, known_columns
from organisation.accounts import (
    Account,
    AccountState,
    accounts_of,
    find_account,
    pause_account,
    resume_account,
    retire_account,
)
from organisation.credentials import check_keys, open_credentials, rotate_credentials, store_credentials
from organisation.lateness import lateness_of, parse_lateness, set_lateness
from organisation.ledger import LedgerEntry, entries_of, has_entries, record
from organisation.ledger_check import LedgerFault, LedgerReport, Tampering, verify
from organisation.memory import SealedMemory
from organisation.unit_import import UnitImport, import_units
from organisation.units import (
    Unit,
    ancestors,
    find_unit,
    in_subtree,
    listed,
    subtree,
    subtree_size,
    unit_codes,
)

__all__ = [
    "Account",
    "AccountImport",
    "AccountState",
    "LedgerEntry",
    "LedgerFault",
    "LedgerReport",
    "SealedMemory",
    "Tampering",
    "Unit",
    "UnitImport",
    "access_for",
    "accounts_of",
    "add_account",
    "ancestors",
    "check_account",
    "check_keys",
    "entries_of",
    "find_account",
    "find_unit",
    "has_entries",
    "http_for",
    "import_accounts",
    "import_units",
    "in_subtree",
    "known_columns",
    "lateness_of",
    "listed",
    "open_credentials",
    "parse_lateness",
    "pause_account",
    "record",
    "resume_account",
    "retire_account",
    "rotate_credentials",
    "set_lateness",
    "store_credentials",
    "subtree",
    "subtree_size",
    "unit_codes",
    "verify",
]
