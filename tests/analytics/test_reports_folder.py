"""Reports in a folder: below the root or not at all, whole or not at all, never over somebody's file."""

import os
from pathlib import Path

import pytest

from analytics.reports.deliveries import Outcome, State
from analytics.reports.folder import digest, put_files

NAME = "meizhen-weekly-2026-W46.xlsx"
TOKEN = "t" * 32


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "made" / NAME
    path.parent.mkdir()
    path.write_bytes(b"report")
    return path


def put(tmp_path: Path, source: Path, folder: str = "weekly/NM", *ours: str) -> Outcome:
    return put_files(tmp_path / "root", folder, {NAME: source}, {NAME: ours}, token=TOKEN)


def content(tmp_path: Path, folder: str = "weekly/NM") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tmp_path / "root" / folder).iterdir()}


@pytest.mark.parametrize("folder", ["", "weekly/NM"])
def test_files_are_put_below_the_root_and_nothing_else_is_left(
    tmp_path: Path, source: Path, folder: str
) -> None:
    assert put(tmp_path, source, folder) == Outcome(State.SENT)
    assert content(tmp_path, folder) == {NAME: b"report"}


def test_the_same_file_again_is_no_conflict(tmp_path: Path, source: Path) -> None:
    assert [put(tmp_path, source).state for _ in range(2)] == [State.SENT, State.SENT]


def test_an_older_file_of_ours_is_replaced(tmp_path: Path, source: Path) -> None:
    put(tmp_path, source)
    before = digest(source)
    source.write_bytes(b"with more figures")
    assert put(tmp_path, source, "weekly/NM", before).state is State.SENT
    assert content(tmp_path) == {NAME: b"with more figures"}


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_somebody_else_put_there_stays(tmp_path: Path, source: Path, kind: str) -> None:
    place = tmp_path / "root" / "weekly" / "NM"
    place.mkdir(parents=True)
    (tmp_path / "theirs").write_bytes(b"report")
    if kind == "file":
        (place / NAME).write_bytes(b"somebody's notes")
    elif kind == "folder":
        (place / NAME).mkdir()
    else:
        (place / NAME).symlink_to(tmp_path / "theirs")
    before = (place / NAME).lstat()
    assert put(tmp_path, source) == Outcome(State.FAILED, "folder_taken", NAME)
    assert (place / NAME).lstat() == before
    assert [path.name for path in place.iterdir()] == [NAME]


def test_a_file_that_comes_while_ours_is_written_stays(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def late(partial: Path, target: Path) -> None:
        target.write_bytes(b"theirs")
        link(partial, target)

    monkeypatch.setattr(os, "link", late)
    assert put(tmp_path, source) == Outcome(State.FAILED, "folder_taken", NAME)
    assert content(tmp_path) == {NAME: b"theirs"}


@pytest.mark.parametrize("folder", ["/tmp", "..", "a/../../b", "../root2", "a\\b", "a\nb", "x" * 300])  # noqa: S108
def test_a_name_that_leads_out_is_refused(tmp_path: Path, source: Path, folder: str) -> None:
    assert put(tmp_path, source, folder).code == "folder_outside"
    assert not (tmp_path / "root").exists()


def test_a_link_that_leads_out_is_refused(tmp_path: Path, source: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "weekly").symlink_to(tmp_path / "elsewhere")
    assert put(tmp_path, source).code == "folder_outside"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_full_disk_leaves_nothing_and_is_tried_again(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert put(tmp_path, source) == Outcome(State.PLANNED, "folder_not_writable", "No space left on device")
    assert content(tmp_path) == {}


def test_half_a_file_of_a_dead_node_is_taken_up(tmp_path: Path, source: Path) -> None:
    place = tmp_path / "root" / "weekly" / "NM"
    place.mkdir(parents=True)
    (place / f".{NAME}.{TOKEN}.partial").write_bytes(b"rep")
    assert put(tmp_path, source).state is State.SENT
    assert content(tmp_path) == {NAME: b"report"}


@pytest.mark.parametrize("code", [1, 95])
def test_a_drive_without_links_takes_files_too(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def none(_source: Path, _target: Path) -> None:
        raise OSError(code, "no links here")

    monkeypatch.setattr(os, "link", none)
    assert put(tmp_path, source).state is State.SENT
    assert content(tmp_path) == {NAME: b"report"}
