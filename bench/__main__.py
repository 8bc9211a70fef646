"""`python -m bench [NAMES]`: run all measurements or some, print one table, keep it in bench/results/."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from pathlib import Path

from bench.frame import Ratio, table
from bench.stand import Stand
from cityops import clock
from cityops.errors import CityopsError

SUBJECTS = {
    "tiles": "a tile through the whole stack against the same statement in pgbench; an unchanged tile against an empty answer",
    "points": "point to cell: a million points against geopandas.sjoin, a single point against an empty request",
    "components": "loading a million components with codes, cells and history against ogr2ogr loading the same file",
    "sample": "the sample city against COPY of the same rows",
    "viewport": "p95 of one viewport (tile, list, detail) in the larger sample city against S",
}
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run what was asked for; exit code 1 when a measurement could not be made (a missed budget is not a failure)."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="\n".join(f"{name}: {what}" for name, what in SUBJECTS.items()))
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(SUBJECTS)}; all when none is given")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="how often both sides are measured in turn")
    parser.add_argument("--size", default="S", help="the sample city where one is wanted (S, M, L); viewport compares it with S")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in SUBJECTS]
    if unknown:
        parser.error(f"there is no subject {unknown[0]!r}; there are {', '.join(SUBJECTS)}")
    results: list[Ratio] = []
    failed = False
    with Stand(seconds=arguments.seconds, rounds=arguments.rounds, size=arguments.size) as stand:
        for name in arguments.names or SUBJECTS:
            stand.say(f"{name}: {SUBJECTS[name]}")
            try:
                results += importlib.import_module(f"bench.{name}").run(stand)
            except CityopsError as error:
                failed = True
                print(f"bench: {name}: {error.message}", file=sys.stderr)
    page = (
        f"# Measured {clock.now():%Y-%m-%d %H:%M} UTC on {os.cpu_count()} cores, Python {platform.python_version()}\n\n{table(results)}\n"
    )
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{clock.now():%Y%m%d-%H%M%S}.md"
    path.write_text(page, encoding="utf-8")
    print(page)
    print(f"kept in {path}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
