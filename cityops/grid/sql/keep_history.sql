-- Keep the cells as they are before a publication ends or reshapes them.
INSERT INTO grid.cell_history (code, version, geom, area_m2, grade, note, act, reason, draft_id, actor_id, valid_to)
SELECT c.code, c.version, c.geom, c.area_m2, c.grade, c.note, a.act, :reason, :draft, :actor, :at
FROM unnest(CAST(:codes AS bpchar[]), CAST(:acts AS text[])) AS a (code, act)
JOIN grid.cells AS c ON c.code = a.code
