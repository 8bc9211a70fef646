-- The active classes of the editions in force, each with the filing words of its first standard and its major class.
SELECT c.edition, c.kind, c.code, c.name_zh, c.name_en, f.filing_zh, f.filing_en, m.name_zh AS major_zh, m.name_en AS major_en
FROM components.classes AS c
JOIN components.editions AS e ON e.id = c.edition AND e.in_force
LEFT JOIN components.major_classes AS m ON m.edition = c.edition AND m.kind = c.kind AND m.code = left(c.code, 2)
LEFT JOIN LATERAL (
    SELECT s.filing_zh, s.filing_en FROM standards.conditions AS s
    WHERE s.edition = c.edition AND s.kind = c.kind AND s.class_code = c.code AND NOT s.is_default
        AND s.effective_from <= :on AND coalesce(s.effective_to, 'infinity') >= :on
    ORDER BY s.number, s.milestone NULLS FIRST LIMIT 1
) AS f ON true
WHERE c.active AND (CAST(:edition AS text) IS NULL OR (c.edition = :edition AND c.kind = :kind AND c.code = :code))
ORDER BY c.edition = 'local', c.edition, c.kind DESC, c.code
