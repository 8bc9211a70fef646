"""From map objects to what the city keeps: components, features of the base layers, named quarters; and what nobody wanted."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

import shapely

from cityops.exchange.osm_reading import Extract, Thing, first_tag
from cityops.exchange.osm_tags import TagRule, TagTable

QUARTERS = ("suburb", "quarter", "neighbourhood", "borough")
TOWNS = ("city", "town", "municipality", "village")
STOREY_M = 3.2
KEPT_TAGS = (
    "ref",
    "name",
    "operator",
    "species",
    "genus",
    "height",
    "capacity",
    "material",
    "lamp_type",
    "fire_hydrant:type",
    "start_date",
    "surface",
)
"""Tags kept as attributes of a component; everything else stays in OpenStreetMap, where the reference leads."""


@dataclass(frozen=True)
class Found:
    """A component: class, geometry in degrees, name, and the attributes that are kept."""

    edition: str
    class_code: str
    geom: shapely.Geometry
    name: str | None
    attributes: dict[str, object]


@dataclass
class Sorted:
    """The objects of an extract by what becomes of them. Base layers: geometry in degrees and the values of their columns."""

    components: list[Found] = field(default_factory=list)
    roads: list[tuple[shapely.Geometry, str | None, str, float | None]] = field(default_factory=list)
    water: list[tuple[shapely.Geometry, str | None]] = field(default_factory=list)
    green: list[tuple[shapely.Geometry, str | None]] = field(default_factory=list)
    buildings: list[tuple[shapely.Geometry, float | None, str | None]] = field(default_factory=list)
    coast: list[shapely.Geometry] = field(default_factory=list)
    boundaries: list[tuple[int, str, shapely.Geometry]] = field(default_factory=list)
    quarters: list[tuple[str, shapely.Point]] = field(default_factory=list)
    town: str | None = None
    mapped: Counter[tuple[str, str]] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    unfit: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)


def sort_things(extract: Extract, table: TagTable) -> Sorted:
    """Every object of the extract goes to exactly the places the table names for it, or is counted under its tag."""
    out = Sorted()
    box = shapely.box(*extract.box)
    shapely.prepare(box)
    towns: list[tuple[int, str]] = []
    for thing in extract.things:
        meanings = table.meanings(thing.tags)
        used = _place(out, thing, towns)
        for target, rule in meanings.items():
            geom = _drawn(thing, rule)
            if geom is None:
                out.unfit[f"{rule.key}={thing.tags[rule.key]} drawn as a {_drawn_as(thing)}, wanted as a {rule.shape}"] += 1
                used = True
            elif not box.intersects(geom):
                out.outside[f"{rule.key}={thing.tags[rule.key]}"] += 1
                used = True
            else:
                _keep(out, thing, target, rule, geom)
                used = True
        if not used:
            out.unmapped[first_tag(thing.tags)] += 1
    out.town = min(towns)[1] if towns else None
    return out


def _place(out: Sorted, thing: Thing, towns: list[tuple[int, str]]) -> bool:
    """Names and boundaries of the place; tells whether the object was one."""
    tags, name = thing.tags, thing.tags.get("name")
    if name is None:
        return False
    kind = tags.get("place")
    if thing.point is not None and kind in QUARTERS:
        out.quarters.append((name, thing.point))
        return True
    if thing.point is not None and kind in TOWNS:
        towns.append((TOWNS.index(kind), name))
        return True
    if tags.get("boundary") == "administrative" and tags.get("admin_level", "").isdigit():
        level = int(tags["admin_level"])
        if thing.polygon is not None:
            out.boundaries.append((level, name, thing.polygon))
        elif level == 8:
            towns.append((len(TOWNS), name))
        return thing.polygon is not None or level == 8
    return False


def _drawn_as(thing: Thing) -> str:
    return (
        "point"
        if thing.point is not None
        else "polygon"
        if thing.polygon is not None
        else "line"
        if thing.line is not None
        else "list of members"
    )


def _drawn(thing: Thing, rule: TagRule) -> shapely.Geometry | None:
    """The geometry as the class or layer wants it: an area may stand for a point, and for a component a point for an area."""
    if rule.shape == "line":
        return thing.line
    if rule.shape == "polygon":
        if thing.polygon is not None:
            parts = shapely.get_parts(thing.polygon)
            return parts[0] if len(parts) == 1 else thing.polygon
        return thing.point if rule.target == "component" else None
    if thing.point is not None:
        return thing.point
    if thing.polygon is not None:
        return thing.polygon.representative_point()
    # A row of bollards or a platform drawn as a line is one thing in its middle.
    return thing.line.interpolate(0.5, normalized=True) if thing.line is not None else None


def _keep(out: Sorted, thing: Thing, target: str, rule: TagRule, geom: shapely.Geometry) -> None:
    tags = thing.tags
    name = tags.get("name:zh") or tags.get("name")
    if target == "component":
        attributes: dict[str, object] = {"osm": thing.ref}
        attributes.update({key: tags[key] for key in KEPT_TAGS if key in tags})
        out.components.append(Found(rule.edition, rule.kind, geom, name, attributes))
        out.mapped[(rule.edition, rule.kind)] += 1
        return
    if target == "roads":
        out.roads.append((geom, name, rule.kind, metres(tags.get("width")) or rule.width_m))
    elif target == "buildings":
        storeys = metres(tags.get("building:levels"))
        out.buildings.append((geom, metres(tags.get("height")) or (round(storeys * STOREY_M, 1) if storeys else None), name))
    elif rule.shape == "line":
        out.coast.append(geom)
    else:
        (out.water if target == "water" else out.green).append((geom, name))
    out.mapped[(target, rule.kind)] += 1


def metres(text: str | None) -> float | None:
    """A length as people write it in tags: `12`, `12.5 m`, `3,5`; None for anything else or out of reason."""
    found = re.fullmatch(r"\s*(\d{1,4}(?:[.,]\d+)?)\s*m?\s*", text or "")
    value = float(found[1].replace(",", ".")) if found else 0.0
    return value if 0.0 < value <= 1_000.0 else None
