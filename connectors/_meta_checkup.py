"""Can the account do what it should: its token, its name, and how many posts it has left."""

from connectors._contract import Finding
from connectors._errors import Label, NeedsPerson
from connectors._json import line, whole
from connectors._meta_calls import Graph, rows
from connectors._meta_errors import POSTS_USED_UP


def checkup(graph: Graph, account: str, name: str, limit: str = "") -> tuple[Finding, ...]:
    """`name` is the field of its name, `limit` where its posts are counted; '' where they are not."""
    try:
        called = line(graph.get(account, {"fields": name}).get(name), 60)
        posts = _quota(graph, f"{account}/{limit}") if limit else None
    except NeedsPerson as error:
        refused = Label(f"平台拒绝了检查：{error}", f"The platform refused the check: {error}")
        return (Finding(False, refused, error.remedy),)
    works = Finding(True, Label(f"令牌有效：{called}。", f"The token works: {called}."))
    if posts is None:
        return (works,)
    used, total = posts
    left = used < total
    told = Label(f"发布额度：已用 {used}，共 {total}。", f"Posts: {used} of {total} are used.")
    return works, Finding(left, told, None if left else POSTS_USED_UP, left=max(total - used, 0))


def _quota(graph: Graph, path: str) -> tuple[int, int] | None:
    """Posts used and allowed in the running window; None where it is not told. Never a number of ours."""
    told = rows(graph.get(path, {"fields": "quota_usage,config"}))
    config = told[0].get("config") if told else None
    used = whole(told[0].get("quota_usage")) if told else None
    total = whole(config.get("quota_total")) if isinstance(config, dict) else None
    return None if used is None or total is None else (used, total)
