"""Passwords: argon2id with one setting, and a check that takes the same time for a login that does not exist."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cityops.identity.errors import SignInBusy

# OWASP's first recommendation for argon2id: 46 MiB and one lane, here with two passes instead of one.
_hasher = PasswordHasher(time_cost=2, memory_cost=47_104, parallelism=1)

_at_once = threading.BoundedSemaphore(4)
"""Each check holds 46 MiB; the semaphore keeps a storm of sign-ins from taking the machine's memory."""


def hash_password(password: str) -> str:
    """The argon2id hash, with its own random salt and its parameters inside."""
    with _Slot():
        return _hasher.hash(password)


def check_password(password_hash: str | None, password: str) -> bool:
    """Whether the password is right. With None (no such login) it works as long and says no."""
    with _Slot():
        try:
            _hasher.verify(password_hash if password_hash is not None else _nobody(), password)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def needs_new_hash(password_hash: str) -> bool:
    """Whether the hash was made with older parameters."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def _nobody() -> str:
    """A hash no password is known for, with the parameters of the real ones."""
    return _hasher.hash("nobody has this password, and nobody is asked for it")


def warm() -> None:
    """Make the hash for unknown logins now, so that the first such attempt is not slower than the rest."""
    _nobody()


class _Slot:
    """One of the few places for a hash in progress; waiting longer than ten seconds is refused instead of piling up."""

    def __enter__(self) -> None:
        if not _at_once.acquire(timeout=10):
            raise SignInBusy(fix="try again in a moment")

    def __exit__(self, *_: object) -> None:
        _at_once.release()
