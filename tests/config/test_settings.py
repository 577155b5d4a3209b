"""Settings: file, then variables; every mistake is refused with expectation, what came, and remedy."""

from pathlib import Path

import pytest

from config import InputError
from config.messages import catalogue
from config.reference import settings_file, settings_page
from config.settings import Settings, load_settings

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
CANARY = "canary-91ab"


def loaded(home: Path, file: str | bytes = "", **variables: str) -> Settings:
    (home / "settings.toml").write_bytes(file.encode() if isinstance(file, str) else file)
    return load_settings({"MEIZHEN_HOME": str(home), **variables})


def refused(home: Path, file: str | bytes = "", **variables: str) -> str:
    with pytest.raises(InputError) as caught:
        loaded(home, file, **variables)
    assert CANARY not in f"{caught.value!r} {caught.value.as_json()}"
    assert all(problem.told("zh") for problem in caught.value.problems)
    return str(caught.value)


def test_without_anything_the_defaults_stand(tmp_path: Path) -> None:
    settings = load_settings({"MEIZHEN_HOME": str(tmp_path)})
    assert (settings.home, settings.senders, settings.language) == (tmp_path, 16, "zh")
    assert settings.database_address == f"sqlite:///{tmp_path / 'meizhen.sqlite'}"


def test_a_variable_goes_before_the_file_and_an_empty_one_is_none(tmp_path: Path) -> None:
    file = 'senders = 4\nlanguage = "en"\n'
    settings = loaded(tmp_path, file, MEIZHEN_SENDERS="8", MEIZHEN_LANGUAGE="")
    assert (settings.senders, settings.language) == (8, "en")


def test_another_file_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("senders = 3\n")
    assert loaded(tmp_path, "senders = 4\n", MEIZHEN_CONFIG=str(tmp_path / "other.toml")).senders == 3


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    address = f"postgresql+psycopg://u:{CANARY}@host/name"
    (tmp_path / "address").write_text(f"{address}\n")
    settings = loaded(tmp_path, MEIZHEN_DATABASE_URL_FILE=str(tmp_path / "address"))
    assert settings.database_address == address
    assert CANARY not in repr(settings)


def test_the_byte_order_mark_of_a_windows_editor_is_no_mistake(tmp_path: Path) -> None:
    assert loaded(tmp_path, b"\xef\xbb\xbfsenders = 4\n").senders == 4


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("sendrs = 4\n", "no setting “sendrs”. Did you mean: senders"),
        ("zzz = 4\n", "Did you mean: actor, api_per_minute, archive"),
        ('home = "/x"\n', "no setting “home”"),
        ("senders = 0\n", "“senders” got 0; expected: int, ≥ 1, ≤ 256"),
        ("senders = 4.5\n", "“senders” got 4.5"),
        ("senders = true\n", "“senders” got True"),
        ('senders = "many"\n', "“senders” got 'many'"),
        ("lateness_hours = nan\n", "“lateness_hours” got nan"),
        ("lateness_hours = inf\n", "“lateness_hours” got inf"),
        ('language = "fr"\n', "“language” got 'fr'; expected: zh | en"),
        ('collect_at = "8:05"\n', "Beijing time at which"),
        (
            f'database_url = "mysql://u:{CANARY}@host/x"\n',
            "“database_url” got ***; expected: postgresql+psycopg",
        ),
        (f'database_url = ["{CANARY}"]\n', "“database_url” got ***"),
        ("senders = \n", "Not valid TOML"),
        (b"\xff\xfe", "Not valid TOML"),
    ],
)
def test_a_mistake_in_the_file_is_refused(tmp_path: Path, file: str | bytes, told: str) -> None:
    message = refused(tmp_path, file)
    assert told in message and str(tmp_path / "settings.toml") in message


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("MEIZHEN_SENDRS", "4", "no setting “MEIZHEN_SENDRS”. Did you mean: senders"),
        ("MEIZHEN_SENDERS", "many", "“MEIZHEN_SENDERS” got 'many'; expected: int"),
        ("MEIZHEN_DATABASE_URL", f"mysql://u:{CANARY}@h/x", "“MEIZHEN_DATABASE_URL” got ***"),
        (
            "MEIZHEN_DATABASE_URL_FILE",
            "/nowhere/at/all",
            "MEIZHEN_DATABASE_URL_FILE cannot be read: No such file",
        ),
    ],
)
def test_a_mistake_in_a_variable_is_refused_by_its_name(
    tmp_path: Path, variable: str, value: str, told: str
) -> None:
    message = refused(tmp_path, "", **{variable: value})
    assert told in message and message.startswith("MEIZHEN_…")


def test_an_unreadable_value_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "value").write_bytes(b"\xff\xfe")
    assert "UnicodeDecodeError" in refused(tmp_path, MEIZHEN_ACTOR_FILE=str(tmp_path / "value"))
    assert "directory" in refused(tmp_path, MEIZHEN_ACTOR_FILE=str(tmp_path))


def test_the_same_setting_by_two_variables_is_refused(tmp_path: Path) -> None:
    (tmp_path / "value").write_text("a")
    message = refused(tmp_path, MEIZHEN_ACTOR="b", MEIZHEN_ACTOR_FILE=str(tmp_path / "value"))
    assert "set the same thing" in message


def test_a_settings_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        load_settings({"MEIZHEN_HOME": str(tmp_path)})


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    message = refused(tmp_path, "senders = 0\nlease_seconds = 0\n")
    assert "2 problem(s)" in message


def test_every_setting_has_its_meaning() -> None:
    assert set(catalogue("setting_meanings")) == set(Settings.model_fields)
    assert all(name in settings_file() for name in Settings.model_fields if name != "home")


def test_the_reference_page_is_what_the_settings_say() -> None:
    assert PAGE.read_text("utf-8") == settings_page(), (
        "run: python -m config.reference > docs/reference/settings.md"
    )
