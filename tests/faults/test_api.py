"""The API in full, at night: 20,000 cases over 20 rounds, every naughty string in every field."""

from pathlib import Path

import pytest
from api_house import ApiHouse
from api_scene import Scene
from naughty import NAMED, STRINGS, WRITTEN, ask_all
from schema_cases import ask_everything

from config import Database, ManualClock
from config.secrets import KeyRing


@pytest.fixture
def scene(sqlite: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Scene:
    return Scene(ApiHouse(sqlite, keys, clock, tmp_path))


def test_no_case_is_a_fault_or_told_otherwise_than_described(scene: Scene, fault_round: int) -> None:
    if not fault_round:
        pytest.skip("a slice of it is in tests/web/api/test_description.py")
    statuses = ask_everything(scene, scene.house.key(scene.owner), each=8, number=1_000 + fault_round)
    assert sum(statuses.values()) >= 1_000
    assert not [status for status in statuses if status >= 500]


def test_every_field_gives_every_naughty_string_back_or_refuses_it(scene: Scene, fault_round: int) -> None:
    if fault_round != 1:
        pytest.skip("once a night: the strings are always the same")
    wrong, _ = ask_all(scene, (*WRITTEN, *NAMED), STRINGS)
    assert wrong == []
