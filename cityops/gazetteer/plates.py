"""Door plates for a city that has none: synthetic numbers along its streets, and said to be so in their source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import numpy as np
import psycopg
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.gazetteer import rules
from cityops.geo.shapes import as_array, project, unproject

SYNTHETIC: Final = "synthetic"
NUMBERED_CLASSES = ("primary", "secondary", "tertiary", "residential", "unclassified", "living_street")
FRONTAGE_M = 25.0
"""Every so many metres a house on each side."""
SETBACK_M = 12.0
"""From the middle of the street to the door."""


def number_streets(session: Session, now: datetime, srid: int) -> int:
    """Give every street without plates odd numbers on its left and even ones on its right, from its western or southern end.

    `srid` is the projected system metres are measured in. Returns how many plates were made.
    """
    streets = session.execute(
        text(
            "SELECT s.id, s.name, ST_AsBinary(s.geom) AS geom FROM gazetteer.places AS s"
            " WHERE s.kind = 'street' AND s.retired_at IS NULL AND s.category = ANY(:classes)"
            " AND NOT EXISTS (SELECT FROM gazetteer.places AS p WHERE p.street_id = s.id) ORDER BY s.id"
        ),
        {"classes": list(NUMBERED_CLASSES)},
    ).all()
    if not streets:
        return 0
    shapes = project(shapely.from_wkb([bytes(street.geom) for street in streets]), srid)
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    count = 0
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY gazetteer.places (kind, name, street_id, house_number, geom, point, source, registered_at, changed_at) FROM STDIN"
        ) as copy,
    ):
        for street, shape in zip(streets, shapes, strict=True):
            doors = list(doors_along(shape))
            points = unproject(as_array([door for _, door in doors]), srid)
            for (number, _), wkb in zip(doors, shapely.to_wkb(shapely.set_srid(points, 4490), hex=True, include_srid=True), strict=True):
                copy.write_row(("plate", rules.plate_name(street.name, number, ""), street.id, number, wkb, wkb, SYNTHETIC, now, now))
            count += len(doors)
    return count


def doors_along(street: BaseGeometry) -> Iterator[tuple[int, shapely.Point]]:
    """Numbers and doors of a street in metres: 1, 3, 5 … on the left, 2, 4, 6 … on the right."""
    pairs = 0
    for line in _in_order(street):
        for along in np.arange(FRONTAGE_M / 2, line.length, FRONTAGE_M).tolist():
            here, ahead = line.interpolate(along), line.interpolate(min(along + 1.0, line.length))
            step = np.array([ahead.x - here.x, ahead.y - here.y])
            long = float(np.hypot(*step))
            if long == 0.0:
                continue
            left = np.array([-step[1], step[0]]) / long * SETBACK_M
            yield 2 * pairs + 1, shapely.Point(here.x + left[0], here.y + left[1])
            yield 2 * pairs + 2, shapely.Point(here.x - left[0], here.y - left[1])
            pairs += 1


def _in_order(street: BaseGeometry) -> list[shapely.LineString]:
    """The pieces of a street one after the other along its longer axis, each pointing that way."""
    west, south, east, north = street.bounds
    axis = 0 if east - west >= north - south else 1
    lines = []
    for line in shapely.get_parts(street):
        if isinstance(line, shapely.LineString) and line.length > 0:
            lines.append(line if line.coords[0][axis] <= line.coords[-1][axis] else line.reverse())
    return sorted(lines, key=lambda line: float(line.centroid.coords[0][axis]))
