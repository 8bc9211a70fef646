-- The changes of a draft, one row per drawn cell, in the order they were added.
SELECT ch.id, ch.act, ch.cell_codes,
       dc.id AS cell_id, dc.community_code, ST_AsBinary(dc.geom) AS geom, dc.grade, dc.note, dc.keeps_code, dc.code
FROM grid.draft_changes AS ch
JOIN grid.draft_cells AS dc ON dc.change_id = ch.id
WHERE ch.draft_id = :draft
ORDER BY ch.id, dc.id
