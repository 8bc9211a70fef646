-- One draft with its changes; each drawn cell as a GeoJSON feature, with the code it keeps or was given.
SELECT d.version,
    json_build_object(
        'id', d.id, 'title', d.title, 'reason', d.reason, 'state', d.state, 'version', d.version,
        'created_at', d.created_at, 'closed_at', d.closed_at,
        'changes', COALESCE((
            SELECT json_agg(json_build_object(
                'id', ch.id, 'act', ch.act, 'cell_codes', ch.cell_codes, 'added_at', ch.added_at,
                'cells', (
                    SELECT json_build_object('type', 'FeatureCollection', 'features', COALESCE(json_agg(json_build_object(
                        'type', 'Feature', 'geometry', ST_AsGeoJSON(dc.geom, 7, 0)::json,
                        'properties', json_build_object(
                            'community_code', dc.community_code, 'grade', dc.grade, 'note', dc.note,
                            'keeps_code', dc.keeps_code, 'code', dc.code
                        )
                    ) ORDER BY dc.id), '[]'::json))
                    FROM grid.draft_cells AS dc WHERE dc.change_id = ch.id
                )
            ) ORDER BY ch.id)
            FROM grid.draft_changes AS ch WHERE ch.draft_id = d.id
        ), '[]'::json)
    )::text AS body
FROM grid.drafts AS d
WHERE d.id = :id
