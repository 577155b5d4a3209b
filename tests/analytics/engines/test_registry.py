"""Engines by name: what is not known or not installed is told with what to do."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

from analytics.engines import registry
from analytics.engines.registry import ENGINES, Means, is_installed, open_engine
from config.errors import InputError, MeizhenError


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="duckdb, pandas, dask, spark"), open_engine("abacus"):
        pass


@pytest.mark.parametrize(("name", "install"), [("spark", r"\.\[spark\]"), ("dask", r"\.\[dask\]")])
def test_a_missing_engine_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, name: str, install: str
) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda module: None)
    with pytest.raises(MeizhenError, match=install) as raised, open_engine(name):
        pass
    assert raised.value.code == "engine.missing"
    assert not is_installed(name)


def test_what_comes_with_the_program_is_installed() -> None:
    assert [name for name in ENGINES if name in ("duckdb", "pandas") and is_installed(name)] == [
        "duckdb",
        "pandas",
    ]
    assert find_spec("duckdb") is not None


def test_duckdb_keeps_to_its_means() -> None:
    with open_engine("duckdb", Means(memory="100MB", threads=1)) as engine:
        connection = engine.connection  # type: ignore[attr-defined]
        told = "select current_setting('memory_limit'), current_setting('threads')"
        assert connection.execute(told).fetchone() == ("95.3 MiB", 1)


def test_asking_for_the_registry_loads_no_engine() -> None:
    code = (
        "import sys, analytics.engines.registry; "
        "print([name for name in ('duckdb', 'pandas', 'narwhals') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
