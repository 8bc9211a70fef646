"""Reading an OpenStreetMap extract: every tagged object with its geometry, and a count of what could not be drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import osmium
import osmium.geom
import shapely
from osmium.osm import Area, Node, Relation, Way

from cityops.errors import Invalid

ANNOTATIONS = frozenset({"source", "created_by", "note", "fixme", "FIXME", "attribution", "comment", "odbl", "type"})
"""Tags that say something about the data and nothing about the city."""


class ExtractUnreadable(Invalid):
    """{path} cannot be read as an OpenStreetMap extract: {reason}."""

    code = "osm-extract-unreadable"


@dataclass(frozen=True)
class Thing:
    """One object of the map. A closed way or a multipolygon has a `polygon`, a way a `line`, a node a `point`; degrees."""

    ref: str
    tags: dict[str, str]
    point: shapely.Point | None = None
    line: shapely.LineString | shapely.MultiLineString | None = None
    polygon: shapely.MultiPolygon | None = None


@dataclass
class Extract:
    """What a file holds. `box` is west, south, east, north in degrees: the file's own, or else that of its nodes."""

    path: Path
    things: list[Thing] = field(default_factory=list)
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    nodes: int = 0
    ways: int = 0
    relations: int = 0
    untagged: int = 0
    incomplete: Counter[str] = field(default_factory=Counter)
    """Tagged ways and relations that lie partly outside the file, by their first tag."""


def require_file(path: Path) -> None:
    """Raise ExtractUnreadable when there is no such file; cheap, so that a command can ask before it starts a database."""
    if not path.is_file():
        raise ExtractUnreadable(path=path, reason="there is no such file", field="file", fix="name an .osm.pbf or .osm file")


def read_extract(path: Path) -> Extract:
    """Read a `.osm.pbf`, `.osm` or `.osm.bz2` file. Raises ExtractUnreadable."""
    require_file(path)
    extract = Extract(path)
    try:
        _read(extract)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ExtractUnreadable(path=path, reason=reason, field="file", fix="name an .osm.pbf or .osm file") from error
    if not extract.nodes:
        raise ExtractUnreadable(path=path, reason="it holds no nodes", field="file", fix="download the extract again")
    return extract


def _read(extract: Extract) -> None:
    wkb = osmium.geom.WKBFactory()
    west = south = 180.0
    east = north = -180.0
    ways: dict[int, Thing] = {}
    relations: dict[int, dict[str, str]] = {}
    areas: dict[str, Thing] = {}
    for one in osmium.FileProcessor(str(extract.path)).with_areas():
        if isinstance(one, Node):
            extract.nodes += 1
            lon, lat = one.lon, one.lat
            west, south, east, north = min(west, lon), min(south, lat), max(east, lon), max(north, lat)
            if len(one.tags):
                extract.things.append(Thing(f"n{one.id}", _tags(one), point=shapely.Point(lon, lat)))
            else:
                extract.untagged += 1
        elif isinstance(one, Way):
            extract.ways += 1
            if not len(one.tags):
                extract.untagged += 1
                continue
            tags = _tags(one)
            line = _line(one)
            if line is None:
                extract.incomplete[first_tag(tags)] += 1
            else:
                ways[one.id] = Thing(f"w{one.id}", tags, line=line)
        elif isinstance(one, Relation):
            extract.relations += 1
            if len(one.tags):
                relations[one.id] = _tags(one)
        elif isinstance(one, Area):
            ref = f"{'w' if one.from_way() else 'r'}{one.orig_id()}"
            try:
                areas[ref] = Thing(ref, _tags(one), polygon=shapely.from_wkb(wkb.create_multipolygon(one)))
            except RuntimeError:
                extract.incomplete[first_tag(_tags(one))] += 1
    extract.things.extend(_joined(ways, relations, areas, extract.incomplete))
    extract.box = _header_box(extract.path) or (west, south, east, north)


def _line(way: Way) -> shapely.LineString | shapely.MultiLineString | None:
    """The way as far as its nodes are in the file; at the edge of an extract it may come in several runs, or be nothing at all."""
    runs: list[list[tuple[float, float]]] = [[]]
    for node in way.nodes:
        if not node.location.valid():
            runs.append([])
        elif not runs[-1] or runs[-1][-1] != (node.lon, node.lat):
            runs[-1].append((node.lon, node.lat))
    drawn = [shapely.LineString(run) for run in runs if len(run) > 1]
    if not drawn:
        return None
    return drawn[0] if len(drawn) == 1 else shapely.MultiLineString(drawn)


def _joined(
    ways: dict[int, Thing], relations: dict[int, dict[str, str]], areas: dict[str, Thing], incomplete: Counter[str]
) -> Iterator[Thing]:
    """Ways with the areas they close, and relations: a multipolygon with its area, any other without geometry."""
    for way in ways.values():
        area = areas.pop(way.ref, None)
        yield Thing(way.ref, way.tags, line=way.line, polygon=area.polygon if area else None)
    for number, tags in relations.items():
        area = areas.pop(f"r{number}", None)
        if area is None and tags.get("type") in ("multipolygon", "boundary"):
            incomplete[first_tag(tags)] += 1
            continue
        yield Thing(f"r{number}", tags, polygon=area.polygon if area else None)


def _tags(one: Node | Way | Relation | Area) -> dict[str, str]:
    return {tag.k: tag.v for tag in one.tags}


def _header_box(path: Path) -> tuple[float, float, float, float] | None:
    with osmium.io.Reader(str(path), osmium.osm.osm_entity_bits.NOTHING) as reader:
        box = reader.header().box()
        if not box.valid():
            return None
        return box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat


FEATURE_KEYS = (
    "highway", "amenity", "emergency", "natural", "man_made", "barrier", "power", "leisure", "landuse", "building", "building:part",
    "railway", "public_transport", "traffic_sign", "advertising", "tourism", "historic", "shop", "office", "craft", "healthcare",
    "waterway", "place", "boundary", "entrance", "traffic_calming", "crossing", "aeroway", "club", "indoor", "area:highway", "route",
    "restriction", "addr:housenumber", "street_cabinet", "noexit", "ford", "playground", "telecom", "communication:mobile_phone",
)  # fmt: skip
"""Keys that say what an object is, the most telling first."""


def first_tag(tags: dict[str, str]) -> str:
    """The tag by which an object is counted in a report: its most telling key with the value, or the key alone."""
    for key in FEATURE_KEYS:
        if key in tags:
            return f"{key}=*" if key in ("addr:housenumber", "entrance") else f"{key}={tags[key]}"
    rest = sorted(key for key in tags if key not in ANNOTATIONS)
    return f"{rest[0]}=*" if rest else f"type={tags['type']}" if "type" in tags else "(only remarks)"
