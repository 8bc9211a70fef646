-- One division with its boundary and the number of its live cells.
SELECT d.version,
    json_build_object(
        'code', d.code, 'level', d.level, 'name_zh', d.name_zh, 'name_en', d.name_en, 'parent_code', d.parent_code,
        'synthetic', d.synthetic, 'active', d.active, 'version', d.version,
        'geometry', ST_AsGeoJSON(d.geom, 7, 0)::json,
        'cells', (SELECT count(*) FROM grid.cells AS c WHERE c.ended_on IS NULL AND c.community_code LIKE d.code || '%')
    )::text AS body
FROM grid.divisions AS d
WHERE d.code = :code AND {visible}
