-- One cell with its place in the city, its beat, what it was before and what followed it.
SELECT c.version,
    json_build_object(
        'code', c.code,
        'community_code', c.community_code,
        'community_name_zh', community.name_zh,
        'community_name_en', community.name_en,
        'street_name_zh', street.name_zh,
        'street_name_en', street.name_en,
        'area_m2', round(c.area_m2::numeric, 1),
        'grade', c.grade,
        'started_on', c.started_on,
        'ended_on', c.ended_on,
        'end_reason', c.end_reason,
        'successor_codes', c.successor_codes,
        'note', c.note,
        'beat_id', bc.beat_id,
        'version', c.version,
        'geometry', ST_AsGeoJSON(c.geom, 7, 0)::json,
        'history', COALESCE((
            SELECT json_agg(json_build_object(
                'version', h.version, 'act', h.act, 'reason', h.reason, 'draft_id', h.draft_id,
                'area_m2', round(h.area_m2::numeric, 1), 'grade', h.grade, 'valid_to', h.valid_to
            ) ORDER BY h.version DESC)
            FROM grid.cell_history AS h WHERE h.code = c.code
        ), '[]'::json)
    )::text AS body
FROM grid.cells AS c
JOIN grid.divisions AS community ON community.code = c.community_code
JOIN grid.divisions AS street ON street.code = community.parent_code
LEFT JOIN grid.beat_cells AS bc ON bc.cell_code = c.code AND bc.until IS NULL
WHERE c.code = CAST(:code AS bpchar) AND {visible}
