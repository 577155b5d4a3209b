"""What leaves the house as files: the week's report and its pictures, the table of figures."""

from analytics.exports.pictures import export_pictures
from analytics.exports.table import export_figures
from analytics.exports.weekly import FORMATS, export_week

__all__ = ["FORMATS", "export_figures", "export_pictures", "export_week"]
