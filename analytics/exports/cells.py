"""Texts on their way into a spreadsheet: none of them becomes a formula, a link or mark-up."""

from collections.abc import Mapping

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")

OPTIONS: Mapping[str, bool] = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
}
"""How every workbook of ours is opened: what is text stays text."""


def cell_text(told: str) -> str:
    """A text as it may be handed to the writer, which takes `<r>…</r>` for markup of its own."""
    return f"{told} " if told.startswith("<r>") and told.endswith("</r>") else told


def safe_cell(told: str) -> str:
    """A text that no spreadsheet takes for a formula: a leading quotation mark makes it text."""
    return f"'{told}" if told.lstrip(" ").startswith(_FORMULA) else told
