-- Active beats for a list, in the order of their codes; the mark `where` holds the visibility predicate and the filters.
SELECT b.code AS key, b.geom,
    json_build_object(
        'id', b.id, 'code', b.code, 'name_zh', b.name_zh, 'name_en', b.name_en, 'shift', b.shift,
        'cells', (SELECT count(*) FROM grid.beat_cells AS bc WHERE bc.beat_id = b.id AND bc.until IS NULL),
        'inspector_ids', COALESCE((
            SELECT json_agg(bi.user_id ORDER BY bi.user_id) FROM grid.beat_inspectors AS bi WHERE bi.beat_id = b.id AND bi.until IS NULL
        ), '[]'::json),
        'version', b.version
    ) AS item
FROM grid.beats AS b
WHERE {where}
ORDER BY b.code
LIMIT :limit + 1
