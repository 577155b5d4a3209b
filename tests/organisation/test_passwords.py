"""Passwords: what is guessed first is refused, what is kept is Argon2id, nobody's takes as long."""

from functools import cache

import pytest
from hashing import real_hasher
from pwdlib import PasswordHash

from config import MeizhenError
from organisation import passwords
from organisation.passwords import check_password, hash_password, verify_password


@pytest.fixture(autouse=True)
def _at_full_strength(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", real_hasher)
    monkeypatch.setattr(passwords, "_nobodys_hash", cache(passwords._nobodys_hash.__wrapped__))


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "person.password_length"),
        ("a b c d e", "person.password_length"),
        ("九个汉字不够长呀。", "person.password_length"),
        ("x" * 257, "person.password_length"),
        ("1234567890", "person.password_common"),
        ("19900504", "person.password_length"),
        ("13947112233", "person.password_common"),  # a telephone number
        ("aaaaaaaaaaaa", "person.password_common"),
        ("Password123!", "person.password_common"),
        ("!!dragon2024", "person.password_common"),
        ("ｐａｓｓｗｏｒｄ１２３", "person.password_common"),  # the same in full-width letters
        ("zhangsan2026", "person.password_common"),
        ("张三19900504", "person.password_common"),
    ],
)
def test_what_is_guessed_first_is_refused(password: str, code: str) -> None:
    with pytest.raises(MeizhenError) as error:
        check_password(password, own_words=("zhangsan", "张三"))
    assert error.value.code == code
    assert not password or password not in str(error.value)


@pytest.mark.parametrize("password", ["correct horse battery", "草原上的云走得很慢呢", "kq8-vvz-31x-0p"])
def test_what_nobody_guesses_is_taken(password: str) -> None:
    check_password(password, own_words=("zhangsan", "张三"))


def test_a_password_is_kept_as_argon2id_of_its_own_salt() -> None:
    one, other = hash_password("草原上的云走得很慢呢"), hash_password("草原上的云走得很慢呢")
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$") and one != other
    assert verify_password("草原上的云走得很慢呢", one) == (True, None)
    assert verify_password("草原上的云走得很快呢", one)[0] is False


def test_composed_and_decomposed_letters_are_one_password() -> None:
    assert verify_password("schne\u0301e am abend", hash_password("schn\u00e9e am abend"))[0]


def test_a_hash_of_older_strength_is_renewed() -> None:
    from pwdlib.hashers.argon2 import Argon2Hasher

    weak = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8192, parallelism=1),)).hash(
        "some old password"
    )
    right, newer = verify_password("some old password", weak)
    assert right and newer is not None and "m=19456,t=2" in newer


def test_nobodys_hash_fits_nothing_and_is_as_strong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verify_password("", "") == (False, None)
    asked: list[str] = []
    real = PasswordHash.verify_and_update

    def counting(self: PasswordHash, password: str | bytes, stored: str) -> tuple[bool, str | None]:
        asked.append(stored)
        return real(self, password, stored)

    monkeypatch.setattr(passwords.PasswordHash, "verify_and_update", counting)
    verify_password("whatever it is", "")
    verify_password("whatever it is", hash_password("another password"))
    nobodys, somebodys = asked
    assert nobodys.split("$")[1:4] == somebodys.split("$")[1:4]


def test_half_a_character_is_a_password_too() -> None:
    assert verify_password("ab\ud800cdefghij", hash_password("ab\ud800cdefghij"))[0]
