-- Editions of the class standard with their major classes, the one in force for new work first.
SELECT coalesce(json_agg(json_build_object('id', e.id, 'title_zh', e.title_zh, 'title_en', e.title_en, 'in_force', e.in_force, 'note', e.note,
        'classes', (SELECT count(*) FROM components.classes AS k WHERE k.edition = e.id),
        'majors', (SELECT coalesce(json_agg(json_build_object('kind', j.kind, 'code', j.code, 'name_zh', j.name_zh, 'name_en', j.name_en)
                       ORDER BY j.kind, j.code), '[]') FROM components.major_classes AS j WHERE j.edition = e.id))
    ORDER BY e.in_force DESC, e.id), '[]')::text
FROM components.editions AS e
