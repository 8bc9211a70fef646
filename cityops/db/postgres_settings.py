"""The settings of the private PostgreSQL, fitted to the machine at every start.

They live in `cityops.conf` inside the data folder, included by `postgresql.conf`. What an operator sets with ALTER SYSTEM
is read later by PostgreSQL and therefore wins.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_MB = 1024 * 1024


def memory_mb() -> int:
    """Memory this process may use, in MB: the machine's, or the limit of its container when that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MB
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return total
    return min(total, int(limit) // _MB) if limit.isdigit() else total


def settings_text(socket_dir: Path, port: int, cluster_name: str, *, durable: bool) -> str:
    """The text of `cityops.conf`. `durable=False` gives up safety against a crash for speed: for tests only."""
    memory = memory_mb()
    # Tests start several clusters beside a browser and a compiler, so theirs stay small.
    shared_buffers = min(max(memory // 4, 128), 4096) if durable else min(max(memory // 16, 64), 256)
    values: dict[str, str | int] = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_dir),
        "unix_socket_permissions": "0700",
        "port": port,
        "cluster_name": cluster_name,
        "max_connections": 200,
        "shared_buffers": f"{shared_buffers}MB",
        "effective_cache_size": f"{max(memory * 6 // 10, 256)}MB",
        "work_mem": f"{min(max(memory // 256, 8), 64)}MB",
        "maintenance_work_mem": f"{min(max(memory // 16, 64), 1024)}MB",
        "dynamic_shared_memory_type": _dynamic_memory(),
        "jit": "off",  # compiling costs more than it saves on queries of milliseconds
        "random_page_cost": "1.1",  # solid state
        "effective_io_concurrency": 100,
        "wal_compression": "on",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "log_min_messages": "warning",
        "log_line_prefix": "%m [%p] ",
        "lc_messages": "C",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    if not durable:
        values |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "1GB"}
    lines = [f"{name} = '{str(value).replace(chr(39), chr(39) * 2)}'" for name, value in values.items()]
    return "# Written by cityops at every start; your own settings belong into ALTER SYSTEM.\n" + "\n".join(lines) + "\n"


def _dynamic_memory() -> str:
    """Containers often get 64 MB of /dev/shm, too little for parallel queries: then PostgreSQL shall use files."""
    try:
        return "posix" if shutil.disk_usage("/dev/shm").total >= 512 * _MB else "mmap"
    except OSError:
        return "mmap"
