"""Proving the case file: every chain walked from its first event to the row that stands on it, in one pass with flat memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Engine, Row, text

from cityops.cases.chain import instant
from cityops.cases.errors import CaseNotFound
from cityops.cases.offline_verifier import FORMAT, ChainCheck
from cityops.cases.told import COLUMNS, Told
from cityops.cases.workflow import case_workflow
from cityops.media import storage

BATCH_ROWS = 5_000


@dataclass(frozen=True)
class Finding:
    """One thing wrong: the case's number (or the district and day), a stable code, and a sentence."""

    number: str
    code: str
    detail: str


@dataclass
class Walk:
    """What a walk has seen so far."""

    cases: int = 0
    events: int = 0
    photos: int = 0
    findings: int = 0


def count_events(engine: Engine, number: str | None = None) -> int:
    """How many events a walk will read, for the progress bar."""
    where = "" if number is None else " WHERE case_id = (SELECT id FROM cases.cases WHERE number = :number)"
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM cases.events{where}"), {"number": number}).scalar_one())


def walk(engine: Engine, media_dir: Path, seen: Walk, number: str | None = None) -> Iterator[list[Finding]]:
    """Check every chain, or that of one case; yields the findings of each batch of events (often none).

    Everything is read from one snapshot, so cases that are worked on meanwhile do not look broken. Raises CaseNotFound.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
        if number is not None and connection.execute(text("SELECT 1 FROM cases.cases WHERE number = :n"), {"n": number}).first() is None:
            raise CaseNotFound(number=number, fix="give the whole number, such as 411303-20261120-00417")
        digests: dict[str, bool | None] = {}
        flow = case_workflow()
        chain: ChainCheck | None = None
        told = Told(flow)
        standing: Row[Any] | None = None
        found: list[Finding] = []
        options = {"stream_results": True, "yield_per": BATCH_ROWS, "max_row_buffer": BATCH_ROWS}
        with connection.execute(text(_ALL_EVENTS), {"number": number}, execution_options=options) as rows:
            for batch in rows.partitions(BATCH_ROWS):
                for row in batch:
                    if standing is None or row[0] != standing[0]:
                        if chain is not None and standing is not None:
                            found += _finished(chain, told, standing, seen, media_dir, digests)
                        chain, told = ChainCheck(row[1]), Told(flow)
                    standing = row
                    assert chain is not None
                    if row[6] is not None:
                        seen.events += 1
                        _add(chain, told, *row[6:16])
                seen.findings += len(found)
                yield found
                found = []
        if chain is not None and standing is not None:
            found += _finished(chain, told, standing, seen, media_dir, digests)
        found += _number_gaps(connection, number)
        seen.findings += len(found)
        yield found


_ALL_EVENTS = """
SELECT c.id, c.number, c.state, c.event_count, c.head_digest, c.version,
       e.seq, e.at, e.act, e.actor_id, e.actor_post, e.from_state, e.to_state, e.body, e.prev_digest, e.digest,
       CASE WHEN e.seq = c.event_count OR e.seq IS NULL THEN ARRAY(
           SELECT encode(m.digest, 'hex') FROM cases.photos AS p JOIN media.photos AS m ON m.id = p.photo_id
           WHERE p.case_id = c.id ORDER BY p.photo_id
       ) END AS photo_digests,
       {standing}
FROM cases.cases AS c
LEFT JOIN cases.events AS e ON e.case_id = c.id
WHERE CAST(:number AS text) IS NULL OR c.number = :number
ORDER BY c.id, e.seq
""".format(standing=", ".join(f"c.{name} AS held_{name}" for name in COLUMNS))


def _add(
    chain: ChainCheck, told: Told, seq: int, at: datetime, act: str, actor_id: int, post: str, source: str | None, target: str, body: str,
    prev_digest: bytes, digest: bytes,
) -> None:  # fmt: skip
    """Check one event, and that the columns beside its text say the same as the text; `told` hears it."""
    if prev_digest != chain.digest:
        chain.fault("link-broken", f"event {seq} does not stand on the one before it")
    record = chain.add(body, bytes(digest))
    if record is None:
        return
    columns = (seq, instant(at), act, actor_id, post, source, target)
    if columns != (record["seq"], record["at"], record["act"], record["actor"], record["post"], record["from"], record["to"]):
        chain.fault("column-differs", f"the columns of event {seq} do not say what its text says")
    told.add(record)


def _finished(
    chain: ChainCheck, told: Told, row: Row[Any], seen: Walk, media_dir: Path, digests: dict[str, bool | None]
) -> Iterator[Finding]:
    """The end of a chain against the row that stands on it, and its photos against the store."""
    seen.cases += 1
    chain.finish(row.event_count, bytes(row.head_digest))
    if chain.state != row.state:
        chain.fault("state-differs", f"the row says {row.state}, the chain ends at {chain.state}")
    held = {name: row._mapping[f"held_{name}"] for name in COLUMNS}
    if not chain.faults and (differing := told.differences(held)):
        # A broken chain cannot say what the row should be; its own faults come first.
        chain.fault("row-differs", f"the row does not say what the chain tells: {', '.join(differing)}")
    if row.photo_digests is not None and sorted(row.photo_digests) != sorted(chain.photos):
        chain.fault("photos-differ", "the photos linked to the case are not those of its chain")
    for digest in chain.photos:
        seen.photos += 1
        if digest not in digests:
            if len(digests) > 100_000:
                digests.clear()
            digests[digest] = storage.holds(media_dir, bytes.fromhex(digest))
        if digests[digest] is None:
            chain.fault("photo-missing", f"photo {digest} is not in the store")
        elif not digests[digest]:
            chain.fault("photo-changed", f"the file of photo {digest} has other bytes than were handed in")
    for code, detail in chain.faults:
        yield Finding(chain.number, code, detail)


def _number_gaps(connection: Any, number: str | None) -> Iterator[Finding]:
    """Numbers that are missing from the sequence of a district and day (a connection; Any keeps the driver out of the signature)."""
    if number is not None:
        return
    rows = connection.execute(
        text(
            """
            SELECT coalesce(k.district, f.district) AS district, coalesce(k.counted_on, f.counted_on) AS counted_on,
                   coalesce(k.last, 0) AS last, coalesce(f.n, 0) AS n, coalesce(f.highest, 0) AS highest
            FROM cases.number_counters AS k
            FULL JOIN (
                SELECT CAST(left(number, 6) AS char(6)) AS district, to_date(substr(number, 8, 8), 'YYYYMMDD') AS counted_on,
                       count(*) AS n, max(CAST(right(number, 5) AS integer)) AS highest
                FROM cases.cases GROUP BY 1, 2
            ) AS f ON f.district = k.district AND f.counted_on = k.counted_on
            WHERE k.last IS DISTINCT FROM f.n OR f.n <> f.highest
            ORDER BY 1, 2
            """
        )
    )
    for row in rows:
        yield Finding(
            f"{row.district}-{row.counted_on:%Y%m%d}",
            "number-gap",
            f"the counter gave {row.last} numbers, {row.n} cases exist, the highest is {row.highest}",
        )


def export_chain(engine: Engine, numbers: list[str], out: IO[str]) -> int:
    """Write the chains of these cases as lines that `offline_verifier.py` checks alone; returns the number of events."""
    written = 0
    with engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
        for number in numbers:
            case = connection.execute(
                text("SELECT id, number, state, event_count, head_digest FROM cases.cases WHERE number = :number"), {"number": number}
            ).first()
            if case is None:
                raise CaseNotFound(number=number, fix="give the whole number, such as 411303-20261120-00417")
            header = {
                "format": FORMAT, "version": 1, "number": case.number, "state": case.state, "event_count": case.event_count,
                "head_digest": bytes(case.head_digest).hex(), "exported_at": datetime.now(UTC).isoformat(),
            }  # fmt: skip
            out.write(json.dumps(header, ensure_ascii=False) + "\n")
            events = text("SELECT body, digest FROM cases.events WHERE case_id = :id ORDER BY seq")
            for event in connection.execute(events, {"id": case.id}):
                out.write(json.dumps({"text": event.body, "digest": bytes(event.digest).hex()}, ensure_ascii=False) + "\n")
                written += 1
    return written
