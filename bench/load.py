"""Load: wrk for the web, pgbench for the database. Both run for a given time and answer with a rate."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from cityops.db.cluster import find_binaries
from cityops.errors import SetupError

LUA = """
local paths = {{ {paths} }}
local headers = {{ {headers} }}
local ready, at = {{}}, 0
function init(args)
    for number, path in ipairs(paths) do ready[number] = wrk.format("GET", path, headers) end
end
function request()
    at = at % #ready + 1
    return ready[at]
end
function done(summary, latency)
    local wrong = summary.errors.connect + summary.errors.read + summary.errors.timeout + summary.errors.status
    io.write(string.format("RATE %f ERRORS %d\\n", summary.requests / summary.duration * 1e6, wrong))
end
"""


def wrk(
    root: str, paths: Sequence[str], headers: Mapping[str, str], *, connections: int, seconds: float, workdir: Path, status: int = 200
) -> float:
    """Requests per second over the paths in turn. The first is asked once before and must have `status`; no later one may fail."""
    binary = shutil.which("wrk")
    if binary is None:
        raise SetupError(reason="wrk is missing; apt-get install wrk")
    script = workdir / "load.lua"
    quoted = ", ".join(f'"{path}"' for path in paths)
    header_lines = ", ".join(f'["{name}"] = {lua_text(value)}' for name, value in headers.items())
    script.write_text(LUA.format(paths=quoted, headers=header_lines))
    _expect_status(root + paths[0], headers, status)
    command = [binary, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(script), root]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"RATE ([\d.]+) ERRORS (\d+)", output)
    if found is None or found[2] != "0":
        raise SetupError(reason=f"the load on {root} met errors:\n{output}")
    return float(found[1])


def lua_text(value: str) -> str:
    """A text as Lua reads it."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _expect_status(url: str, headers: Mapping[str, str], status: int) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""), headers=dict(headers))
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != status:
        raise SetupError(reason=f"{url} answers {answer.status} where {status} was expected")


def pgbench(dsn: str, scripts: Sequence[str], *, clients: int, seconds: float, workdir: Path) -> float:
    """Transactions per second of prepared statements, one script text per variant, chosen at random.

    JIT is off as in the product, because compiling a plan costs more than such statements.
    """
    files = []
    for number, text in enumerate(scripts):
        path = workdir / f"pgbench_{number}.sql"
        path.write_text(text)
        files += ["-f", str(path)]
    command = [
        find_binaries().program("pgbench"),
        "-n",
        "-M",
        "prepared",
        f"-c{clients}",
        "-j1",
        f"-T{max(1, round(seconds))}",
        *files,
        dsn,
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PGOPTIONS": "-c jit=off"})
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or found is None:
        raise SetupError(reason=f"pgbench failed: {done.stderr.strip().splitlines()[-1:]}")
    return float(found[1])
