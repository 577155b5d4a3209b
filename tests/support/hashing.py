"""Passwords of tests at Argon2's least cost: the real one is some 30 ms for every sign-in.

`tests/organisation/test_passwords.py` holds the real one.
"""

from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from organisation import passwords

real_hasher = passwords._hasher


@cache
def cheap_hasher() -> PasswordHash:
    return PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))


def hash_cheaply() -> None:
    """From here on, in this process; before the first password of a test is made."""
    passwords._hasher = cheap_hasher
