-- One beat with its cells, its inspectors and its ground.
SELECT b.version,
    json_build_object(
        'id', b.id,
        'code', b.code,
        'name_zh', b.name_zh,
        'name_en', b.name_en,
        'shift', b.shift,
        'active', b.active,
        'version', b.version,
        'cell_codes', COALESCE((
            SELECT json_agg(bc.cell_code ORDER BY bc.cell_code) FROM grid.beat_cells AS bc WHERE bc.beat_id = b.id AND bc.until IS NULL
        ), '[]'::json),
        'inspectors', COALESCE((
            SELECT json_agg(json_build_object('id', u.id, 'name', u.name, 'since', bi.since) ORDER BY u.id)
            FROM grid.beat_inspectors AS bi JOIN identity.users AS u ON u.id = bi.user_id
            WHERE bi.beat_id = b.id AND bi.until IS NULL
        ), '[]'::json),
        'geometry', ST_AsGeoJSON(b.geom, 7, 0)::json
    )::text AS body
FROM grid.beats AS b
WHERE b.id = :beat_id AND {visible}
