-- An inspector's tasks, the nearest first when his place is known, else by deadline.
SELECT json_build_object(
    'items', coalesce(json_agg(json_build_object(
        'id', t.id, 'kind', t.kind, 'case_number', t.number, 'case_state', t.case_state, 'case_version', t.version, 'state', t.state,
        'created_at', t.created_at, 'soon_at', t.soon_at, 'due_at', t.due_at,
        'light', CASE WHEN t.state <> 'open' OR t.due_at IS NULL THEN 'paused' WHEN :now > t.due_at THEN 'late'
                      WHEN :now >= t.soon_at THEN 'soon' ELSE 'ok' END,
        'assignee_id', t.assignee_id, 'lon', round(ST_X(t.geom)::numeric, 7), 'lat', round(ST_Y(t.geom)::numeric, 7),
        'class_code', t.class_code, 'class_name_zh', k.name_zh, 'class_name_en', k.name_en, 'mark', k.mark, 'icon', k.icon,
        'address', t.address, 'description', t.description, 'cell_code', t.cell_code,
        'distance_m', round(t.distance_m::numeric, 1),
        'photos', (SELECT coalesce(json_agg(json_build_object('id', p.photo_id, 'phase', p.phase,
                                                              'thumb', '/api/v1/media/' || p.photo_id || '/thumb') ORDER BY p.seq, p.photo_id), '[]')
                   FROM cases.photos AS p WHERE p.case_id = t.case_id)
    ) ORDER BY t.place) FILTER (WHERE t.place <= :limit), '[]'),
    'more', count(*) > :limit
)::text
FROM (
    SELECT x.*, row_number() OVER (ORDER BY x.distance_m NULLS LAST, x.due_at NULLS LAST, x.id) AS place
    FROM (
        SELECT t.id, t.case_id, t.kind, t.state, t.created_at, t.soon_at, t.due_at, t.assignee_id, c.number, c.state AS case_state, c.version,
               c.geom, c.kind AS case_kind, c.edition, c.class_code, c.address, c.description, c.cell_code,
               ST_DistanceSphere(c.geom, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)) AS distance_m
        FROM cases.tasks AS t
        JOIN cases.cases AS c ON c.id = t.case_id
        WHERE t.state = :state AND {whose} AND {visible}
    ) AS x
    ORDER BY place
    LIMIT :limit + 1
) AS t
LEFT JOIN components.classes AS k ON k.edition = t.edition AND k.kind = t.case_kind AND k.code = t.class_code
