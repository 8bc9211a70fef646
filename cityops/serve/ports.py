"""Whether the address of the city is free, and if not, who has it."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from cityops.errors import SetupError


class PortTaken(SetupError):
    """Port {port} on {host} is already taken{by}."""


class AddressUnknown(SetupError):
    """The address {host} is not one of this machine ({reason})."""


class NoPort(SetupError):
    """{port} is not a port."""


class PortForbidden(SetupError):
    """Port {port} may only be opened by root."""


def require_free(host: str, port: int, *, patience_s: float = 3.0) -> None:
    """Return when the address can be listened on; a server just ending gets `patience_s` to let go. Raises SetupError."""
    if not 1 <= port <= 65535:
        raise NoPort(port=port, fix="choose one from 1024 to 65535: CITYOPS_PORT=8000")
    deadline = time.monotonic() + patience_s
    while True:
        try:
            _try(host, port)
        except PermissionError as error:
            raise PortForbidden(port=port, fix="choose one above 1023: CITYOPS_PORT=8000 make run") from error
        except socket.gaierror as error:
            raise AddressUnknown(host=host, reason=error.strerror, fix="CITYOPS_HOST=127.0.0.1, or 0.0.0.0 for every address") from error
        except OSError as error:
            if error.errno != 98:  # EADDRINUSE
                raise AddressUnknown(
                    host=host, reason=error.strerror, fix="CITYOPS_HOST=127.0.0.1, or 0.0.0.0 for every address"
                ) from error
            if time.monotonic() > deadline:
                raise _taken(host, port) from error
            time.sleep(0.2)
        else:
            return


def _try(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT are nobody's
        probe.bind(address)
        probe.listen(1)


def _taken(host: str, port: int) -> PortTaken:
    holder = listener(port)
    other = next((candidate for candidate in range(port + 1, port + 50) if _free(host, candidate)), port + 1)
    if holder is None:
        return PortTaken(port=port, host=host, by="", fix=f"CITYOPS_PORT={other} make run")
    pid, name = holder
    return PortTaken(port=port, host=host, by=f" by process {pid} ({name})", fix=f"kill {pid}, or CITYOPS_PORT={other} make run")


def _free(host: str, port: int) -> bool:
    try:
        _try(host, port)
    except OSError:
        return False
    return True


def listener(port: int) -> tuple[int, str] | None:
    """Process id and command of whoever listens on this TCP port, when /proc lets us see it."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for entry in os.listdir("/proc") if inodes else ():
        if entry.isdigit():
            try:
                for descriptor in os.listdir(f"/proc/{entry}/fd"):
                    if os.readlink(f"/proc/{entry}/fd/{descriptor}") in inodes:
                        command = Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                        return int(entry), command[:60]
            except OSError:
                continue  # another user's process, or one that has just ended
    return None
