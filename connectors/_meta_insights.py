"""Insights: a post's figures by names that Meta changes every few months.

A name that the platform knows no more disables that figure alone, for a day; missing data is an empty list,
never 0.
"""

from collections.abc import Mapping
from datetime import timedelta

from connectors._contract import ArticleFigures, Figures
from connectors._errors import NeedsPerson, Refused
from connectors._json import line, remote_id, whole
from connectors._meta_calls import Graph, rows
from connectors._meta_errors import BAD_PARAMETER, NO_METRIC, PERMISSION
from connectors._meta_posts import Post
from connectors._told import beijing_day

Told = Mapping[str, int | None]
_HEADLINE = 40
_DISABLED = timedelta(days=1)
_NO_SUCH = (str(BAD_PARAMETER), str(NO_METRIC))


def insights(graph: Graph, path: str, names: Mapping[str, str]) -> dict[str, int | None]:
    """The figures of `names` (ours to the platform's); None for what it does not tell."""
    memory = graph.access.memory
    asked = [theirs for theirs in names.values() if memory.get(_off(theirs)) is None]
    told = _told(graph, path, asked) if asked else {}
    return {ours: told.get(theirs) for ours, theirs in names.items()}


def article_of(
    graph: Graph, post: Post, names: Mapping[str, str], told: Told | None = None
) -> ArticleFigures:
    """A post with the figures of now: those of its insights, and what its list has told already."""
    values = {**(told or {}), **insights(graph, f"{post.id}/insights", names)}
    title = line(" ".join(post.text.split()), _HEADLINE)
    figures = Figures(beijing_day(graph.access.now()), values, "/insights")
    return ArticleFigures(post.id, title, post.at, (figures,), post.url)


def _told(graph: Graph, path: str, asked: list[str]) -> dict[str, int]:
    graph.spare()
    try:
        found = rows(graph.get(path, {"metric": ",".join(asked)}))
    except NeedsPerson as error:
        if error.platform_code == str(PERMISSION):
            return {}  # too few viewers for a figure says the same code as a missing right
        raise
    except Refused as error:
        if error.platform_code not in _NO_SUCH:
            raise
        if len(asked) > 1:  # which of them is not told
            return {name: value for one in asked for name, value in _told(graph, path, [one]).items()}
        until = graph.access.now() + _DISABLED
        graph.access.memory.put(_off(asked[0]), "unknown", until=until)
        return {}
    values = {remote_id(row.get("name")) or "": _value(row) for row in found}
    return {name: value for name, value in values.items() if value is not None}


def _value(row: Mapping[str, object]) -> int | None:
    total, values = row.get("total_value"), row.get("values")
    if isinstance(total, dict):
        return whole(total.get("value"))
    last = values[-1] if isinstance(values, list) and values else None
    return whole(last.get("value")) if isinstance(last, dict) else None


def _off(name: str) -> str:
    return f"metric-off-{name}"[:100]
