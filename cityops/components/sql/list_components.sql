-- One page of components by code. The page is cut before names are joined, so that a page of a million costs a page.
SELECT coalesce(json_agg(/*item*/ ORDER BY p./*order*/), '[]')::text AS items, max(p.code) AS last_code, count(*) AS n
FROM (SELECT r.*, ST_PointOnSurface(r.geom) AS at FROM (/*rows*/) AS r) AS p
JOIN components.classes AS k ON k.edition = p.edition AND k.kind = 'component' AND k.code = p.class_code
LEFT JOIN identity.departments AS m ON m.id = p.managing_id
LEFT JOIN identity.departments AS o ON o.id = p.owner_id
LEFT JOIN identity.departments AS t ON t.id = p.maintainer_id
