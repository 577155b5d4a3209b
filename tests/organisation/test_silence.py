"""The light of an account: yellow from the tenth day of silence on, red from the thirteenth."""

from datetime import UTC, datetime, timedelta

import pytest

from organisation.silence import Silence, silence_of

NOW = datetime(2026, 3, 14, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "light"),
    [(0, "green"), (239, "green"), (240, "yellow"), (311, "yellow"), (312, "red"), (9_999, "red")],
)
def test_the_light_changes_after_ten_and_after_thirteen_days(hours: int, light: str) -> None:
    assert silence_of(NOW - timedelta(hours=hours), NOW) == light


def test_of_an_account_that_was_never_seen_nothing_is_said() -> None:
    assert silence_of(None, NOW) is Silence.UNKNOWN
