"""The operating-system side of the private PostgreSQL: whose process it is, which ones are left over, how they are ended.

Linux only, since it reads /proc; everything here works on one data folder and never touches another cluster.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cityops.errors import SetupError

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class NoPostgresUser(SetupError):
    """PostgreSQL refuses to run as root, and this machine has no user named postgres."""


class FolderOfAnotherUser(SetupError):
    """The database folder {data_dir} belongs to {owner}, not to {user}."""


@dataclass(frozen=True)
class Account:
    """The user that the server runs as. `drop` is true when this process is root and must become that user."""

    uid: int
    gid: int
    name: str
    drop: bool

    def own(self, path: Path) -> None:
        """Give a file or folder to this user; nothing to do when it is ours already."""
        if self.drop:
            os.chown(path, self.uid, self.gid)


def account_for(data_dir: Path) -> Account:
    """The user for this data folder: ourselves, or, for root, the folder's owner, or else `postgres`."""
    owner = data_dir.stat().st_uid if data_dir.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner != os.geteuid():
            raise FolderOfAnotherUser(
                data_dir=data_dir,
                owner=_user_name(owner),
                user=_user_name(os.geteuid()),
                fix=f"run the command with sudo, as it was run first, or: sudo chown -R {_user_name(os.geteuid())} {data_dir.parent}",
            )
        return Account(os.geteuid(), os.getegid(), _user_name(os.geteuid()), drop=False)
    try:
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("postgres")
    except KeyError as error:
        raise NoPostgresUser(fix="useradd --system --no-create-home postgres") from error
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, drop=True)


def as_user(account: Account) -> dict[str, Any]:
    """What subprocess needs to run a server program as this user, undisturbed by our environment and folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    environment |= {"LC_ALL": "C.UTF-8", "HOME": "/"}
    if account.drop:
        return {"env": environment, "cwd": "/", "user": account.uid, "group": account.gid, "extra_groups": []}
    return {"env": environment, "cwd": "/"}


def die_with_parent(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` after which the kernel sends `death_signal` to the child when its parent ends, however it ends.

    It must run after the change of user, because that change clears the setting; subprocess does it in this order.
    """

    def set_signal() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent ended before the setting took effect
            os.kill(os.getpid(), signal.SIGKILL)

    return set_signal


def cluster_mark(data_dir: Path) -> str:
    """A name for the cluster in this folder that no other on this machine has; PostgreSQL shows it in every process title."""
    status = data_dir.stat()
    return f"cityops-{status.st_dev:08x}-{status.st_ino:016x}"


def server_processes(data_dir: Path) -> list[int]:
    """Every living process of the cluster in this folder: the server and its children, found by the mark in their titles.

    Titles can be read by everyone, while the working folder of another user's process is closed even to root in a container.
    """
    mark = cluster_mark(data_dir).encode()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                title = Path(f"/proc/{entry}/cmdline").read_bytes()
            except OSError:
                continue  # it ended while we looked
            program = title.split(b"\0", 1)[0]
            if mark in title and (program.startswith(b"postgres:") or program.endswith(b"/postgres")):
                found.append(int(entry))
    return found


def recorded_postmaster(data_dir: Path) -> int | None:
    """The process id in `postmaster.pid` if that process lives and serves this folder; None otherwise."""
    try:
        pid = int((data_dir / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if pid in server_processes(data_dir) else None


def end_leftovers(data_dir: Path, *, patience_s: float = 20.0) -> None:
    """End server processes whose server is gone: a killed server leaves a child alive until its query is done.

    They are children of this cluster only, their transactions cannot be committed any more, and the shared memory they hold
    would keep the next start from succeeding.
    """
    deadline = time.monotonic() + patience_s
    next_signal = signal.SIGTERM
    while processes := server_processes(data_dir):
        for pid in processes:
            _send(pid, next_signal)
        if time.monotonic() > deadline:
            next_signal = signal.SIGKILL
        elif time.monotonic() > deadline - patience_s / 2:
            next_signal = signal.SIGQUIT
        time.sleep(0.1)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself, which is what we wanted
        os.kill(pid, number)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
