-- Divisions for a list, in the order of their codes; the mark `where` holds the visibility predicate and the filters.
SELECT d.code AS key, d.geom,
    json_build_object(
        'code', d.code, 'level', d.level, 'name_zh', d.name_zh, 'name_en', d.name_en, 'parent_code', d.parent_code,
        'synthetic', d.synthetic, 'has_shape', d.geom IS NOT NULL, 'version', d.version
    ) AS item
FROM grid.divisions AS d
WHERE {where}
ORDER BY d.code
LIMIT :limit + 1
