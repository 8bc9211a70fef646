-- The department subtrees of one user who need not be signed in: his own department's and those his scopes name.
WITH RECURSIVE below (root, id) AS (
    SELECT d.id, d.id FROM identity.departments AS d WHERE d.id = ANY(CAST(:roots AS integer[]))
    UNION
    SELECT below.root, d.id
    FROM below
    JOIN identity.departments AS d ON d.parent_id = below.id
)
SELECT root, array_agg(id ORDER BY id) AS ids FROM below GROUP BY root
