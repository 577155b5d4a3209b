"""`meizhen media` and `meizhen webhook`, as people call them."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Said, command
from newsroom import Newsroom, make_newsroom
from PIL import Image
from raw_server import answering, serving

from config import Database, ManualClock
from config.secrets import KeyRing

pytestmark = pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)
Run = Callable[..., Said]


@pytest.fixture
def run(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    database_address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    room: Newsroom = make_newsroom(database, keys, clock, tmp_path)
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path))
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", database_address)
    (tmp_path / "media").mkdir()
    Image.new("RGB", (64, 48), "red").save(tmp_path / "合影.jpg")
    assert room.account.handle == "hh"
    return command(monkeypatch, capsys)


def test_a_picture_goes_into_the_library_and_is_found_again(run: Run, tmp_path: Path) -> None:
    taken = ("media", "add", tmp_path / "合影.jpg", "--unit", "HH", "--alt", "升旗")
    (told,) = run("--as", "wen", *taken, "--json").json()
    digest = told["sha256"]
    (row,) = run("--as", "wen", "media", "list", "--json").json()
    assert (row["sha256"], row["width"], row["alt"]) == (digest, 64, "升旗")
    shown = run("--as", "yi", "media", "show", digest[:12]).out
    assert "合影.jpg" in shown and "HH" in shown
    assert "may not do media.write" in run("--as", "yi", "media", "alt", digest, "x", code=1).err
    run("--as", "wen", "media", "alt", digest[:8], "新的话")
    assert run("media", "show", digest, "--json").json()["alt"] == "新的话"
    assert "no media" in run("media", "show", "0" * 64, code=1).err
    files = [str(tmp_path / "合影.jpg")] * 21
    assert "At most 20 files" in run("media", "add", *files, "--unit", "HH", code=2).err


def test_a_cover_is_cut_and_held_by_the_unit(run: Run, tmp_path: Path) -> None:
    Image.new("RGB", (800, 600), "red").save(tmp_path / "大.png")
    digest = run(
        "--as", "wen", "media", "add", tmp_path / "大.png", "--unit", "HH", "--alt", "升旗"
    ).out.split()[0]
    cut = ("media", "cut", digest, "--unit", "HH", "--shape", "1x1")
    (told,) = run("--as", "wen", *cut, "--width", "300", "--left", "9", "--json").json()
    shown = run("media", "show", told["sha256"], "--json").json()
    assert (shown["width"], shown["height"], shown["alt"], shown["units"]) == (300, 300, "升旗", ["HH"])
    assert told["file_name"] == "大-1x1.png"
    assert "800×600" in run(*cut, "--width", "300", "--left", "501", code=1).err
    assert "1x1" in run(*cut[:-1], "3x1", "--width", "300", code=2).err
    assert "may not do media.write" in run("--as", "yi", *cut, "--width", "300", code=1).err


def test_a_webhook_from_its_entry_to_its_end(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(answering(b"")) as server:
        monkeypatch.setattr("sys.stdin", io.StringIO(server.address("/hook?token=s3cr3t") + "\n"))
        told = run("webhook", "add", "门户", "--unit", "NM", "--event", "post.failed", "--json").json()
        assert told["secret"].startswith("whsec_") and told["host"] == "127.0.0.1"
        (row,) = run("webhook", "list", "--json").json()
        assert (row["unit"], row["events"], row["stopped"]) == ("NM", ["post.failed"], "")
        assert "s3cr3t" not in run("webhook", "list").out
        assert "HTTP 200" in run("webhook", "test", "门户").out
        (message,) = run("webhook", "log", "门户", "--json").json()
        assert (message["state"], message["tries"]) == ("delivered", 1)
        assert run("webhook", "resend", message["message"], "--json").json()["tries"] == 1
        assert len(server.requests) == 2
    failed = run("webhook", "test", "门户", "--json", code=1)
    assert "did not arrive" in failed.err and failed.json()["state"] == "given_up"
    (tmp_path / "address").write_text("http://10.0.0.1/x")
    refused = run("webhook", "add", "内网", "--unit", "NM", "--file", tmp_path / "address", code=2)
    assert "private_networks" in refused.err
    assert "may not do webhook.read" in run("--as", "wen", "webhook", "list", code=1).err
    run("webhook", "remove", "门户")
    assert "no webhook" in run("webhook", "log", "门户", code=1).err


def test_the_registration_form_is_written_for_whoever_reads_the_review(run: Run, tmp_path: Path) -> None:
    words = ("--account", "webhook:hh", "--due", "2099-06-01T09:00", "--title", "预告", "--text", "五四。")
    post = run("--as", "wen", "post", "draft", *words, "--json").json()["post"]
    run("--as", "wen", "review", "submit", post)
    for name in ("form.pdf", "form.png"):
        assert name in run("--as", "yi", "review", "form", post, "--out", tmp_path / name).out
    assert (tmp_path / "form.pdf").read_bytes().startswith(b"%PDF-")
    assert (tmp_path / "form.png").read_bytes().startswith(b"\x89PNG")
    assert "pdf" in run("review", "form", post, "--out", tmp_path / "form.doc", code=1).err
    assert "Cannot write" in run("review", "form", post, "--out", tmp_path / "no" / "f.pdf", code=1).err


def test_the_address_is_asked_for_beside_what_a_program_reads(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("https://127.0.0.1/hook\n"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    said = run("webhook", "add", "门户", "--unit", "NM", "--json")
    assert said.json()["host"] == "127.0.0.1" and "https://" not in said.out
    assert "address" in said.err
