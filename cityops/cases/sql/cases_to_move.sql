-- The open cases of some cells, locked, with the live cell at their place and its beat, where either is another than theirs.
-- A case without a point stays with its cell as long as that lives.
SELECT c.id, c.number, c.version, c.state, c.cell_code, c.event_count, c.head_digest, c.updated_at,
       ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat, g.code AS new_cell_code, b.beat_id AS new_beat_id,
       (SELECT t.id FROM cases.tasks AS t WHERE t.case_id = c.id AND t.state = 'open') AS task_id
FROM cases.cases AS c
JOIN LATERAL (
    SELECT l.code FROM grid.cells AS l
    WHERE l.ended_on IS NULL AND CASE WHEN c.geom IS NULL THEN l.code = c.cell_code ELSE ST_Intersects(l.geom, c.geom) END
    ORDER BY l.code LIMIT 1
) AS g ON true
LEFT JOIN grid.beat_cells AS b ON b.cell_code = g.code AND b.until IS NULL
WHERE c.cell_code = ANY (CAST(:cell_codes AS bpchar[])) AND c.state NOT IN ('closed', 'voided')
  AND (g.code <> c.cell_code OR b.beat_id IS DISTINCT FROM c.beat_id)
ORDER BY c.id
FOR UPDATE OF c
