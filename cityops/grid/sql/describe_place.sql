-- As locate.sql, with the names a person wants to read.
WITH here AS MATERIALIZED (
    SELECT c.code, c.community_code, c.grade
    FROM grid.cells AS c
    WHERE ST_Intersects(c.geom, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490))
      AND c.ended_on IS NULL
),
cell AS (SELECT * FROM here ORDER BY code LIMIT 1)
SELECT json_build_object(
    'cell_code', cell.code,
    'grade', cell.grade,
    'beat_id', b.id,
    'beat_code', b.code,
    'beat_name_zh', b.name_zh,
    'beat_name_en', b.name_en,
    'community_code', community.code,
    'community_name_zh', community.name_zh,
    'community_name_en', community.name_en,
    'street_code', street.code,
    'street_name_zh', street.name_zh,
    'street_name_en', street.name_en,
    'district_code', district.code,
    'district_name_zh', district.name_zh,
    'district_name_en', district.name_en
)::text
FROM cell
JOIN grid.divisions AS community ON community.code = cell.community_code
JOIN grid.divisions AS street ON street.code = community.parent_code
JOIN grid.divisions AS district ON district.code = street.parent_code
LEFT JOIN grid.beat_cells AS bc ON bc.cell_code = cell.code AND bc.until IS NULL
LEFT JOIN grid.beats AS b ON b.id = bc.beat_id
