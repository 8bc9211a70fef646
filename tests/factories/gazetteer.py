"""A small town on the map: three streets that cross, a park, a pump house, plates of one street."""

from __future__ import annotations

from datetime import UTC, datetime

import shapely
from sqlalchemy.orm import Session

from cityops.gazetteer.operations import NewPlace, register_place

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
LON, LAT = 112.53, 32.99
"""The crossing of 人民路 (north-south) and 建设路 (west-east)."""


def small_town(session: Session) -> dict[str, int]:
    """Register the town; gives ids by name."""

    def put(kind: str, name: str, geom: shapely.Geometry, *aliases: str) -> int:
        return register_place(session, None, NOW, NewPlace(kind=kind, name=name, geom=geom, aliases=aliases)).id

    ids = {
        "人民路": put("street", "人民路", shapely.LineString([(LON, LAT - 0.01), (LON, LAT + 0.01)]), "中山街"),
        "建设路": put("street", "建设路", shapely.LineString([(LON - 0.01, LAT), (LON + 0.01, LAT)])),
        "梅溪路": put("street", "梅溪路", shapely.LineString([(LON - 0.01, LAT + 0.005), (LON + 0.01, LAT + 0.005)])),
        "人民公园": put("tract", "人民公园", shapely.box(LON + 0.001, LAT + 0.001, LON + 0.003, LAT + 0.003)),
        "梅溪泵站": put("poi", "梅溪泵站", shapely.Point(LON - 0.005, LAT - 0.005)),
    }
    for number in (84, 86, 90):
        at = shapely.Point(LON + (number - 84) * 0.0005, LAT + 0.0051)
        plate = register_place(session, None, NOW, NewPlace(kind="plate", geom=at, street_id=ids["梅溪路"], house_number=number))
        ids[plate.name] = plate.id
    return ids
