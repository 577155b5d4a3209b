"""The description of the API as files of the documentation; a test compares them.

python -m web.api.reference openapi > docs/reference/openapi.json
python -m web.api.reference page > docs/reference/http-api.md
"""

import json
import sys
from typing import Any

from web.api.app import PREFIX, describe
from web.api.commands import LOCAL, ROUTES


def document() -> str:
    """OpenAPI 3.1 as JSON, a line an entry: what changes shows in a comparison."""
    return json.dumps(describe(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def page() -> str:
    """Every route with its act, for people."""
    described = describe()
    lines = [
        "# HTTP 接口 · HTTP API",
        "",
        "<!-- made by `python -m web.api.reference page`; edit web/api/ instead -->",
        "",
        f"一切在 `{PREFIX}` 下。字段、例子和拒绝见 [openapi.json](openapi.json)(运行中也在",
        f"`{PREFIX}/openapi.json`)。用法:[使用接口](../how-to/use-the-api.md)。",
        "",
        f"All of it is below `{PREFIX}`. Fields, examples and refusals: [openapi.json](openapi.json), also",
        f"served at `{PREFIX}/openapi.json`. How to use it: [Use the API](../how-to/use-the-api.md).",
    ]
    for tag in described["tags"]:
        lines += ["", f"## {tag['description']}", "", "| | 地址 Path | 权限 Act | |", "|---|---|---|---|"]
        lines += [
            f"| {method.upper()} | `{path}` | {_act(operation)} | {operation['summary']} |"
            for path, operations in described["paths"].items()
            for method, operation in operations.items()
            if tag["name"] in operation["tags"]
        ]
    return "\n".join([*lines, *_commands(), ""])


def _commands() -> list[str]:
    """Which route does what a command does, and which commands have none."""
    return [
        "",
        "## 命令与路由 Commands and routes",
        "",
        "| 命令 Command | 路由 Route |",
        "|---|---|",
        *(f"| `meizhen {command}` | `{route}` |" for command, route in ROUTES.items()),
        "",
        "没有路由的命令,和为什么没有。 Commands without a route, and why.",
        "",
        "| 命令 Command | 为什么 Why |",
        "|---|---|",
        *(f"| `meizhen {command}` | {why.zh} {why.en} |" for command, why in LOCAL.items()),
    ]


def _act(operation: dict[str, Any]) -> str:
    _, found, act = operation["description"].rpartition("Act: ")
    return str(act).rstrip(".") if found else "–"


if __name__ == "__main__":
    sys.stdout.write({"openapi": document, "page": page}[sys.argv[1]]())
