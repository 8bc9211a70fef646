"""The sample city against COPY of the very same rows from ready-made files: what making a city costs beyond storing it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import Engine, text

from bench.frame import Ratio, times
from bench.stand import UNTIL, Stand

LOADER = """
import resource, sys, time
from datetime import datetime
from cityops.config import Settings
from cityops.db.engine import make_engine
from cityops.sample import load

url, home, size, until = sys.argv[1:]
began = time.perf_counter()
load(make_engine(url), Settings.from_env({"CITYOPS_HOME": home}), size=size, seed=1, until=datetime.fromisoformat(until))
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
FILLED = "SELECT schemaname || '.' || relname FROM pg_stat_user_tables WHERE schemaname <> 'public' ORDER BY 1"


def run(stand: Stand) -> list[Ratio]:
    """One load of each, since a load takes minutes at M; the loader runs in a process of its own, whose memory is told."""
    engine, _ = stand.database(f"sample_{stand.size.lower()}")
    stand.say(f"sample city {stand.size}")
    url = engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-c", LOADER, url, str(stand.workdir / "home"), stand.size, UNTIL.isoformat()],
        check=True,
        capture_output=True,
        text=True,
    )
    mine, memory_mb = (float(part) for part in done.stdout.split()[-2:])
    folder = stand.workdir / "copied"
    folder.mkdir(exist_ok=True)
    tables = _write_files(engine, folder)
    target, _ = stand.database(f"copied_{stand.size.lower()}")
    stand.say("COPY of the same rows")
    theirs = _read_files(target, folder, tables)
    note = f"loader's memory {memory_mb:,.0f} MB; {sum(tables.values()):,} rows in {len(tables)} tables"
    return [times(f"sample city {stand.size}", "COPY of its rows", (mine, theirs, mine / theirs), 4.0, note)]


def _write_files(engine: Engine, folder: Path) -> dict[str, int]:
    tables = {}
    with engine.connect() as connection:
        names = connection.execute(text(FILLED)).scalars().all()
        cursor = connection.connection.driver_connection.cursor()  # type: ignore[union-attr]  # it is psycopg's
        for name in names:
            columns = connection.execute(
                text(
                    "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = to_regclass(:name)"
                    " AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
                ),
                {"name": name},
            ).scalar_one()
            (folder / f"{name}.columns").write_text(columns)
            with (folder / name).open("wb") as file, cursor.copy(f"COPY (SELECT {columns} FROM {name}) TO STDOUT") as rows:
                for block in rows:
                    file.write(block)
            tables[name] = int(connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one())
    return {name: count for name, count in tables.items() if count}


def _read_files(engine: Engine, folder: Path, tables: dict[str, int]) -> float:
    """Seconds to COPY the files into the migrated tables with their indexes, foreign keys and triggers at rest."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(f"TRUNCATE {', '.join(tables)} CASCADE"))
        cursor = connection.connection.driver_connection.cursor()  # type: ignore[union-attr]  # it is psycopg's
        began = time.perf_counter()
        for name in tables:
            columns = (folder / f"{name}.columns").read_text()
            with (folder / name).open("rb") as file, cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as sink:
                while block := file.read(1 << 18):
                    sink.write(block)
    return time.perf_counter() - began
