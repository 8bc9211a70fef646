"""Writing the place: divisions, cells, beats, components and the base layers, one superblock after another."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache

import numpy as np
import psycopg
import shapely

from cityops.components.rules import CodeFormat
from cityops.exchange.default_organisation import Organisation
from cityops.grid.rules.numbering import number_cells
from cityops.sample.anchors import Anchors
from cityops.sample.copying import NULL, ToStorage, copy_lines, copy_rows, point_ewkb, text
from cityops.sample.furniture import Furniture
from cityops.sample.places import StreetOffice, grade_of
from cityops.sample.streets import Skeleton
from cityops.sample.terrain import random
from cityops.sample.tile import Road, Tile
from cityops.sample.town import SCHOOL

ROAD_CLASSES = {"arterial": "primary", "secondary": "secondary", "lane": "residential"}
COMPONENT_COLUMNS = (
    "id", "code", "edition", "class_code", "name", "geom", "cell_code", "managing_id", "owner_id", "maintainer_id", "state",
    "started_on", "changed_on", "source", "attributes", "valid_from", "change_id",
)  # fmt: skip
STATES = ("intact", "damaged", "occupied", "missing", "disused")
STATE_SHARES = (0.975, 0.013, 0.006, 0.003, 0.003)
SOURCES = ("实测", "实测", "实测", "地形图")
PUBLIC_OWNER = {"UM", "SN", "GR", "DR", "PS", "AD", "SP", "WR", "TR", "CA"}


@dataclass(frozen=True)
class ComponentClass:
    """What a row needs to know of a component class."""

    edition: str
    duty: str
    name_zh: str


@cache
def attributes_json(plain: str) -> str:
    """`height_m=12;species=法桐` as a JSON object."""
    out: dict[str, object] = {}
    for pair in plain.split(";"):
        if pair:
            key, value = pair.split("=")
            out[key] = float(value) if "." in value else int(value) if value.lstrip("-").isdigit() else value
    return json.dumps(out, ensure_ascii=False)


@dataclass
class PlaceWriter:
    """Writes tiles and remembers the little that the whole city has to agree on: counters, beats, and anchors for the cases."""

    cursor: psycopg.Cursor[tuple[object, ...]]
    storage: ToStorage
    organisation: Organisation
    classes: dict[str, ComponentClass]
    offices: dict[int, StreetOffice]
    far: list[float]
    seed: int
    since: datetime
    anchors: Anchors
    code_format: CodeFormat
    counters: dict[str, int] = field(default_factory=dict)
    component_id: int = 0
    beats: int = 0
    schools: int = 0
    cells: int = 0
    water_cells: list[tuple[shapely.Polygon, str]] = field(default_factory=list)
    change_id: int = 1

    def write(self, tile: Tile) -> None:
        """One superblock into all its tables."""
        office = self.offices[tile.number]
        codes, beat_ids = self._cells(tile, office)
        components = self._components(tile, codes)
        self._layers(tile)
        self.anchors.add(tile, codes, beat_ids, self.far[tile.number], components)

    def _cells(self, tile: Tile, office: StreetOffice) -> tuple[list[str], list[int]]:
        codes = [""] * len(tile.cells)
        beat_of = [0] * len(tile.cells)
        divisions, beats, beat_cells = [], [], []
        for number in range(int(tile.community.max()) + 1):
            own = np.flatnonzero(tile.community == number)
            shapes = tile.cells[own]
            code, name = office.next_community()
            outline = shapely.coverage_union_all(shapes)
            outline = outline if outline.geom_type == "MultiPolygon" else shapely.multipolygons([outline])
            divisions.append(
                (
                    code,
                    "community",
                    name,
                    f"Community {int(code[9:])} of {office.name_en}",
                    office.code,
                    self.storage.ewkb([outline])[0],
                    "t",
                )
            )
            for place, cell in zip(own.tolist(), number_cells(code, list(shapes)), strict=True):
                codes[place] = cell
            self.beats += 1
            beats.append((self.beats, f"B{self.beats:04d}", f"{name}责任网格", f"Beat {self.beats}", "08:00-18:00"))
            for place in own.tolist():
                beat_of[place] = self.beats
        copy_rows(self.cursor, "grid.divisions", ("code", "level", "name_zh", "name_en", "parent_code", "geom", "synthetic"), divisions)
        geoms = self.storage.ewkb(tile.cells)
        areas = shapely.area(tile.cells)
        grade = grade_of(self.far[tile.number])
        started = (self.since.date() - timedelta(days=30)).isoformat()
        copy_rows(
            self.cursor,
            "grid.cells",
            ("code", "community_code", "geom", "area_m2", "grade", "started_on", "note"),
            sorted(
                (code, code[:12], geom, f"{area:.2f}", grade, started, "水域" if wet else None)
                for code, geom, area, wet in zip(codes, geoms, areas, tile.on_water.tolist(), strict=True)
            ),
        )
        copy_rows(self.cursor, "grid.beats", ("id", "code", "name_zh", "name_en", "shift"), beats)
        beat_cells = sorted((beat, code, started) for beat, code in zip(beat_of, codes, strict=True))
        copy_rows(self.cursor, "grid.beat_cells", ("beat_id", "cell_code", "since"), beat_cells)
        self.water_cells += [(tile.cells[k], codes[k]) for k in np.flatnonzero(tile.on_water).tolist()]
        self.cells += len(codes)
        return codes, beat_of

    def _components(self, tile: Tile, codes: list[str]) -> tuple[list[int], list[str], list[int]]:
        ids, component_codes, maintainers, lines = self.component_lines(tile.furniture, codes, random(self.seed, 20, tile.number))
        copy_lines(self.cursor, "components.components", COMPONENT_COLUMNS, lines)
        return ids, component_codes, maintainers

    def component_lines(
        self, things: Furniture, codes: list[str], rng: np.random.Generator
    ) -> tuple[list[int], list[str], list[int], list[str]]:
        """Ids, codes and maintainers of the components, and their COPY lines; sequence numbers run per district and class."""
        count = len(things)
        points = point_ewkb(self.storage.degrees(np.column_stack((things.x, things.y))))
        shaped = np.flatnonzero(things.geom != None)  # noqa: E711 - element by element on an object array
        if len(shaped):
            for k, wkb in zip(shaped.tolist(), self.storage.ewkb(things.geom[shaped]), strict=True):
                points[k] = wkb
        state = rng.choice(len(STATES), count, p=STATE_SHARES)
        built = date(2004, 3, 1) + timedelta(days=int(rng.integers(0, 5_800)))
        last = (self.since.date() - built).days
        age = np.minimum(rng.exponential(900.0, count).astype(int), last - 1)
        renewed = np.where(rng.random(count) < 0.3, age + ((last - age) * rng.random(count)).astype(int), age)
        source = rng.integers(0, len(SOURCES), count)
        ids, component_codes, maintainers, lines = [], [], [], []
        duties: dict[tuple[str, str], tuple[int, int, int]] = {}
        valid_from = self.since.isoformat()
        cell_of = things.cell.tolist()
        for k, class_code in enumerate(things.class_code.tolist()):
            kind = self.classes[class_code]
            cell = codes[cell_of[k]]
            key = (kind.duty, cell[:9])
            who = duties.get(key)
            if who is None:
                main = self.organisation.by_code.get(kind.duty) or self.organisation.by_code["OT"]
                owner = self.organisation.by_code["UM"] if kind.duty in PUBLIC_OWNER else main
                who = duties[key] = (main.id, owner.id, self.organisation.responsible(kind.duty, cell).id)
            prefix = cell[:6] + class_code
            number = self.counters[prefix] = self.counters.get(prefix, 0) + 1
            code = self.code_format.code(prefix, number)
            self.component_id += 1
            ids.append(self.component_id)
            component_codes.append(code)
            maintainers.append(who[2])
            attributes = things.attributes[k]
            lines.append(
                f"{self.component_id}\t{code}\t{kind.edition}\t{class_code}\t{kind.name_zh}\t{points[k]}"
                f"\t{cell}\t{who[0]}\t{who[1]}\t{who[2]}\t{STATES[state[k]]}\t{built + timedelta(days=int(age[k]))}"
                f"\t{built + timedelta(days=int(renewed[k]))}\t{SOURCES[source[k]]}"
                f"\t{text(attributes_json(attributes)) if attributes else '{}'}\t{valid_from}\t{self.change_id}"
            )
        return ids, component_codes, maintainers, lines

    def _layers(self, tile: Tile) -> None:
        self.roads(tile.roads)
        town = tile.town
        names: list[str | None] = [None] * len(town.buildings)
        for k in np.flatnonzero(town.use == SCHOOL).tolist():
            own = np.flatnonzero(town.building_cell == k)
            if len(own):
                self.schools += 1
                names[int(own[0])] = f"第{self.schools}{'中学' if self.schools % 3 == 0 else '小学'}"
        heights = town.heights_m.tolist()
        copy_lines(
            self.cursor,
            "layer_buildings.items",
            ("geom", "height_m", "name"),
            (f"{geom}\t{tall}\t{name or NULL}" for geom, tall, name in zip(self.storage.ewkb(town.buildings), heights, names, strict=True)),
        )
        greens = [
            (shape, f"{_stem(tile.street_names[int(tile.cell_street[k])].zh)}游园" if kind == "park" else None)
            for k, kind, shape in town.greens
        ]
        greens += [(bank, None) for bank in tile.banks]
        geoms = self.storage.ewkb([shape for shape, _ in greens])
        copy_rows(self.cursor, "layer_green.items", ("geom", "name"), [(g, name) for g, (_, name) in zip(geoms, greens, strict=True)])
        ponds = self.storage.ewkb([pond for _, pond in town.ponds])
        copy_rows(self.cursor, "layer_water.items", ("geom",), [(pond,) for pond in ponds])

    def roads(self, roads: list[Road]) -> None:
        """Street pieces into the base map."""
        geoms = self.storage.ewkb([road.geom for road in roads])
        copy_rows(
            self.cursor,
            "layer_roads.items",
            ("geom", "name", "class", "width_m"),
            [(geom, road.name.zh, ROAD_CLASSES[road.class_name], road.width_m) for geom, road in zip(geoms, roads, strict=True)],
        )

    def river(self, skeleton: Skeleton) -> None:
        """The river as one surface, and its bridges as components of the water cell they mostly stand on."""
        copy_rows(self.cursor, "layer_water.items", ("geom", "name"), [(self.storage.ewkb([skeleton.river])[0], "白河")])
        if not self.water_cells:
            return
        tree = shapely.STRtree([shape for shape, _ in self.water_cells])
        decks, codes = [], []
        for _, bridge in skeleton.bridges:
            spot = bridge.interpolate(0.45, normalized=True)
            near = int(tree.nearest(spot))
            if self.water_cells[near][0].distance(spot) < 1.0:
                decks.append(shapely.buffer(bridge, 15.0, cap_style="flat"))
                codes.append(self.water_cells[near][1])
        if not decks:
            return
        middle = shapely.get_coordinates(shapely.centroid(decks))
        shapes = np.empty(len(decks), dtype=object)
        shapes[:] = decks
        things = Furniture(
            np.full(len(decks), "0209"),
            middle[:, 0],
            middle[:, 1],
            shapes,
            np.arange(len(decks)),
            np.full(len(decks), -1),
            np.full(len(decks), "", object),
        )
        _, _, _, lines = self.component_lines(things, codes, random(self.seed, 21))
        copy_lines(self.cursor, "components.components", COMPONENT_COLUMNS, lines)


def _stem(street: str) -> str:
    """The name of a street without its kind: 梅溪 of 梅溪路三巷."""
    for kind in ("大道", "大街", "东路", "西路", "南路", "北路", "路", "街"):
        place = street.find(kind)
        if place > 0:
            return street[:place]
    return street
