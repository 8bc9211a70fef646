-- In the given streets: the plate of that number, else (for interpolation) the nearest numbers below and above on the same side.
SELECT s.id AS street_id, s.name AS street, p.id, p.name, p.house_number, p.house_suffix, p.version, ST_X(p.point) AS lon, ST_Y(p.point) AS lat,
    p.house_number = :number AND p.house_suffix = :suffix AS exact
FROM gazetteer.places AS s,
LATERAL (
    (SELECT * FROM gazetteer.places AS e
     WHERE e.street_id = s.id AND e.kind = 'plate' AND e.retired_at IS NULL AND e.house_number = :number
     ORDER BY e.house_suffix <> :suffix, e.house_suffix LIMIT 1)
    UNION ALL
    (SELECT * FROM gazetteer.places AS b
     WHERE b.street_id = s.id AND b.kind = 'plate' AND b.retired_at IS NULL AND b.house_number < :number AND b.house_number % 2 = :number % 2
     ORDER BY b.house_number DESC LIMIT 1)
    UNION ALL
    (SELECT * FROM gazetteer.places AS a
     WHERE a.street_id = s.id AND a.kind = 'plate' AND a.retired_at IS NULL AND a.house_number > :number AND a.house_number % 2 = :number % 2
     ORDER BY a.house_number LIMIT 1)
) AS p
WHERE s.id = ANY(:streets)
ORDER BY s.id, p.house_number
