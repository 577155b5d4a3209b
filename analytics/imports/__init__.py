"""Figures from files: checked whole, applied whole, listed, compared with what platforms told, undone."""

from analytics.imports.conflicts import Conflict, list_conflicts
from analytics.imports.importing import ImportReport, import_figures
from analytics.imports.records import FigureImport, ImportState, find_import, list_imports
from analytics.imports.undoing import undo_import

__all__ = [
    "Conflict",
    "FigureImport",
    "ImportReport",
    "ImportState",
    "find_import",
    "import_figures",
    "list_conflicts",
    "list_imports",
    "undo_import",
]
