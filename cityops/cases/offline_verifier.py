"""Check an exported case file with nothing but Python: `python offline_verifier.py chain.jsonl [--photos FOLDER]`.

The file has one JSON object per line. The first names the case, the number of events and the digest of the last one; each
further line is one event: `text`, the exact characters that were hashed, and `digest`, in hexadecimal. The digest of an
event is sha256(digest of the event before it, then the UTF-8 bytes of its text); the first event stands on 32 zero bytes.
A file may hold several cases one after another. This module imports nothing outside the standard library, so it can be
copied to any machine; cityops itself uses its functions, so there is one reading of the rule.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

GENESIS = bytes(32)
FORMAT = "cityops-case-chain"
Result = tuple[str, int, list[tuple[str, str]]]
FIELDS = frozenset({"act", "actor", "at", "body", "from", "number", "post", "seq", "to"})
_writer = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def digest_of(prev_digest: bytes, text: str) -> bytes:
    """The digest of an event: 32 bytes."""
    return hashlib.sha256(prev_digest + text.encode("utf-8")).digest()


def canonical(record: dict[str, Any]) -> str:  # Any: JSON values
    """The one way to write an event: keys sorted, no spaces, UTF-8 characters as they are."""
    return _writer.encode(record)


def read(text: str) -> dict[str, Any]:  # Any: JSON values
    """The event a text holds; raises ValueError when it is not one, whatever was done to it."""
    record = json.loads(text)
    if not isinstance(record, dict) or not record.keys() >= FIELDS:
        raise ValueError("fields are missing")
    if not isinstance(record["at"], str) or not isinstance(record["body"], dict):
        raise ValueError("a field has the wrong type")
    photos = record["body"].get("photos", [])
    if not isinstance(photos, list) or not all(isinstance(photo, dict) and is_digest(photo.get("digest")) for photo in photos):
        raise ValueError("the list of photos is damaged")
    return record


def is_digest(value: object) -> bool:
    """Whether a value is a sha256 in lower-case hexadecimal."""
    return isinstance(value, str) and len(value) == 64 and all(c in "0123456789abcdef" for c in value)


class ChainCheck:
    """Follows one chain, event by event, and collects what is wrong with it as (code, detail) pairs."""

    def __init__(self, number: str) -> None:
        self.number = number
        self.seq = 0
        self.digest = GENESIS
        self.state: str | None = None
        self.at = ""
        self.photos: list[str] = []
        self.faults: list[tuple[str, str]] = []

    def fault(self, code: str, detail: str) -> None:
        """Note a fault."""
        self.faults.append((code, detail))

    def add(self, text: str, digest: bytes) -> dict[str, Any] | None:  # Any: JSON values
        """Check the next event; `digest` is what was stored beside it."""
        self.seq += 1
        computed = digest_of(self.digest, text)
        if computed != digest:
            self.fault("digest-mismatch", f"event {self.seq} was changed, removed or put in another place")
        self.digest = digest
        try:
            record = read(text)
        except ValueError as error:
            self.fault("not-readable", f"event {self.seq}: {error}")
            return None
        if canonical(record) != text:
            self.fault("not-canonical", f"event {self.seq} is not written in the canonical form")
        if record["seq"] != self.seq:
            self.fault("gap", f"event {record['seq']} stands where event {self.seq} is expected")
        if record["number"] != self.number:
            self.fault("foreign-event", f"event {self.seq} belongs to case {record['number']}")
        if record["from"] != self.state:
            self.fault("broken-path", f"event {self.seq} leaves {record['from']}, but the case was at {self.state}")
        if record["at"] < self.at:
            self.fault("time-runs-back", f"event {self.seq} is older than the one before it")
        self.state, self.at = record["to"], record["at"]
        self.photos.extend(photo["digest"] for photo in record["body"].get("photos", []))
        return record

    def finish(self, event_count: int, head_digest: bytes) -> None:
        """Check the end of the chain against what is said about it elsewhere."""
        if self.seq != event_count:
            self.fault("count-mismatch", f"{self.seq} events found, {event_count} expected")
        if self.digest != head_digest:
            self.fault("head-mismatch", "the last event is not the one the case stands on")


def check_file(lines: Iterable[str], photo_exists: Callable[[str], bool] | None = None) -> Iterator[Result]:
    """Check every case in `lines`; yields (number, events, faults). `photo_exists` is asked by hexadecimal digest."""
    chain: ChainCheck | None = None
    header: dict[str, Any] = {}
    for line in lines:
        if not line.strip():
            continue
        row = json.loads(line)
        if row.get("format") == FORMAT:
            if chain is not None:
                yield _finished(chain, header, photo_exists)
            chain, header = ChainCheck(row["number"]), row
        elif chain is None:
            raise ValueError(f"the file does not begin with a {FORMAT} header")
        else:
            chain.add(row["text"], bytes.fromhex(row["digest"]))
    if chain is None:
        raise ValueError("the file holds no case")
    yield _finished(chain, header, photo_exists)


def _finished(chain: ChainCheck, header: dict[str, Any], photo_exists: Callable[[str], bool] | None) -> Result:  # Any: JSON values
    chain.finish(header["event_count"], bytes.fromhex(header["head_digest"]))
    if photo_exists is not None:
        for digest in chain.photos:
            if not photo_exists(digest):
                chain.fault("photo-missing-or-changed", digest)
    return chain.number, chain.seq, chain.faults


def photos_in(folder: str) -> Callable[[str], bool]:
    """A function that tells whether a folder holds a file whose bytes have this digest."""
    found: set[str] = set()
    for parent, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(parent, name), "rb") as file:
                found.add(hashlib.sha256(file.read()).hexdigest())
    return found.__contains__


def main(arguments: list[str]) -> int:
    """Read the file named on the command line; the exit code is 0 when every chain holds, 1 when one does not, 2 on misuse."""
    if len(arguments) not in (1, 3) or (len(arguments) == 3 and arguments[1] != "--photos"):
        print("usage: python offline_verifier.py FILE [--photos FOLDER]", file=sys.stderr)
        return 2
    try:
        with open(arguments[0], encoding="utf-8", newline="") as lines:
            results = list(check_file(lines, photos_in(arguments[2]) if len(arguments) == 3 else None))
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{arguments[0]} cannot be checked: {error}", file=sys.stderr)
        return 2
    broken = 0
    for number, events, faults in results:
        for code, detail in faults:
            print(f"{number}: {code}: {detail}")
        broken += bool(faults)
        if not faults:
            print(f"{number}: {events} events, chain holds")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
