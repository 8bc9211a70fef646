-- The nearest components in metres. A degree of longitude is shorter than one of latitude, so the index's own order (in degrees)
-- is not the order in metres: the first step takes the nearest by index and measures how far out in metres the last of them lies;
-- nothing nearer can lie outside a box of that radius, so the second step measures everything inside it.
WITH here AS (
    SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS at, ST_MakeEnvelope(:near_west, :near_south, :near_east, :near_north, 4490) AS box
), roughly AS MATERIALIZED (
    SELECT ST_Distance(c.geom::geography, here.at::geography) AS distance_m
    FROM here, /*source*/
    WHERE c.geom && (SELECT box FROM here) AND /*where*/
    ORDER BY c.geom <-> (SELECT at FROM here)
    LIMIT :limit
), reach AS MATERIALIZED (
    SELECT CASE WHEN count(*) < :limit THEN CAST(:within_m AS double precision)
                ELSE least(max(distance_m), CAST(:within_m AS double precision)) END AS radius_m
    FROM roughly
), ring AS MATERIALIZED (
    SELECT ST_MakeEnvelope(:lon - dx, :lat - dy, :lon + dx, :lat + dy, 4490) AS box, radius_m
    FROM reach, LATERAL (SELECT (radius_m + 0.001) * 1.01 / 110500.0 AS dy) AS v,
        LATERAL (SELECT least((radius_m + 0.001) * 1.01 / (111300.0 * cos(radians(least(abs(:lat) + dy, 89.9)))), 180.0) AS dx) AS h
)
SELECT coalesce(json_agg(/*item*/ ORDER BY p.distance_m, p.code), '[]')::text AS items, max(p.code) AS last_code, count(*) AS n
FROM (
    SELECT c.*, ST_PointOnSurface(c.geom) AS at, d.distance_m
    FROM /*source*/
    CROSS JOIN LATERAL (SELECT ST_Distance(c.geom::geography, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)::geography) AS distance_m) AS d
    WHERE c.geom && (SELECT box FROM ring) AND d.distance_m <= (SELECT radius_m FROM ring) AND /*where*/
    ORDER BY d.distance_m, c.code
    LIMIT :limit
) AS p
JOIN components.classes AS k ON k.edition = p.edition AND k.kind = 'component' AND k.code = p.class_code
LEFT JOIN identity.departments AS m ON m.id = p.managing_id
LEFT JOIN identity.departments AS o ON o.id = p.owner_id
LEFT JOIN identity.departments AS t ON t.id = p.maintainer_id
