"""The settings told to people, made from the class itself: a commented file, and the reference page.

`python -m config.reference > docs/reference/settings.md` makes the page anew; a test compares.
"""

import json
import sys
import textwrap
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from config.settings import PREFIX, Settings, expected_of, meaning_of


def settings_file() -> str:
    """A settings.toml in which every setting stands with its meaning, commented out at its default."""
    parts = [
        "# 这套媒阵的设置:去掉一行开头的 # 再改。环境变量 MEIZHEN_名字 优先于这里的一行;",
        "# MEIZHEN_名字_FILE 指向放着值的文件,密码宜用它。",
        "# Settings of this installation. A variable MEIZHEN_NAME goes before the line `name` here;",
        "# MEIZHEN_NAME_FILE names a file that holds the value, as for passwords.",
    ]
    for name, field in _settings():
        comment = [
            meaning_of(name).told("zh"),
            *textwrap.wrap(f"{meaning_of(name).told('en')} ({expected_of(field)})", 100),
        ]
        parts += ["", *(f"# {line}" for line in comment), f"# {name} = {_default(field)}"]
    return "\n".join(parts) + "\n"


def settings_page() -> str:
    """The reference page of all settings, as Markdown."""
    rows = [
        f"| `{name}` | `{PREFIX}{name.upper()}` | `{_default(field)}` | {_cell(expected_of(field))} "
        f"| {_cell(meaning_of(name).told('zh'))}<br>{_cell(meaning_of(name).told('en'))} |"
        for name, field in _settings()
    ]
    return "\n".join(
        [
            "# Settings 设置",
            "",
            "<!-- made by `python -m config.reference`; edit config/settings.py and its meanings instead -->",
            "",
            "`MEIZHEN_HOME` 指家目录(不写就是 `~/.meizhen`)。那里的 `settings.toml` 放设置,",
            "`MEIZHEN_CONFIG` 可以指向另一个文件。环境变量优先于文件;",
            "`MEIZHEN_…_FILE` 指向放着值的文件,密码宜用它。写错了启动时就说。",
            "",
            "`MEIZHEN_HOME` names the home folder (without it `~/.meizhen`). `settings.toml` there holds the",
            "settings; `MEIZHEN_CONFIG` may name another file. A variable goes before the file, and",
            "`MEIZHEN_…_FILE` names a file that holds the value, as for passwords. A mistake is refused",
            "at start.",
            "",
            "| 设置 Setting | 变量 Variable | 默认 Default | 可填 Expected | 含义 Meaning |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _settings() -> list[tuple[str, FieldInfo]]:
    return [(name, field) for name, field in Settings.model_fields.items() if name != "home"]


def _default(field: FieldInfo) -> str:
    default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    return json.dumps(str(default) if isinstance(default, Path) else default)


def _cell(told: str) -> str:
    return told.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(settings_page())
