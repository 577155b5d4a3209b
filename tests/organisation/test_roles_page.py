"""The page of roles and acts is the table that decides."""

from pathlib import Path

from organisation.permissions import ROLE_ACTS, Act, Role
from organisation.roles_page import roles_page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "roles.md"


def test_the_page_is_made_from_the_table() -> None:
    assert PAGE.read_text("utf-8") == roles_page()


def test_every_tick_of_the_page_is_a_right_and_every_right_a_tick() -> None:
    ticks = set()
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == len(Role) + 2 and cells[0].startswith("`"):
            ticks |= {
                (role, cells[0].strip("`")) for role, cell in zip(Role, cells[2:], strict=True) if cell == "✓"
            }
    assert ticks == {(role, act.value) for role in Role for act in Act if act in ROLE_ACTS[role]}
