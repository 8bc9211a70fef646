-- Bring the register to what was gathered: keep what people edited, renew what changed, bring back what returned, retire what is gone.
-- Returns the ids of the places whose names have to be written again.
WITH renewed AS (
    UPDATE gazetteer.places AS p SET
        kind = g.kind, name = g.name, name_en = g.name_en, category = g.category, geom = g.geom, point = g.point,
        retired_at = NULL, changed_at = :now, version = p.version + 1
    FROM gathered AS g
    WHERE p.source_ref = g.ref AND NOT p.edited
        AND (p.retired_at IS NOT NULL OR (p.kind, p.name) <> (g.kind, g.name) OR p.name_en IS DISTINCT FROM g.name_en
             OR p.category IS DISTINCT FROM g.category OR p.geom::bytea <> g.geom::bytea)
    RETURNING p.id
), added AS (
    INSERT INTO gazetteer.places (kind, name, name_en, category, geom, point, source, source_ref, registered_at, changed_at)
    SELECT g.kind, g.name, g.name_en, g.category, g.geom, g.point, g.source, g.ref, :now, :now FROM gathered AS g
    ON CONFLICT (source_ref) DO NOTHING
    RETURNING id
), gone AS (
    UPDATE gazetteer.places AS p SET retired_at = :now, changed_at = :now, version = p.version + 1
    WHERE p.source_ref IS NOT NULL AND p.kind <> 'plate' AND NOT p.edited AND p.retired_at IS NULL
        AND NOT EXISTS (SELECT FROM gathered AS g WHERE g.ref = p.source_ref)
    RETURNING p.id
)
SELECT id, 'renewed' AS what FROM renewed UNION ALL SELECT id, 'added' FROM added UNION ALL SELECT id, 'gone' FROM gone
