"""Where the names come from: divisions, the streets of the layer roads, and every thing with a name in any other layer.

Gathering may run again at any time. It finds what it made by `source_ref`, leaves alone what people edited, and keeps
what a place was before in the history.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.catalog.queries import columns_of, synced_layers
from cityops.catalog.tables import table_name
from cityops.db.sqlfiles import sql
from cityops.gazetteer import naming

STREET_LAYER = "roads"
TRACT_LAYERS = ("green", "water")
"""Layers of areas: what has a name in them is a tract (地片), in every other layer a point of interest."""
RAILS = ("rail", "tram")
SAME_STREET_DEG = 0.01
"""Pieces of one name within about a kilometre are one street; farther apart they are two of the same name."""


@dataclass(frozen=True)
class Gathered:
    """How many places were new, renewed and gone."""

    added: int
    renewed: int
    gone: int


def gather(session: Session, now: datetime) -> Gathered:
    """Bring regions, streets, tracts and points of interest to what divisions and layers say now."""
    session.execute(text("DROP TABLE IF EXISTS pg_temp.gathered"))
    session.execute(
        text(
            "CREATE TEMPORARY TABLE gathered (ref text PRIMARY KEY, kind text, name text, name_en text, category text, source text,"
            " geom geometry(Geometry, 4490), point geometry(Point, 4490)) ON COMMIT DROP"
        )
    )
    session.execute(
        text(
            "INSERT INTO gathered (ref, kind, name, name_en, category, source, geom) "
            " SELECT 'division:' || code, 'region', name_zh, name_en, level, 'grid.divisions', geom"
            " FROM grid.divisions WHERE active AND geom IS NOT NULL AND name_zh <> ''"
        )
    )
    for layer in sorted(synced_layers(session)):
        columns = columns_of(session, layer) or {}
        if columns.get("name", ("", False))[0] != "text":
            continue
        if layer == STREET_LAYER:
            _streets(session)
        else:
            _things(session, layer, "tract" if layer in TRACT_LAYERS else "poi")
    session.execute(
        text(
            "UPDATE gathered SET point = CASE ST_Dimension(geom) WHEN 1 THEN ST_ClosestPoint(geom, ST_Centroid(geom))"
            " ELSE ST_PointOnSurface(geom) END"
        )
    )
    session.execute(text("DROP TABLE IF EXISTS pg_temp.gazetteer_before"))
    session.execute(text("CREATE TEMPORARY TABLE gazetteer_before (id bigint PRIMARY KEY, was jsonb) ON COMMIT DROP"))
    session.execute(
        text("INSERT INTO gazetteer_before SELECT p.id, gazetteer.snapshot(p) FROM gazetteer.places AS p WHERE p.source_ref IS NOT NULL")
    )
    rows = session.execute(text(sql(__package__, "upsert_gathered")), {"now": now}).all()
    by_what = {what: [row.id for row in rows if row.what == what] for what in ("added", "renewed", "gone")}
    naming.write_names(session, by_what["added"] + by_what["renewed"])
    changed = by_what["renewed"] + by_what["gone"]
    if changed:
        session.execute(
            text(
                "INSERT INTO gazetteer.changes (place_id, version, at, act, before, after, reason)"
                " SELECT p.id, p.version, :now, 'gather', b.was, gazetteer.snapshot(p), p.source FROM gazetteer.places AS p"
                " LEFT JOIN gazetteer_before AS b ON b.id = p.id WHERE p.id = ANY(:ids) ORDER BY p.id"
            ),
            {"now": now, "ids": changed},
        )
    return Gathered(len(by_what["added"]), len(by_what["renewed"]), len(by_what["gone"]))


def _streets(session: Session) -> None:
    """One street per name and neighbourhood, its shape that of all its pieces; of two far apart the longer comes first."""
    session.execute(
        text(
            f"""
            INSERT INTO gathered (ref, kind, name, category, source, geom)
            SELECT 'roads:' || name || ':'
                || row_number() OVER (PARTITION BY name ORDER BY ST_Length(line) DESC, ST_XMin(line), ST_YMin(line)),
                'street', name, class, 'layer roads', line
            FROM (
                SELECT name, ST_LineMerge(ST_Collect(geom ORDER BY id)) AS line, mode() WITHIN GROUP (ORDER BY class) AS class
                FROM (
                    SELECT id, trim(name) AS name, class, geom,
                        ST_ClusterDBSCAN(geom, :near, 1) OVER (PARTITION BY trim(name)) AS part
                    FROM {table_name(STREET_LAYER)}
                    WHERE trim(name) <> '' AND (class IS NULL OR class <> ALL(:rails)) AND NOT ST_IsEmpty(geom)
                ) AS pieces
                GROUP BY name, part
            ) AS streets
            """
        ),
        {"near": SAME_STREET_DEG, "rails": list(RAILS)},
    )


def _things(session: Session, layer: str, kind: str) -> None:
    """Each row of a layer that has a name. The id of a layer has been checked against the pattern of ids."""
    session.execute(
        text(
            "INSERT INTO gathered (ref, kind, name, category, source, geom) SELECT :layer || ':' || id, :kind, trim(name), :layer,"
            f" 'layer ' || :layer, geom FROM {table_name(layer)} WHERE trim(name) <> '' AND NOT ST_IsEmpty(geom)"
        ),
        {"layer": layer, "kind": kind},
    )
