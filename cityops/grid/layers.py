"""The grid on the map: divisions, unit cells and beats as layers of the catalogue."""

from __future__ import annotations

from cityops.catalog.sources import LayerSource
from cityops.grid.queries import BEAT_COLUMNS, CELL_COLUMNS, CELLS_FROM, DIVISION_COLUMNS

_CELL_LINE = {"line-color": "@cell", "line-width": ["interpolate", ["linear"], ["zoom"], 13, 0.5, 17, 1.4]}
_BEAT_LINE = {"line-color": "@brand", "line-width": ["interpolate", ["linear"], ["zoom"], 11, 0.8, 16, 2.4], "line-dasharray": [3, 2]}
_DIVISION_LINE = {
    "line-color": "@ink-3",
    "line-width": ["match", ["get", "level"], "district", 2.2, "street", 1.4, 0.8],
    "line-opacity": 0.8,
}

LAYER_SOURCES: tuple[LayerSource, ...] = (
    LayerSource(
        id="divisions", title_zh="行政区划", title_en="Divisions", geometry="polygon",
        from_sql="grid.divisions AS d", geom_sql="d.geom", id_sql="d.code::bigint", key_sql="d.code",
        where_sql="d.active AND d.geom IS NOT NULL",
        properties=(("code", "d.code"), ("level", "d.level"), ("name_zh", "d.name_zh"), ("name_en", "COALESCE(d.name_en, d.name_zh)")),
        columns=DIVISION_COLUMNS, zoom_sql="(d.level = 'district' OR (d.level = 'street' AND {z} >= 10) OR {z} >= 12)",
        min_zoom=5, style=({"id": "divisions", "type": "line", "paint": _DIVISION_LINE},),
    ),
    LayerSource(
        id="cells", title_zh="单元网格", title_en="Unit cells", geometry="polygon",
        from_sql=CELLS_FROM, geom_sql="c.geom", id_sql="c.code::bigint", key_sql="c.code", where_sql="c.ended_on IS NULL",
        properties=(("code", "c.code::text"), ("grade", "c.grade::text"), ("beat_id", "bc.beat_id")),
        columns=CELL_COLUMNS, min_zoom=13, style=({"id": "cells", "type": "line", "minzoom": 13, "paint": _CELL_LINE},),
    ),
    LayerSource(
        id="beats", title_zh="责任网格", title_en="Beats", geometry="polygon",
        from_sql="grid.beats AS b", geom_sql="b.geom", id_sql="b.id", key_sql="b.code", where_sql="b.active AND b.geom IS NOT NULL",
        properties=(("code", "b.code"), ("name_zh", "b.name_zh"), ("name_en", "COALESCE(b.name_en, b.name_zh)"), ("beat_id", "b.id")),
        columns=BEAT_COLUMNS, min_zoom=11, style=({"id": "beats", "type": "line", "minzoom": 11, "paint": _BEAT_LINE},),
    ),
)  # fmt: skip
