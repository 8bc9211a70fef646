"""`cityops cases`: proving the case file, and taking a chain out of the house."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from cityops import clock
from cityops.cases import offline_verifier, operations
from cityops.cases.verify import Walk, count_events, export_chain, walk
from cityops.cli.city import open_city, say
from cityops.cli.progress import progress
from cityops.db.session import unit_of_work
from cityops.errors import SetupError


class ChainFileNotWritable(SetupError):
    """{path} cannot be written: {reason}."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the noun `cases`."""
    parser = subparsers.add_parser("cases", help="the case file: verify, export-chain, tick")
    acts = parser.add_subparsers(metavar="ACT", required=True)
    verify = acts.add_parser("verify", help="walk every chain of events and name each fault")
    verify.add_argument("--case", metavar="NUMBER", help="only this case")
    verify.set_defaults(run=run_verify)
    export = acts.add_parser("export-chain", help="write the chain of cases to a file that anybody can check without cityops")
    export.add_argument("numbers", nargs="+", metavar="NUMBER")
    export.add_argument("--out", required=True, type=Path, metavar="FILE", help="where to write; the checking script is put beside it")
    export.set_defaults(run=run_export)
    tick = acts.add_parser("tick", help="do what has become due by itself: resume suspended cases whose date has come")
    tick.set_defaults(run=run_tick)


def run_tick(arguments: argparse.Namespace) -> None:
    """Resume what is to be resumed, some cases per transaction, and say how many."""
    resumed = 0
    with open_city() as city:
        while True:
            with unit_of_work(city.engine) as session:
                done = operations.resume_due(session, clock.now())
            resumed += done
            if not done:
                break
    say(f"{resumed:,} suspended cases resumed")


def run_verify(arguments: argparse.Namespace) -> int:
    """Check the chains; 0 when all hold, 1 when a fault was named."""
    seen = Walk()
    with open_city() as city:
        total = count_events(city.engine, arguments.case)
        with progress(total=total, text="verifying", unit="events") as bar:
            done = 0
            for findings in walk(city.engine, city.settings.media_dir, seen, arguments.case):
                for finding in findings:
                    print(f"{finding.number}: {finding.code}: {finding.detail}", flush=True)
                bar.update(seen.events - done)
                done = seen.events
    if seen.findings:
        print(f"{seen.findings:,} faults in {seen.cases:,} cases with {seen.events:,} events and {seen.photos:,} photos")
        return 1
    print(f"{seen.cases:,} cases, {seen.events:,} events and {seen.photos:,} photos: every chain holds")
    return 0


def run_export(arguments: argparse.Namespace) -> None:
    """Write the chains, and the script that checks them beside the file."""
    try:
        with open_city() as city, arguments.out.open("w", encoding="utf-8", newline="\n") as out:
            events = export_chain(city.engine, arguments.numbers, out)
        script = shutil.copy(offline_verifier.__file__, arguments.out.parent / "offline_verifier.py")
    except OSError as error:
        raise ChainFileNotWritable(path=arguments.out, reason=error.strerror, fix="choose a folder you may write to") from error
    say(f"{events} events written; check them anywhere with: python {script} {arguments.out}")
    sys.stdout.flush()
