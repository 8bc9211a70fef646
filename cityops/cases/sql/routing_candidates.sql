-- What each routing rule would say about a place. A department of a duty is found by its code, or by the code with a suffix
-- ('DR', 'DR-411303'); of several the one whose division is the narrowest around the cell is taken.
SELECT 'component_maintainer' AS rule, d.id, d.name_zh, d.name_en
FROM identity.departments AS d
WHERE d.id = :maintainer_id AND d.active
UNION ALL
SELECT * FROM (
    SELECT 'condition_department', d.id, d.name_zh, d.name_en
    FROM identity.departments AS d
    WHERE d.active AND (d.code = :condition_department OR d.code LIKE :condition_department || '-%')
      AND (d.division_code IS NULL OR CAST(:cell_code AS text) LIKE d.division_code || '%')
    ORDER BY length(d.division_code) DESC NULLS LAST, d.id LIMIT 1
) AS by_condition
UNION ALL
SELECT * FROM (
    SELECT 'class_department', d.id, d.name_zh, d.name_en
    FROM identity.departments AS d
    WHERE d.active AND (d.code = :class_department OR d.code LIKE :class_department || '-%')
      AND (d.division_code IS NULL OR CAST(:cell_code AS text) LIKE d.division_code || '%')
    ORDER BY length(d.division_code) DESC NULLS LAST, d.id LIMIT 1
) AS by_class
UNION ALL
SELECT * FROM (
    SELECT 'street', d.id, d.name_zh, d.name_en
    FROM identity.departments AS d
    WHERE d.active AND d.division_code = left(CAST(:cell_code AS text), 9)
    ORDER BY d.id LIMIT 1
) AS by_street
