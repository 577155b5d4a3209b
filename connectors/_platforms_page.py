"""The reference page of platforms, made from their declarations.

`meizhen connector page > docs/reference/platforms.md` makes the page anew; a test compares.
"""

from collections.abc import Iterable

from connectors._contract import Connector, Limits
from connectors._errors import Label

_CAPABILITIES = {
    "publish": Label("自动发布", "publishes"),
    "settle": Label("查结果", "tells how an accepted post ended"),
    "find": Label("查在不在", "can be asked whether a post is there"),
    "articles": Label("内容数据", "figures of posts"),
    "account_day": Label("账号数据", "figures of the account"),
    "assisted": Label("人工发布", "handed to a person"),
    "callback": Label("回调", "calls back"),
    "authorise": Label("别的账号授权它", "other accounts authorise it"),
}
_RECONCILE = {
    "key": Label("按编号去重:重发也只有一条", "drops repeats of our key: a repeat is still one post"),
    "lookup": Label("可以查:查不到就是没发", "can be looked up, and absence is proof"),
    "list": Label(
        "只能翻最近的:没有不等于没发,交给人", "lists recent posts only: absence is no proof, a person decides"
    ),
    "none": Label("不能查:交给人", "cannot be asked: a person decides"),
}


def platforms_page(connectors: Iterable[Connector]) -> str:
    """The page, as Markdown: an overview, then a section a platform."""
    known = sorted(connectors, key=lambda one: one.platform)
    lines = [
        "# 平台 · Platforms",
        "",
        "<!-- made by `meizhen connector page`; edit the platform's declaration instead -->",
        "",
        "从各平台的声明生成。怎么接上:[接上账号](../how-to/connect-accounts.md);"
        "人工发布的:[人工发布](../how-to/publish-by-hand.md)。",
        "Made from what each platform declares; how to connect stands in the how-to guides.",
        "",
        f"| | {' | '.join(f'{label.zh}<br>{label.en}' for label in _CAPABILITIES.values())} |",
        f"|---|{'---|' * len(_CAPABILITIES)}",
    ]
    for one in known:
        ticks = ["✓" if name in one.capabilities else "" for name in _CAPABILITIES]
        lines.append(f"| [{_cell(one.label.zh)}](#{one.platform}) | {' | '.join(ticks)} |")
    for one in known:
        lines += ["", *_section(one)]
    return "\n".join(lines) + "\n"


def _section(one: Connector) -> Iterable[str]:
    yield f"## {one.platform}"
    yield ""
    where = one.default_api_base or "地址由账号给出 (each account names its own address)"
    yield f"{_both(one.label)}. {where}"
    yield ""
    yield "| | |"
    yield "|---|---|"
    for field in one.credential_fields:
        needed = "必填 required" if field.required else "可选 optional"
        kept = ",加密 sealed" if field.secret else ""
        yield f"| `{field.name}` | {_both(field.label)}({needed}{kept}) |"
    yield f"| 限制 limits | {_limits(one.limits)} |"
    if one.formats:
        yield f"| 正文格式 formats | {', '.join(sorted(one.formats))} |"
    for name, label in one.options.items():
        yield f"| `--option {name}=` | {_both(label)} |"
    if "publish" in one.capabilities:
        yield f"| 应答丢了 a lost answer | {_both(_RECONCILE[one.reconcile])} |"
    if one.assistance is not None:
        yield f"| 人工发布 by hand | {_both(one.assistance.where)} |"
        if one.assistance.example:
            yield f"| 链接 link | `{_cell(one.assistance.example)}` |"
    if one.metrics:
        yield ""
        yield "| 数据 figure | 单位 unit | 种类 kind | 层次 level |"
        yield "|---|---|---|---|"
        for metric in one.metrics:
            yield f"| `{metric.name}` | {metric.unit} | {metric.kind} | {metric.level} |"


def _limits(limits: Limits) -> str:
    told = []
    if limits.title_length is not None or limits.title_required:
        most = "" if limits.title_length is None else f" ≤ {limits.title_length}"
        told.append(f"标题 title{most}{' (必填 required)' if limits.title_required else ''}")
    if limits.text_length is not None:
        told.append(f"正文 text ≤ {limits.text_length:,}")
    if limits.pictures:
        size = "" if limits.picture_bytes is None else f", ≤ {limits.picture_bytes / 2**20:g} MB"
        kinds = ", ".join(sorted(kind.removeprefix("image/") for kind in limits.picture_types))
        needed = " (至少一张 at least one)" if limits.picture_required else ""
        told.append(f"图片 pictures ≤ {limits.pictures}{size}, {kinds}{needed}")
    return ";".join(told) or "–"


def _both(label: Label) -> str:
    return _cell(label.zh) if label.zh == label.en else f"{_cell(label.zh)} · {_cell(label.en)}"


def _cell(told: str) -> str:
    return told.replace("|", "\\|").replace("\n", " ")
