"""The Big List of Naughty Strings (485): given back byte for byte, or refused with 422.

What is written and shown to others takes all of them here; every other field takes all in `tests/faults`.
"""

import pytest
from api_scene import Scene
from naughty import NAMED, STRINGS, WRITTEN, ask_all

pytestmark = pytest.mark.usefixtures("_inline")


def test_what_is_written_is_given_back_or_refused(scene: Scene) -> None:
    assert len(STRINGS) == 485
    wrong, taken = ask_all(scene, WRITTEN, STRINGS)
    assert wrong == []
    assert taken > 2_000


def test_names_and_reasons_are_taken_as_they_are_or_refused(scene: Scene) -> None:
    wrong, _ = ask_all(scene, NAMED, STRINGS[::12])
    assert wrong == []


def test_filters_and_names_in_paths_take_naughty_strings(scene: Scene) -> None:
    owner = scene.house.caller(scene.house.key(scene.author))
    asked = [("/posts", "account"), ("/posts", "cursor"), ("/ledger", "subject"), ("/accounts", "platform")]
    for path, name in asked:
        found = {owner.get(path, **{name: told}).status for told in STRINGS[::6]}
        assert found <= {200, 404, 422}
    found = {owner.get(f"/units/{told}").status for told in STRINGS[::2] if told and "/" not in told}
    assert found <= {404, 422}
