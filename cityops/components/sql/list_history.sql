-- Every version of a component the viewer may see now, newest first, each with the act that made it and the fields that act changed.
SELECT CASE WHEN count(*) = 0 THEN NULL ELSE json_build_object('items', json_agg(json_build_object(
        'version', v.version, 'code', v.code, 'valid_from', v.valid_from, 'valid_to', v.valid_to,
        'act', h.act, 'reason', h.reason, 'actor_id', h.actor_id, 'actor_name', u.name, 'batch_id', h.batch_id,
        'changed', (SELECT coalesce(json_agg(n.key ORDER BY n.key), '[]') FROM jsonb_each(v.fields) AS n
                    WHERE v.before IS NOT NULL AND n.value IS DISTINCT FROM v.before -> n.key),
        'values', v.fields) ORDER BY v.version DESC))::text END AS body
FROM (
    SELECT w.*, lag(w.fields) OVER (ORDER BY w.version) AS before
    FROM (
        SELECT r.version, r.code, r.change_id, r.valid_from, r.valid_to, jsonb_build_object('code', r.code, 'edition', r.edition,
            'class_code', r.class_code, 'name', r.name, 'cell_code', r.cell_code, 'managing_id', r.managing_id, 'owner_id', r.owner_id,
            'maintainer_id', r.maintainer_id, 'state', r.state, 'started_on', r.started_on, 'source', r.source, 'note', r.note,
            'attributes', r.attributes, 'retired_at', r.retired_at, 'geometry', ST_AsGeoJSON(r.geom, 7, 0)::jsonb) AS fields
        FROM (
            SELECT c.*, NULL::timestamptz AS valid_to FROM components.components AS c WHERE c.id = :id AND /*where*/
            UNION ALL
            SELECT x.id, x.code, x.edition, x.class_code, x.name, x.geom, x.cell_code, x.managing_id, x.owner_id, x.maintainer_id, x.state,
                x.started_on, x.changed_on, x.source, x.note, x.attributes, x.retired_at, x.valid_from, x.change_id, x.version, x.valid_to
            FROM components.history AS x
            WHERE x.id = :id AND EXISTS (SELECT 1 FROM components.components AS c WHERE c.id = :id AND /*where*/)
        ) AS r
    ) AS w
) AS v
JOIN components.changes AS h ON h.id = v.change_id
LEFT JOIN identity.users AS u ON u.id = h.actor_id
