"""Pictures with Chinese labels, as PNG and SVG: the same bytes for the same figures, without system fonts."""

from analytics.charts.comparison import Pair, week_on_week_picture
from analytics.charts.drawing import label_font
from analytics.charts.hours import hours_picture
from analytics.charts.panels import Panel, trend_picture, units_picture
from analytics.charts.poster import PosterRow, poster_picture
from analytics.charts.ranking import MOST_ROWS, TRACK_COLOURS, PictureRow, ranking_picture

__all__ = [
    "MOST_ROWS",
    "TRACK_COLOURS",
    "Pair",
    "Panel",
    "PictureRow",
    "PosterRow",
    "hours_picture",
    "label_font",
    "poster_picture",
    "ranking_picture",
    "trend_picture",
    "units_picture",
    "week_on_week_picture",
]
