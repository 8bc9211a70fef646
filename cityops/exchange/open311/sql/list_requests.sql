-- Cases that came by a public channel, newest first. The description is what the public channel gave, never what a desk wrote.
SELECT c.number, c.state, c.stage, c.kind, c.edition, c.class_code, cl.name_zh, cl.name_en, r.description, c.address,
    d.name_zh AS department_zh, d.name_en AS department_en, c.reported_at, c.updated_at, c.due_at, c.closed_at,
    ST_Y(c.geom) AS lat, ST_X(c.geom) AS lon, c.cell_code, c.rework_count
FROM cases.cases AS c
JOIN components.classes AS cl ON cl.edition = c.edition AND cl.kind = c.kind AND cl.code = c.class_code
LEFT JOIN exchange.open311_requests AS r ON r.case_id = c.id
LEFT JOIN identity.departments AS d ON d.id = c.department_id
WHERE c.source = 'public' AND {where}
ORDER BY c.reported_at DESC, c.id DESC
LIMIT :limit OFFSET :offset
