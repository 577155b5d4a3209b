"""What leaves the house as files: the weekly workbook, the table of figures."""

from analytics.exports.table import export_figures
from analytics.exports.weekly import export_week

__all__ = ["export_figures", "export_week"]
