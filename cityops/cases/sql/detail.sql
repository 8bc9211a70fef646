-- A whole case as one JSON object, without the acts, which the policy adds.
SELECT json_build_object(
    'number', c.number, 'version', c.version, 'state', c.state, 'stage', c.stage,
    'state_zh', ws.title_zh, 'state_en', ws.title_en,
    'light', {light}, 'kind', c.kind, 'edition', c.edition, 'class_code', c.class_code,
    'class_name_zh', k.name_zh, 'class_name_en', k.name_en, 'mark', k.mark, 'icon', k.icon, 'source', c.source, 'verified', c.verified,
    'description', c.description, 'address', c.address, 'accuracy_m', c.accuracy_m,
    'lon', round(ST_X(c.geom)::numeric, 7), 'lat', round(ST_Y(c.geom)::numeric, 7),
    'cell_code', c.cell_code,
    'reported_cell_code', (SELECT CAST(e.body AS json) -> 'body' ->> 'cell_code' FROM cases.events AS e WHERE e.case_id = c.id AND e.seq = 1),
    'area_grade', c.area_grade,
    'district_name_zh', d1.name_zh, 'district_name_en', d1.name_en, 'street_name_zh', d2.name_zh, 'street_name_en', d2.name_en,
    'community_name_zh', d3.name_zh, 'community_name_en', d3.name_en,
    'beat', (SELECT json_build_object('id', b.id, 'code', b.code, 'name_zh', b.name_zh, 'name_en', b.name_en)
             FROM grid.beats AS b WHERE b.id = c.beat_id),
    'component', (SELECT json_build_object('code', p.code, 'code_then', c.component_code, 'name', p.name, 'class_code', p.class_code,
                                           'state', p.state, 'retired_at', p.retired_at)
                  FROM components.components AS p WHERE p.id = c.component_id),
    'condition', (SELECT json_build_object('id', s.id, 'number', s.number, 'filing_zh', s.filing_zh, 'filing_en', s.filing_en,
                                           'closing_zh', s.closing_zh, 'closing_en', s.closing_en, 'legal_basis', s.legal_basis)
                  FROM standards.conditions AS s WHERE s.id = c.condition_id),
    'limit', CASE WHEN c.limit_value IS NOT NULL THEN json_build_object('value', c.limit_value, 'unit', c.limit_unit) END,
    'department_id', c.department_id, 'department_name_zh', dep.name_zh, 'department_name_en', dep.name_en,
    'routing', c.routing,
    'reporter_name', (SELECT u.name FROM identity.users AS u WHERE u.id = c.reporter_id),
    'handler_name', (SELECT u.name FROM identity.users AS u WHERE u.id = c.handler_id),
    'assignee_id', c.assignee_id, 'assignee_name', (SELECT u.name FROM identity.users AS u WHERE u.id = c.assignee_id),
    'reported_at', c.reported_at, 'filed_at', c.filed_at, 'dispatched_at', c.dispatched_at, 'handled_at', c.handled_at,
    'closed_at', c.closed_at, 'due_at', c.due_at, 'soon_at', c.soon_at, 'state_due_at', c.state_due_at,
    'state_soon_at', c.state_soon_at, 'updated_at', c.updated_at,
    'rework_count', c.rework_count, 'return_count', c.return_count, 'overdue_count', c.overdue_count,
    'event_count', c.event_count, 'head_digest', encode(c.head_digest, 'hex'),
    'photos', coalesce((
        SELECT json_agg(json_build_object(
            'id', m.id, 'phase', cp.phase, 'seq', cp.seq, 'taken_at', coalesce(m.taken_at, m.created_at), 'lon', m.lon, 'lat', m.lat,
            'width', f.width, 'height', f.height, 'digest', encode(f.digest, 'hex'),
            'thumb', '/api/v1/media/' || m.id || '/thumb', 'full', '/api/v1/media/' || m.id || '/full') ORDER BY cp.seq, m.id)
        FROM cases.photos AS cp JOIN media.photos AS m ON m.id = cp.photo_id JOIN media.files AS f ON f.digest = m.digest
        WHERE cp.case_id = c.id), '[]'),
    'events', (
        SELECT json_agg(json_build_object(
            'seq', e.seq, 'at', e.at, 'act', e.act, 'actor_id', e.actor_id, 'actor_name', u.name, 'actor_post', e.actor_post,
            'from_state', e.from_state, 'to_state', e.to_state, 'reason', b.body ->> 'reason', 'result', b.body ->> 'result',
            'note', coalesce(b.body ->> 'note', b.body ->> 'reason'), 'digest', encode(e.digest, 'hex')) ORDER BY e.seq)
        FROM cases.events AS e
        LEFT JOIN identity.users AS u ON u.id = e.actor_id
        CROSS JOIN LATERAL (SELECT CAST(e.body AS json) -> 'body' AS body) AS b
        WHERE e.case_id = c.id)
)::text
FROM cases.cases AS c
JOIN cases.workflow_states AS ws ON ws.state = c.state
LEFT JOIN components.classes AS k ON k.edition = c.edition AND k.kind = c.kind AND k.code = c.class_code
LEFT JOIN identity.departments AS dep ON dep.id = c.department_id
LEFT JOIN grid.divisions AS d1 ON d1.code = left(CAST(c.cell_code AS text), 6)
LEFT JOIN grid.divisions AS d2 ON d2.code = left(CAST(c.cell_code AS text), 9)
LEFT JOIN grid.divisions AS d3 ON d3.code = left(CAST(c.cell_code AS text), 12)
WHERE c.id = :case_id
