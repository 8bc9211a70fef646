-- Class tables by edition, kind and code; a null parameter does not limit.
SELECT coalesce(json_agg(json_build_object('edition', k.edition, 'kind', k.kind, 'code', k.code, 'major', j.code,
        'major_name_zh', j.name_zh, 'major_name_en', j.name_en, 'name_zh', k.name_zh, 'name_en', k.name_en, 'geometry', k.geometry,
        'department_code', k.department_code, 'icon', k.icon, 'mark', k.mark, 'source_mark', k.source_mark, 'note', k.note,
        'active', k.active, 'version', k.version) ORDER BY k.edition, k.kind, k.code), '[]')::text
FROM components.classes AS k
LEFT JOIN components.major_classes AS j ON j.edition = k.edition AND j.kind = k.kind AND k.code LIKE j.code || '%'
WHERE (CAST(:edition AS text) IS NULL OR k.edition = :edition)
  AND (CAST(:kind AS text) IS NULL OR k.kind = :kind)
  AND (CAST(:active AS boolean) IS NULL OR k.active = :active)
  AND (CAST(:text AS text) IS NULL OR k.name_zh ILIKE :text OR k.name_en ILIKE :text OR k.code LIKE :text)
  AND (CAST(:code AS text) IS NULL OR k.code = :code)
