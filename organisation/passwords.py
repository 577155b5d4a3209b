"""Passwords: Argon2id at rest, at least ten characters, none that everybody tries first.

Nothing here tells whether a person exists: `verify_password` takes as long without a stored hash as with one.
"""

import secrets
import string
import unicodedata
from collections.abc import Iterable
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from config.errors import MeizhenError

MIN_LENGTH, MAX_LENGTH = 10, 256
# OWASP ASVS 5.0, appendix C: t=2 with 19 MiB; one verification takes some 30 ms.
_TIME_COST, _MEMORY_KIB, _LANES = 2, 19_456, 1
_AROUND = string.digits + string.punctuation + string.whitespace
_LEAST_SIGNS = 5  # different ones
_LEAST_NUMBER = 16  # digits alone: birthdays and telephone numbers are shorter


def check_password(password: str, *, own_words: Iterable[str] = ()) -> None:
    """Refuses what is too short, or what is guessed first.

    `own_words` are the person's login and name: a password made around one of them is refused. Raises
    MeizhenError `person.password_length` or `person.password_common`; neither holds the password.
    """
    told = unicodedata.normalize("NFKC", password)
    if not MIN_LENGTH <= len(told) <= MAX_LENGTH:
        raise MeizhenError("person.password_length", least=MIN_LENGTH, most=MAX_LENGTH)
    plain = told.casefold()
    core = plain.strip(_AROUND)
    digits_alone = plain.isdigit() and len(plain) < _LEAST_NUMBER
    own = {word.casefold() for word in own_words if len(word) > 1}
    if digits_alone or len(set(plain)) < _LEAST_SIGNS or {plain, core} & (_common() | own):
        raise MeizhenError("person.password_common")


def hash_password(password: str) -> str:
    """The password at rest."""
    return _hasher().hash(_bytes(password))


def verify_password(password: str, stored: str) -> tuple[bool, str | None]:
    """Is it the password of `stored`, and the hash to store instead where that is of older strength.

    '' is nobody's hash: then a hash that nothing fits is verified, so that it takes as long.
    """
    nobodys = _nobodys_hash()
    right, newer = _hasher().verify_and_update(_bytes(password), stored or nobodys)
    return right and bool(stored), newer


def _bytes(password: str) -> bytes:
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


@cache
def _hasher() -> PasswordHash:
    return PasswordHash((Argon2Hasher(time_cost=_TIME_COST, memory_cost=_MEMORY_KIB, parallelism=_LANES),))


@cache
def _nobodys_hash() -> str:
    return hash_password(secrets.token_urlsafe(32))


@cache
def _common() -> frozenset[str]:
    """The passwords that people choose most, from the list that zxcvbn brings (MIT)."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(word.casefold() for word in FREQUENCY_LISTS["passwords"] if len(word) > 3)
