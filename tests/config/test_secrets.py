"""Sealing: opens for its owner and its keys only; the key file is whole, private, and never overwritten."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import MeizhenError
from config.secrets import KeyRing, Sealed, add_master_key, create_key_file, load_key_file

KEYS = KeyRing({1: b"\1" * 32}, b"\2" * 32)
BOTH = KeyRing({1: b"\1" * 32, 2: b"\3" * 32}, b"\2" * 32)


@given(plain=st.binary(max_size=500), owner=st.text(min_size=1, max_size=40))
def test_what_is_sealed_opens_for_its_owner_only(plain: bytes, owner: str) -> None:
    sealed = KEYS.seal(plain, owner)
    assert KEYS.open(sealed, owner) == plain
    for other in (f"{owner}x", owner[:-1], f"key {owner}"):
        with pytest.raises(MeizhenError):
            KEYS.open(sealed, other)


@given(data=st.data())
def test_no_changed_bit_goes_unseen(data: st.DataObject) -> None:
    sealed = KEYS.seal(b"secret", "account 1")
    part = data.draw(st.sampled_from(["wrapped_key", "ciphertext"]))
    content = bytearray(getattr(sealed, part))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(MeizhenError):
        KEYS.open(replace(sealed, **{part: bytes(content)}), "account 1")


@pytest.mark.parametrize("cut", [0, 1, 12, 20])
def test_a_shortened_secret_is_refused(cut: int) -> None:
    sealed = KEYS.seal(b"secret", "a")
    for short in (
        replace(sealed, ciphertext=sealed.ciphertext[:cut]),
        replace(sealed, wrapped_key=sealed.wrapped_key[:cut]),
    ):
        with pytest.raises(MeizhenError, match="do not open"):
            KEYS.open(short, "a")


def test_the_same_secret_never_looks_alike() -> None:
    assert len({KEYS.seal(b"secret", "a").ciphertext for _ in range(100)}) == 100


def test_a_rotated_secret_needs_the_new_key() -> None:
    old = KEYS.seal(b"secret", "a")
    new = BOTH.rotate(old, "a")
    assert (old.key_version, new.key_version) == (1, 2)
    assert BOTH.open(old, "a") == BOTH.open(new, "a") == b"secret"
    with pytest.raises(MeizhenError, match="do not open"):
        KEYS.open(new, "a")
    with pytest.raises(MeizhenError, match="do not open"):
        BOTH.open(Sealed(1, new.wrapped_key, new.ciphertext), "a")


def test_keys_do_not_show_themselves() -> None:
    assert repr(BOTH) == "KeyRing(versions=[1, 2])"


def test_a_new_key_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    create_key_file(path)
    before = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        create_key_file(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]


def test_of_several_that_make_the_key_file_at_once_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"

    def make(_: int) -> bool:
        try:
            create_key_file(path)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(make, range(8))) == 1
    load_key_file(path)


def test_a_new_master_key_keeps_the_older_ones(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    create_key_file(path)
    sealed = load_key_file(path).seal(b"secret", "a")
    assert [add_master_key(path), add_master_key(path)] == [2, 3]
    keys = load_key_file(path)
    assert keys.newest == 3 and keys.open(sealed, "a") == b"secret"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        json.dumps({"master": {"x": "AA=="}, "ledger": "AA=="}).encode(),
        json.dumps({"master": {"1": "AA=="}, "ledger": "A" * 43 + "="}).encode(),
        json.dumps({"master": {}, "ledger": "A" * 43 + "="}).encode(),
        json.dumps({"master": {"1": "A" * 43 + "="}}).encode(),
        json.dumps({"master": {"1": 5}, "ledger": "A" * 43 + "="}).encode(),
    ],
)
def test_another_file_is_not_taken_for_keys(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(MeizhenError, match="not a key file"):
        load_key_file(path)


def test_a_missing_or_open_key_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with pytest.raises(MeizhenError, match="is missing"):
        load_key_file(path)
    create_key_file(path)
    path.chmod(0o640)
    with pytest.raises(MeizhenError, match="chmod 600"):
        load_key_file(path)
