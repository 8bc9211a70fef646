-- One page of the list as JSON, with the sort key of its last row. The page is cut first, the names are joined to its few rows.
WITH page AS MATERIALIZED (
    SELECT c.*, row_number() OVER (ORDER BY {order}) AS place
    FROM ({rows}) AS c
)
SELECT
    coalesce(json_agg(json_build_object(
        'number', c.number, 'state', c.state, 'stage', c.stage, 'light', {light}, 'kind', c.kind, 'source', c.source,
        'class_code', c.class_code, 'class_name_zh', k.name_zh, 'class_name_en', k.name_en, 'mark', k.mark, 'icon', k.icon,
        'description', c.description, 'address', c.address, 'lon', round(ST_X(c.geom)::numeric, 7), 'lat', round(ST_Y(c.geom)::numeric, 7),
        'cell_code', c.cell_code, 'street_name_zh', s.name_zh, 'street_name_en', s.name_en,
        'department_id', c.department_id, 'department_name_zh', d.name_zh, 'department_name_en', d.name_en,
        'reported_at', c.reported_at, 'due_at', c.due_at, 'state_due_at', c.state_due_at, 'closed_at', c.closed_at,
        'rework_count', c.rework_count, 'urgent', c.urgent, 'supervision', c.supervision, 'pending', c.pending, 'version', c.version
    ) ORDER BY c.place) FILTER (WHERE c.place <= :limit), '[]')::text AS items,
    bool_or(c.place > :limit) AS has_more,
    (array_agg(c.id ORDER BY c.place DESC) FILTER (WHERE c.place <= :limit))[1] AS last_id,
    (array_agg({key} ORDER BY c.place DESC) FILTER (WHERE c.place <= :limit))[1] AS last_key
FROM page AS c
LEFT JOIN components.classes AS k ON k.edition = c.edition AND k.kind = c.kind AND k.code = c.class_code
LEFT JOIN identity.departments AS d ON d.id = c.department_id
LEFT JOIN grid.divisions AS s ON s.code = left(CAST(c.cell_code AS text), 9)
