"""The permission board: a page of memory shared by all processes of one machine that says "what you remember is old".

Every process may keep viewers in memory only because it compares three numbers on this board before it trusts one: one
for everybody, one for the user, one for the session. Whoever commits a change of permission writes new numbers before he
answers, so a revoked token fails on the very next request in every process, without a query per request.

Why this is safe. A number is random, so two writers can never restore an old value and need no lock. Writers change slot
ANY first and the specific slot second, both after their commit; readers read ANY and their slots before they load from
the database, the user's slot after it (only then is the user known), and ANY once more at the end. If the load missed a
commit, then either the reader saw a slot from before the change, which differs from now on, or he saw the new slot, and
then ANY had already changed since his first look and the entry is not kept. Slots are shared by hash: a collision costs
a needless reload, never a wrong answer. The notification of the database's own triggers (`viewers.py`) covers changes
made by other machines, by hand in psql, and a process that died between its commit and its mark on the board.
"""

from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.orm import Session

from cityops.db.session import after_commit

ANY, EVERYBODY = 0, 1
_USERS = 1024
_SESSIONS = 4096
_SLOTS = 2 + _USERS + _SESSIONS


class Change(NamedTuple):
    """What is old now: some users, some sessions (by token digest), or everything."""

    user_ids: tuple[int, ...] = ()
    digests: tuple[bytes, ...] = ()
    everybody: bool = False


def user_slot(user_id: int) -> int:
    """The slot of a user."""
    return 2 + user_id % _USERS


def session_slot(digest: bytes) -> int:
    """The slot of a session."""
    return 2 + _USERS + int.from_bytes(digest[:4], "big") % _SESSIONS


class Board:
    """The shared page of one installation, `<home>/permissions.board`. Raises OSError when it cannot be made or mapped."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, _SLOTS * 8)
            self._memory = mmap.mmap(descriptor, _SLOTS * 8)
        finally:
            os.close(descriptor)
        # Aligned 8-byte loads and stores: a reader never sees half a number.
        self.slots = memoryview(self._memory).cast("Q")
        _attached.add(self)

    def mark(self, change: Change) -> None:
        """Declare old whatever `change` names; visible to every process of the machine when this returns."""
        specific = [user_slot(user_id) for user_id in change.user_ids]
        specific += [session_slot(digest) for digest in change.digests]
        if change.everybody:
            specific.append(EVERYBODY)
        for slot in (ANY, *specific):
            self.slots[slot] = int.from_bytes(os.urandom(8), "big")


_attached: weakref.WeakSet[Board] = weakref.WeakSet()
"""The boards of this process. A change marks all of them: a needless mark on another city's board only costs a reload."""


def permission_changed(session: Session, *, user_ids: Iterable[int] = (), digests: Iterable[bytes] = (), everybody: bool = False) -> None:
    """Mark the boards as soon as the transaction of `session` is committed, before its caller is answered."""
    change = Change(tuple(user_ids), tuple(bytes(digest) for digest in digests), everybody)
    after_commit(session, lambda: mark_all(change))


def mark_all(change: Change) -> None:
    """Mark every board of this process."""
    for board in list(_attached):
        board.mark(change)
