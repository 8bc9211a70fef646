-- Where streets of one set meet streets of another: shared points, or the middle of a gap that no car would notice (30 m).
-- Points of one junction (two carriageways give four) are drawn together. Distances are on the ellipsoid, in metres.
WITH pairs AS (
    SELECT a.id AS a_id, b.id AS b_id, a.name AS a_name, b.name AS b_name,
        CASE WHEN ST_Intersects(a.geom, b.geom) THEN ST_Points(ST_Intersection(a.geom, b.geom))
             ELSE ST_LineInterpolatePoint(ST_ShortestLine(a.geom, b.geom), 0.5) END AS meet,
        ST_Intersects(a.geom, b.geom) AS touches
    FROM gazetteer.places AS a, gazetteer.places AS b
    WHERE a.id = ANY(:first) AND b.id = ANY(:second) AND a.id <> b.id
        AND ST_DWithin(a.geom::geography, b.geom::geography, 30)
), points AS (
    SELECT a_id, b_id, a_name, b_name, touches, (ST_Dump(meet)).geom AS geom FROM pairs
), junctions AS (
    SELECT *, ST_ClusterDBSCAN(geom, 0.0008, 1) OVER (PARTITION BY a_id, b_id) AS junction FROM points
)
SELECT a_id, b_id, a_name, b_name, bool_or(touches) AS touches, ST_X(ST_Centroid(ST_Collect(geom))) AS lon, ST_Y(ST_Centroid(ST_Collect(geom))) AS lat
FROM junctions GROUP BY a_id, b_id, a_name, b_name, junction
ORDER BY bool_or(touches) DESC, a_id, b_id, junction
LIMIT :limit
