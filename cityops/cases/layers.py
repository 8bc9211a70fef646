"""What the map is told about cases."""

from __future__ import annotations

from cityops.cases.filters import LIGHT, OPEN
from cityops.cases.lookups import COLUMNS
from cityops.catalog.sources import LayerSource

LAYER_SOURCES: tuple[LayerSource, ...] = (
    LayerSource(
        id="cases",
        title_zh="案卷",
        title_en="Cases",
        geometry="point",
        from_sql="cases.cases AS c",
        where_sql="c.geom IS NOT NULL",
        geom_sql="c.geom",
        id_sql="c.id",
        key_sql="c.number",
        properties=(
            ("number", "c.number"),
            ("state", "c.state"),
            ("light", LIGHT.format(now="now()")),
            ("class_code", "c.class_code"),
            ("stage", "CAST(c.stage AS integer)"),
        ),
        columns=COLUMNS,
        # Finished cases are history: they come when one looks closely.
        zoom_sql=f"({OPEN} OR {{z}} >= 16)",
        min_zoom=8,
        from_zoom=12,
        max_zoom=18,
        # Far out a cell shows how many open cases it holds; the id is the cell's own code, a number of 15 digits.
        overview_sql=(
            "SELECT CAST(g.code AS bigint) AS id, ST_PointOnSurface(g.geom) AS geom, n.n FROM grid.cells AS g, LATERAL ("
            f"SELECT count(*) AS n FROM cases.cases AS c WHERE c.cell_code = g.code AND {OPEN} AND {{visible}}) AS n"
            " WHERE g.geom && {box} AND n.n > 0"
        ),
        overview_properties=("n",),
        depends=("cells",),  # from afar it is drawn in cells
        topic="case",
        refresh_s=60,
    ),
)
