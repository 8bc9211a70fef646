-- One component in full, as JSON and as a GeoJSON feature. The tag holds the versions of the row and of its class, whose names it shows.
SELECT json_build_object(/*fields*/, 'geometry', ST_AsGeoJSON(p.geom, 7, 0)::json, 'aliases', a.codes, 'change', h.change)::text AS body,
    json_build_object('type', 'Feature', 'id', p.code, 'geometry', ST_AsGeoJSON(p.geom, 7, 0)::json,
        'properties', json_build_object(/*fields*/, 'aliases', a.codes))::text AS feature,
    p.version || '.' || k.version AS tag
FROM (SELECT c.*, ST_PointOnSurface(c.geom) AS at FROM /*source*/ WHERE c.id = :id AND /*where*/) AS p
JOIN components.classes AS k ON k.edition = p.edition AND k.kind = 'component' AND k.code = p.class_code
LEFT JOIN identity.departments AS m ON m.id = p.managing_id
LEFT JOIN identity.departments AS o ON o.id = p.owner_id
LEFT JOIN identity.departments AS t ON t.id = p.maintainer_id
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(x.old_code ORDER BY x.since, x.old_code), '[]') AS codes FROM components.code_aliases AS x WHERE x.component_id = p.id
) AS a
CROSS JOIN LATERAL (
    SELECT json_build_object('at', x.at, 'act', x.act, 'reason', x.reason, 'actor_id', x.actor_id, 'actor_name', u.name) AS change
    FROM components.changes AS x LEFT JOIN identity.users AS u ON u.id = x.actor_id WHERE x.id = p.change_id
) AS h
