"""`python -m sandbox` as its callers start it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from sandbox.__main__ import main

ROOT = Path(__file__).parents[2]


def test_it_says_where_it_listens_and_stands_where_it_was_told(tmp_path: Path) -> None:
    ready = tmp_path / "address"
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--seed", "7"]
    command += ["--now", "2026-03-02T09:00:00+08:00", "--ready-file", str(ready)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"sandbox (http://127\.0\.0\.1:[0-9]+)\n", line)
            assert found, line
            told = requests.get(f"{found[1]}/_control/clock", timeout=5).json()
            assert told == {"now": "2026-03-02T01:00:00+00:00"}
            assert ready.read_text() == f"{found[1]}\n"
        finally:
            process.terminate()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])  # noqa: S104
def test_it_never_listens_to_a_network(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["--host", host, "--port", "0"])
    assert raised.value.code == 2
    assert "is not a loopback address" in capsys.readouterr().err


@pytest.mark.parametrize("now", ["2026-03-02T09:00:00", "yesterday"])
def test_a_moment_without_a_zone_is_refused(now: str) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["--now", now])
    assert raised.value.code == 2
