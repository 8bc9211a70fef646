-- Write divisions; those that exist get the new names and, if one is given, the new boundary.
INSERT INTO grid.divisions AS d (code, level, name_zh, name_en, parent_code, geom, synthetic)
SELECT code, level, zh, en, parent, ST_GeomFromWKB(geom, 4490), synthetic
FROM unnest(
    CAST(:codes AS text[]), CAST(:levels AS text[]), CAST(:zh AS text[]), CAST(:en AS text[]), CAST(:parents AS text[]),
    CAST(:geoms AS bytea[]), CAST(:synthetic AS boolean[])
) AS t (code, level, zh, en, parent, geom, synthetic)
ON CONFLICT (code) DO UPDATE
SET name_zh = excluded.name_zh, name_en = excluded.name_en, synthetic = excluded.synthetic,
    geom = COALESCE(excluded.geom, d.geom), active = true, version = d.version + 1
