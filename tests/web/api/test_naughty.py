"""The Big List of Naughty Strings (485): given back byte for byte, or refused with 422.

What a post says takes all of them here, the other fields some; all of them in every field: `tests/faults`.
"""

import pytest
from api_scene import Scene
from naughty import NAMED, STRINGS, WRITTEN, ask_all

pytestmark = pytest.mark.usefixtures("_inline")


def test_what_is_written_is_given_back_or_refused(scene: Scene) -> None:
    assert len(STRINGS) == 485
    posts, *others = WRITTEN
    wrong, taken = ask_all(scene, [posts], STRINGS)
    more, also = ask_all(scene, others, STRINGS[::4])
    assert wrong == more == []
    assert taken > 1_200 and also > 250


def test_names_and_reasons_are_taken_as_they_are_or_refused(scene: Scene) -> None:
    wrong, _ = ask_all(scene, NAMED, STRINGS[::24])
    assert wrong == []


def test_filters_and_names_in_paths_take_naughty_strings(scene: Scene) -> None:
    owner = scene.house.caller(scene.house.key(scene.owner))
    asked = [("/posts", "account"), ("/posts", "cursor"), ("/ledger", "subject"), ("/accounts", "platform")]
    for path, name in asked:
        found = {owner.get(path, **{name: told}).status for told in STRINGS[::8]}
        assert found <= {200, 404, 422}
    found = {owner.get(f"/units/{told}").status for told in STRINGS[::4] if told and "/" not in told}
    assert found <= {404, 422}
