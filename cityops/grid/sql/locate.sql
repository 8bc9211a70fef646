-- The live cell at a point, with its beat. The candidates are fetched through the GiST index first and sorted afterwards:
-- ORDER BY … LIMIT 1 on the table itself invites the planner to walk the primary key instead. On a shared edge the lowest
-- code wins, as in locator.py.
WITH here AS MATERIALIZED (
    SELECT c.code, c.community_code, c.grade
    FROM grid.cells AS c
    WHERE ST_Intersects(c.geom, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490))
      AND c.ended_on IS NULL
)
SELECT here.code AS cell_code, bc.beat_id, here.community_code, here.grade
FROM here
LEFT JOIN grid.beat_cells AS bc ON bc.cell_code = here.code AND bc.until IS NULL
ORDER BY here.code
LIMIT 1
