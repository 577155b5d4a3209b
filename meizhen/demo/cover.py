"""A cover picture for the demo's articles, drawn with the font that pip brings."""

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analytics.charts import label_font


def draw_cover(path: Path) -> Path:
    """Draws a 900 × 383 cover (2.35 : 1) of the campaign to `path`."""
    figure = Figure(figsize=(9.0, 3.83), dpi=100, facecolor="#0b5c8a")
    FigureCanvasAgg(figure)
    font = label_font()
    figure.text(0.06, 0.56, "网络文明 你我同行", color="white", fontsize=40, fontproperties=font)
    figure.text(0.06, 0.3, "演示封面 · demo", color="#cfe8f5", fontsize=18, fontproperties=font)
    figure.savefig(path, metadata={"Software": None})
    return path
