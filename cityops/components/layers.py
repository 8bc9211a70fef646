"""Components as a layer of the map: single things when near, how many per cell when far."""

from __future__ import annotations

from cityops.catalog.sources import LayerSource
from cityops.components.events import TOPIC
from cityops.components.policy import COLUMNS, LAYER

FROM_ZOOM = 15

LAYER_SOURCES = (
    LayerSource(
        id=LAYER,
        title_zh="部件",
        title_en="Components",
        geometry="mixed",
        from_sql="components.components AS c",
        where_sql="c.retired_at IS NULL",
        geom_sql="c.geom",
        id_sql="c.id",
        key_sql="c.code",
        properties=(("code", "c.code"), ("class_code", "c.class_code"), ("state", "c.state"), ("edition", "c.edition"), ("name", "c.name")),
        columns=COLUMNS,
        min_zoom=11,
        from_zoom=FROM_ZOOM,
        overview_sql="SELECT g.code::bigint AS id, ST_PointOnSurface(g.geom) AS geom, n.n FROM grid.cells AS g,"
        " LATERAL (SELECT count(*) AS n FROM components.components AS c"
        " WHERE c.cell_code = g.code AND c.retired_at IS NULL AND {visible}) AS n"
        " WHERE g.geom && {box} AND g.ended_on IS NULL AND n.n > 0",
        depends=("cells", "beats"),  # from afar it is drawn in cells, and a beat decides who sees it
        topic=TOPIC,
        source_zh="部件普查与日常更新",
        source_en="the city's register of components",
    ),
)
