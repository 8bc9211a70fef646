-- The nearest plate, street and point of interest to a point, each within its own reach, and the areas that hold the point.
-- Degrees only choose candidates (a box twice as wide as the reach at this latitude); metres decide.
WITH here AS (
    SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS point
), around AS (
    (SELECT p.*, ST_Distance(p.point::geography, h.point::geography) AS distance_m, 1 AS rank, CAST(:plate_m AS float8) AS reach
     FROM here AS h, gazetteer.places AS p
     WHERE p.kind = 'plate' AND p.retired_at IS NULL AND p.point && ST_Expand(h.point, :plate_deg_x, :plate_deg_y)
     ORDER BY distance_m, p.id LIMIT 1)
    UNION ALL
    (SELECT p.*, ST_Distance(p.geom::geography, h.point::geography), 2, CAST(:street_m AS float8)
     FROM here AS h, gazetteer.places AS p
     WHERE p.kind = 'street' AND p.retired_at IS NULL AND p.geom && ST_Expand(h.point, :street_deg_x, :street_deg_y)
     ORDER BY ST_Distance(p.geom::geography, h.point::geography), p.id LIMIT 1)
    UNION ALL
    (SELECT p.*, ST_Distance(p.geom::geography, h.point::geography), 3, CAST(:poi_m AS float8)
     FROM here AS h, gazetteer.places AS p
     WHERE p.kind = 'poi' AND p.retired_at IS NULL AND p.geom && ST_Expand(h.point, :poi_deg_x, :poi_deg_y)
     ORDER BY ST_Distance(p.geom::geography, h.point::geography), p.id LIMIT 1)
    UNION ALL
    (SELECT p.*, 0, CASE p.kind WHEN 'tract' THEN 4 WHEN 'block' THEN 5 ELSE 6 END, 0
     FROM here AS h, gazetteer.places AS p
     WHERE p.kind IN ('tract', 'block', 'region') AND p.retired_at IS NULL AND ST_Dimension(p.geom) = 2 AND ST_Covers(p.geom, h.point))
)
SELECT a.id, a.kind, a.name, a.name_en, a.category, a.version, a.rank, round(a.distance_m::numeric, 1)::float8 AS distance_m,
    ST_X(a.point) AS lon, ST_Y(a.point) AS lat
FROM around AS a WHERE a.distance_m <= a.reach
ORDER BY a.rank, length(coalesce(a.source_ref, '')) DESC, a.id
