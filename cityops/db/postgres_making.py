"""Making the data folder of the private PostgreSQL, whole or not at all, and saying why it failed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cityops.db.postgres_binaries import find_binaries
from cityops.db.postgres_process import Account, account_for, as_user
from cityops.errors import SetupError

SUPERUSER = "cityops"
SMALLEST_FREE_MB = 300
ELSEWHERE = Path("/var/lib/cityops")
"""Where the data goes when the user postgres may not enter the folder it was meant for."""
_HALF_MADE_FOR_S = 3600


class ClusterFailed(SetupError):
    """The private PostgreSQL in {data_dir} does not start: {reason}."""


class DiskFull(SetupError):
    """There is no room for the database: {free_mb} MB are free at {data_dir}, at least {needed_mb} MB are needed."""


def make(data_dir: Path, *, durable: bool, log_file: Path, say: Callable[[str], None]) -> None:
    """initdb in a folder beside the final one, renamed only when complete, so that a crash leaves nothing half made.

    As root in a place that is closed to the user postgres (a root's home), the data goes to ELSEWHERE and `data_dir` becomes
    a symbolic link to it. Raises ClusterFailed and DiskFull.
    """
    parent = data_dir.parent
    if data_dir.exists() and any(data_dir.iterdir()):
        raise ClusterFailed(data_dir=data_dir, reason="the folder is not empty and holds no database", fix=f"mv {data_dir} {data_dir}.old")
    free_mb = shutil.disk_usage(parent).free // 2**20
    if free_mb < SMALLEST_FREE_MB:
        fix = "free some space, or set CITYOPS_HOME to a larger disk"
        raise DiskFull(data_dir=parent, free_mb=free_mb, needed_mb=SMALLEST_FREE_MB, fix=fix)
    say(f"making the private database in {data_dir}")
    account = account_for(parent / "does-not-exist-yet")
    elsewhere = account.drop and not _reachable_by_others(parent)
    if elsewhere:
        ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
        parent = ELSEWHERE
    making = Path(tempfile.mkdtemp(prefix=f"{data_dir.name}.making-", dir=parent))
    account.own(making)
    _initdb(making, account, durable=durable, data_dir=data_dir, log_file=log_file)
    if data_dir.is_symlink():
        data_dir.unlink()  # it leads nowhere any more
    elif data_dir.exists():
        data_dir.rmdir()
    if elsewhere:
        final = making.with_name(making.name.replace("making-", ""))
        making.rename(final)
        data_dir.symlink_to(final)
        say(f"the data is in {final}, since the user {account.name} may not enter {data_dir.parent}")
    else:
        making.rename(data_dir)


def _initdb(making: Path, account: Account, *, durable: bool, data_dir: Path, log_file: Path) -> None:
    command = [
        *[find_binaries().program("initdb"), "--pgdata", str(making), "--username", SUPERUSER, "--auth", "trust"],
        *["--encoding", "UTF8", "--locale", "C.UTF-8"],
        *(["--data-checksums"] if durable else ["--no-sync"]),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, **as_user(account))
    if answer.returncode != 0:
        shutil.rmtree(making, ignore_errors=True)
        raise failure(data_dir, log_file, answer.stderr)
    with open(making / "postgresql.conf", "a") as file:
        file.write("\ninclude_if_exists = 'cityops.conf'\n")


def remove_half_made(data_dir: Path) -> None:
    """Clear away what an interrupted `make` has left. The caller holds the lock of `data_dir`."""
    for leftover in data_dir.parent.glob(f"{data_dir.name}.making-*"):
        shutil.rmtree(leftover)
    long_ago = time.time() - _HALF_MADE_FOR_S  # other cities use that folder too, and one may be in the making
    for leftover in ELSEWHERE.glob("*.making-*"):
        if os.geteuid() == 0 and leftover.stat().st_mtime < long_ago:
            shutil.rmtree(leftover)


def own_tree(data_dir: Path, account: Account) -> None:
    """Give a data folder that root has copied back to the server's user; PostgreSQL refuses one that is not its own."""
    if not account.drop or data_dir.stat().st_uid == account.uid:
        return
    for folder, _, files in os.walk(data_dir):
        for path in (Path(folder), *(Path(folder) / name for name in files)):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
    data_dir.chmod(0o700)


def failure(data_dir: Path, log_file: Path, output: str) -> SetupError:
    """The most telling line of what PostgreSQL wrote, as an error with what to do about it."""
    if "No space left on device" in output:
        free_mb = shutil.disk_usage(data_dir.parent).free // 2**20
        return DiskFull(data_dir=data_dir, free_mb=free_mb, needed_mb=SMALLEST_FREE_MB, fix="free some space and start again")
    told = re.findall(r"(?:PANIC|FATAL|initdb: error|ERROR):\s+(.+)", output)
    last_line = (output.strip().splitlines() or ["it said nothing"])[-1]
    return ClusterFailed(data_dir=data_dir, reason=(told[-1] if told else last_line).rstrip("."), fix=f"see {log_file}")


def _reachable_by_others(folder: Path) -> bool:
    """Whether any user may pass through this folder and all above it."""
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.resolve().parents))
