"""A forged backup is refused before anything is written, also one made with the house's own key."""

import gzip
import os
import tarfile
from pathlib import Path
from random import Random

import pytest
from backups import Entry, Home, bare_home, content_of, entries_of, entry, made_home, sealed, written

from config import MeizhenError
from meizhen.backup import check_backup, restore, take_backup
from meizhen.backup.bundle import FIRST, MANIFEST, SUMS


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Home:
    folder = tmp_path_factory.mktemp("house")
    made = made_home(folder / "home", "", template=_sqlite_template)
    for name in ("aa", "ab"):
        (made.folder / "media" / name).mkdir()
        (made.folder / "media" / name / "1").write_bytes(name.encode() * 300)
    return made


@pytest.fixture(scope="module")
def backup(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with home.opened() as house:
        return take_backup(house, tmp_path_factory.mktemp("out") / "b.tar").file


def refused(file: Path, home: Home, tmp_path: Path) -> str:
    """The code of the refusal; nothing was written anywhere."""
    (tmp_path / "inner").mkdir()
    target = bare_home(tmp_path / "inner" / "target", "", home)
    before = content_of(tmp_path)
    with pytest.raises(MeizhenError) as error:
        restore(file, target.variables)
    assert content_of(tmp_path) == before
    return error.value.code


HOSTILE: dict[str, tuple[list[Entry], str]] = {
    "above": ([entry("../escaped")], "backup.bad_name"),
    "above_within": ([entry("media/../../escaped")], "backup.bad_name"),
    "absolute": ([entry("/var/escaped")], "backup.bad_name"),
    "backslash": ([entry("media/..\\escaped")], "backup.bad_name"),
    "hidden": ([entry("media/.ssh/x")], "backup.bad_name"),
    "key_file": ([entry("keys.json")], "backup.bad_name"),
    "unknown_folder": ([entry("web/x")], "backup.bad_name"),
    "newline": ([entry("media/a\nb")], "backup.bad_name"),
    "no_name": ([entry("media/")], "backup.bad_name"),
    "surrogate": ([entry("media/\udcff")], "backup.bad_name"),
    "symlink": ([entry("media/l", b"", tarfile.SYMTYPE, "/etc")], "backup.not_a_file"),
    "hard_link": ([entry("media/l", b"", tarfile.LNKTYPE, "settings.toml")], "backup.not_a_file"),
    "device": ([entry("media/d", b"", tarfile.CHRTYPE)], "backup.not_a_file"),
    "pipe": ([entry("media/p", b"", tarfile.FIFOTYPE)], "backup.not_a_file"),
    "folder": ([entry("media/d", b"", tarfile.DIRTYPE)], "backup.not_a_file"),
    "sparse": ([entry("media/s", b"", tarfile.GNUTYPE_SPARSE)], "backup.not_a_file"),
    "extension": ([entry("media/x", b"", tarfile.XHDTYPE)], "backup.not_a_file"),
    "out_of_order": ([entry("media/aa/0"), entry("archive/a")], "backup.bad_name"),
    "twice": ([entry("media/b"), entry("media/b")], "backup.bad_name"),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_file_is_refused_though_sums_and_seal_are_right(
    name: str, backup: Path, home: Home, tmp_path: Path
) -> None:
    added, code = HOSTILE[name]
    forged = sealed(tmp_path / "f.tar", [*entries_of(backup), *added], home.keys)
    assert refused(forged, home, tmp_path) == code


def test_a_size_that_is_not_there_is_neither_waited_for_nor_made_room_for(
    backup: Path, home: Home, tmp_path: Path
) -> None:
    info, content = entry("media/zz")
    info.size = 1 << 50
    parts = entries_of(backup)
    at = next(place for place, (one, _) in enumerate(parts) if one.name == SUMS)
    forged = written(tmp_path / "f.tar", [*parts[:at], (info, content), *parts[at:]])
    assert refused(forged, home, tmp_path) == "backup.cut_off"


def test_what_somebody_compressed_is_no_backup(backup: Path, home: Home, tmp_path: Path) -> None:
    """So that nothing can unpack to more than it is."""
    packed = tmp_path / "b.tar.gz"
    packed.write_bytes(gzip.compress(backup.read_bytes()))
    assert refused(packed, home, tmp_path) == "backup.not_one"


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"\0" * 20_000, os.urandom(4096)])
def test_other_files_are_no_backup(content: bytes, home: Home, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    assert refused(tmp_path / "x", home, tmp_path) == "backup.not_one"


def test_a_tar_without_our_first_file_is_none_and_a_folder_or_a_pipe_is_not_read(
    backup: Path, home: Home, tmp_path: Path
) -> None:
    assert refused(written(tmp_path / "f.tar", entries_of(backup)[1:]), home, tmp_path) == "backup.not_one"
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe", tmp_path / "nothing"):
        with pytest.raises(MeizhenError) as error:
            check_backup(place)
        assert error.value.code == "backup.unreadable"


def test_a_wrong_sum_and_a_seal_of_others_are_refused(backup: Path, home: Home, tmp_path: Path) -> None:
    parts = entries_of(backup)
    changed = [
        (info, b"y" * len(body)) if info.name == "media/ab/1" else (info, body) for info, body in parts
    ]
    wrong = written(tmp_path / "f.tar", changed)
    with pytest.raises(MeizhenError) as named:
        check_backup(wrong)
    assert (named.value.code, named.value.params["file"]) == ("backup.damaged", "'media/ab/1'")
    assert refused(wrong, home, tmp_path) == "backup.damaged"
    stranger = made_home(tmp_path / "stranger", "").keys
    forged = sealed(tmp_path / "s.tar", parts, stranger)
    assert check_backup(forged).id  # whole in itself
    with pytest.raises(MeizhenError) as error:
        check_backup(forged, home.keys)
    assert error.value.code == "backup.not_sealed"


def test_a_manifest_that_counts_otherwise_is_refused(backup: Path, home: Home, tmp_path: Path) -> None:
    parts = entries_of(backup)
    for number, changed in enumerate(
        ({"size": 1}, {"folders": {}}, {"kind": "postgresql"}, {"sums": "0" * 64})
    ):
        forged = sealed(tmp_path / f"{number}.tar", parts, home.keys, **changed)
        with pytest.raises(MeizhenError) as error:
            check_backup(forged, home.keys)
        assert error.value.code == "backup.damaged"
    garbled = [
        (info, b"{}" + b" " * (len(body) - 2)) if info.name == MANIFEST else (info, body)
        for info, body in parts
    ]
    with pytest.raises(MeizhenError) as broken:
        check_backup(written(tmp_path / "g.tar", garbled))
    assert broken.value.code == "backup.damaged"


def test_wherever_it_is_cut_off_it_is_not_whole(backup: Path, tmp_path: Path) -> None:
    content, chance = backup.read_bytes(), Random(7)
    places = [*(chance.randrange(len(content)) for _ in range(40)), *range(512, 4096, 512)]
    for place in [*places, len(content) - 512, len(content) - 1]:
        (tmp_path / "cut.tar").write_bytes(content[:place])
        with pytest.raises(MeizhenError) as error:
            check_backup(tmp_path / "cut.tar")
        assert error.value.code in {"backup.cut_off", "backup.damaged", "backup.not_one"}
    (tmp_path / "cut.tar").write_bytes(content + b"more")
    with pytest.raises(MeizhenError):
        check_backup(tmp_path / "cut.tar")


def test_a_single_bit_anywhere_is_found(backup: Path, home: Home, tmp_path: Path) -> None:
    """Or means nothing: how a number in a header is filled up."""
    whole, chance = backup.read_bytes(), Random(11)
    told = check_backup(backup, home.keys)
    for place in [*(chance.randrange(len(whole)) for _ in range(60)), *range(0, 2048, 23)]:
        content = bytearray(whole)
        content[place] ^= 1 << chance.randrange(8)
        (tmp_path / "bit.tar").write_bytes(content)
        try:
            found = check_backup(tmp_path / "bit.tar", home.keys)
        except MeizhenError as error:
            assert error.code.startswith("backup."), place
        else:
            assert found == told, place
    assert entries_of(backup)[0][0].name == FIRST
