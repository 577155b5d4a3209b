"""The reference page of roles and acts, made from the table itself.

`python -m organisation.roles_page > docs/reference/roles.md` makes the page anew; a test compares.
"""

import sys

from config.messages import told
from organisation.permissions import ROLE_ACTS, Act, Role


def roles_page() -> str:
    """The page, as Markdown: a row an act, a column a role."""
    names = [f"{told(f'organisation.role_{role}', {}, language='zh')}<br>`{role}`" for role in Role]
    rows = [
        f"| `{act.value}` | {_meaning(act, 'zh')}<br>{_meaning(act, 'en')} | "
        + " | ".join("✓" if act in ROLE_ACTS[role] else "" for role in Role)
        + " |"
        for act in Act
    ]
    return "\n".join(
        [
            "# 角色与权限 · Roles and acts",
            "",
            "<!-- made by `python -m organisation.roles_page`; edit organisation/permissions.py instead -->",
            "",
            "角色在一个单位授予,管到它下面的全部单位;在全部单位授予的(`--everywhere`)才管得到整个系统。没有写“✓”的就不行。",
            "怎么授予:[人员与角色](../how-to/people-and-roles.md)。",
            "",
            "A role is given at a unit and holds for all below it; only one given `--everywhere` reaches the",
            "house as a whole. What has no ✓ is refused. How to give one:",
            "[People and roles](../how-to/people-and-roles.md).",
            "",
            f"| 权限 Act | 意思 Meaning | {' | '.join(names)} |",
            f"|---|---|{'|'.join(':-:' for _ in Role)}|",
            *rows,
            "",
        ]
    )


def _meaning(act: Act, language: str) -> str:
    return told(f"organisation.act_{act.value.replace('.', '_')}", {}, language=language)


if __name__ == "__main__":
    sys.stdout.write(roles_page())
