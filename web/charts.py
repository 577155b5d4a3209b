"""Options of ECharts for the console's pages: what is not known is a gap in the line, never a zero."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

Option = dict[str, object]
Known = Sequence[Decimal | None]
# Told apart on light and dark ground alike.
_PAIR = ("#8fb0d9", "#2f7ed8")
_MANY = ("#2f7ed8", "#d9920a", "#1d9a6c", "#b65fcf", "#d9534f", "#7a8796")


def lines(
    axis: Sequence[str], series: Mapping[str, Known], *, bars: Mapping[str, Known] | None = None
) -> Option | None:
    """Lines over an axis, with bars on a scale of their own at the right; None where nothing is known."""
    told = [*series.values(), *(bars or {}).values()]
    if all(value is None for values in told for value in values):
        return None
    drawn: list[Option] = [
        {"name": name, "type": "line", "data": _plain(values), "connectNulls": False, "symbolSize": 7}
        for name, values in series.items()
    ]
    for name, values in (bars or {}).items():
        bar: Option = {
            "name": name,
            "type": "bar",
            "data": _plain(values),
            "yAxisIndex": 1,
            "barMaxWidth": 18,
        }
        drawn.insert(0, bar)
    scale: Option = {"type": "value", "splitLine": {"lineStyle": {"opacity": 0.35}}}
    right: Option = {"type": "value", "splitLine": {"show": False}, "minInterval": 1}
    return {
        "animation": False,
        "color": list(_PAIR if bars else _MANY),
        "grid": {"left": 8, "right": 8, "top": 40, "bottom": 8, "containLabel": True},
        "legend": {"top": 0, "left": 0, "type": "plain"},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "xAxis": {"type": "category", "data": list(axis)},
        "yAxis": [scale, right] if bars else [scale],
        "series": drawn,
    }


def _plain(values: Known) -> list[float | None]:
    return [None if value is None else float(value) for value in values]
