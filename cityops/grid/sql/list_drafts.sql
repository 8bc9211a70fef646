-- The newest drafts as a JSON array.
SELECT COALESCE(json_agg(json_build_object(
    'id', d.id, 'title', d.title, 'reason', d.reason, 'state', d.state, 'version', d.version, 'created_at', d.created_at
) ORDER BY d.id DESC), '[]'::json)::text
FROM (
    SELECT * FROM grid.drafts WHERE CAST(:state AS text) IS NULL OR state = :state ORDER BY id DESC LIMIT 200
) AS d
