"""After a whole city was loaded: statistics for the planner and the visibility map, so that the first reader is not the slow one."""

from __future__ import annotations

from sqlalchemy import Engine, text

READ_OFTEN = (
    "components.components", "cases.cases", "cases.tasks", "grid.cells",
    "layer_buildings.items", "layer_roads.items", "layer_green.items", "layer_water.items",
)  # fmt: skip
"""Lists and tiles read these by index alone where they can, which needs the visibility map."""
PLANNED = (
    "cases.events", "gazetteer.places", "gazetteer.names", "grid.divisions", "grid.beats", "grid.beat_cells",
    "identity.departments", "identity.users", "identity.scopes",
)  # fmt: skip


def settle(engine: Engine) -> None:
    """Vacuum and analyze; outside any transaction, after the load is committed."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in READ_OFTEN:
            connection.execute(text(f"VACUUM (ANALYZE) {table}"))
        for table in PLANNED:
            connection.execute(text(f"ANALYZE {table}"))
