-- A whole case as one JSON object, without the acts, which the policy adds.
SELECT row_to_json(whole)::text
FROM (
    SELECT
        c.number, c.version, c.state, c.stage, ws.title_zh AS state_zh, ws.title_en AS state_en, {light} AS light,
        c.kind, c.edition, c.class_code, k.name_zh AS class_name_zh, k.name_en AS class_name_en, k.mark, k.icon,
        c.source, c.verified, c.description, c.address, c.accuracy_m,
        round(ST_X(c.geom)::numeric, 7) AS lon, round(ST_Y(c.geom)::numeric, 7) AS lat,
        c.cell_code, (SELECT CAST(e.body AS json) -> 'body' ->> 'cell_code' FROM cases.events AS e
                      WHERE e.case_id = c.id AND e.seq = 1) AS reported_cell_code,
        c.area_grade, d1.name_zh AS district_name_zh, d1.name_en AS district_name_en, d2.name_zh AS street_name_zh,
        d2.name_en AS street_name_en, d3.name_zh AS community_name_zh, d3.name_en AS community_name_en,
        (SELECT json_build_object('id', b.id, 'code', b.code, 'name_zh', b.name_zh, 'name_en', b.name_en)
         FROM grid.beats AS b WHERE b.id = c.beat_id) AS beat,
        (SELECT json_build_object('code', p.code, 'code_then', c.component_code, 'name', p.name, 'class_code', p.class_code,
                                  'state', p.state, 'retired_at', p.retired_at)
         FROM components.components AS p WHERE p.id = c.component_id) AS component,
        (SELECT json_build_object('id', s.id, 'number', s.number, 'filing_zh', s.filing_zh, 'filing_en', s.filing_en,
                                  'closing_zh', s.closing_zh, 'closing_en', s.closing_en, 'legal_basis', s.legal_basis)
         FROM standards.conditions AS s WHERE s.id = c.condition_id) AS condition,
        CASE WHEN c.limit_value IS NOT NULL
             THEN json_build_object('value', trim_scale(c.limit_value), 'unit', c.limit_unit) END AS "limit",
        c.department_id, dep.name_zh AS department_name_zh, dep.name_en AS department_name_en, c.routing,
        (SELECT u.name FROM identity.users AS u WHERE u.id = c.reporter_id) AS reporter_name,
        (SELECT u.name FROM identity.users AS u WHERE u.id = c.handler_id) AS handler_name,
        c.assignee_id, (SELECT u.name FROM identity.users AS u WHERE u.id = c.assignee_id) AS assignee_name,
        c.reported_at, c.filed_at, c.dispatched_at, c.handled_at, c.closed_at, c.due_at, c.soon_at, c.state_due_at, c.state_soon_at,
        c.updated_at, c.rework_count, c.return_count, c.overdue_count, c.pending, c.asked_until, c.delay_count, c.suspension_count,
        c.suspended_at, c.suspended_until, c.redispatch_count, c.supervision, c.supervision_kind, c.supervision_count, c.forced,
        c.reopen_count, c.appeal, c.exempt, c.urgent, c.simplified, c.event_count, encode(c.head_digest, 'hex') AS head_digest,
        coalesce((
            SELECT json_agg(json_build_object(
                'id', m.id, 'phase', cp.phase, 'seq', cp.seq, 'taken_at', coalesce(m.taken_at, m.created_at), 'lon', m.lon, 'lat', m.lat,
                'width', f.width, 'height', f.height, 'digest', encode(f.digest, 'hex'),
                'thumb', '/api/v1/media/' || m.id || '/thumb', 'full', '/api/v1/media/' || m.id || '/full') ORDER BY cp.seq, m.id)
            FROM cases.photos AS cp
            JOIN media.photos AS m ON m.id = cp.photo_id
            JOIN media.files AS f ON f.digest = m.digest
            WHERE cp.case_id = c.id), '[]') AS photos,
        (
            SELECT json_agg(json_build_object(
                'seq', e.seq, 'at', e.at, 'act', e.act, 'actor_id', e.actor_id, 'actor_name', u.name, 'actor_post', e.actor_post,
                'from_state', e.from_state, 'to_state', e.to_state, 'reason', b.body ->> 'reason', 'result', b.body ->> 'result',
                'note', coalesce(b.body ->> 'note', b.body ->> 'reason'), 'digest', encode(e.digest, 'hex')) ORDER BY e.seq)
            FROM cases.events AS e
            LEFT JOIN identity.users AS u ON u.id = e.actor_id
            CROSS JOIN LATERAL (SELECT CAST(e.body AS json) -> 'body' AS body) AS b
            WHERE e.case_id = c.id
        ) AS events
    FROM cases.cases AS c
    JOIN cases.workflow_states AS ws ON ws.state = c.state
    LEFT JOIN components.classes AS k ON k.edition = c.edition AND k.kind = c.kind AND k.code = c.class_code
    LEFT JOIN identity.departments AS dep ON dep.id = c.department_id
    LEFT JOIN grid.divisions AS d1 ON d1.code = left(CAST(c.cell_code AS text), 6)
    LEFT JOIN grid.divisions AS d2 ON d2.code = left(CAST(c.cell_code AS text), 9)
    LEFT JOIN grid.divisions AS d3 ON d3.code = left(CAST(c.cell_code AS text), 12)
    WHERE c.id = :case_id
) AS whole
