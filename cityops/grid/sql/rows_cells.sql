-- Cells for a list, in the order of their codes; the mark `where` holds the visibility predicate and the filters.
SELECT c.code AS key, c.geom,
    json_build_object(
        'code', c.code, 'community_code', c.community_code, 'area_m2', round(c.area_m2::numeric, 1), 'grade', c.grade,
        'started_on', c.started_on, 'ended_on', c.ended_on, 'successor_codes', c.successor_codes, 'beat_id', bc.beat_id, 'version', c.version
    ) AS item
FROM grid.cells AS c
LEFT JOIN grid.beat_cells AS bc ON bc.cell_code = c.code AND bc.until IS NULL
WHERE {where}
ORDER BY c.code
LIMIT :limit + 1
