"""What OpenAPI tells is what is answered."""

import pytest
from api_scene import Scene
from schema_cases import ask_everything

pytestmark = pytest.mark.usefixtures("_inline")


def test_every_answer_is_a_told_one_and_none_is_a_fault(scene: Scene) -> None:
    """A slice: `tests/faults` asks 20,000 cases."""
    owner = scene.house.key(scene.owner)
    statuses = ask_everything(scene, owner, each=4, number=1)
    assert sum(statuses.values()) >= 500
    assert not [status for status in statuses if status >= 500]
    assert {200, 404, 422} <= set(statuses)
