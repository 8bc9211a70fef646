-- A department and everything below it; a search for a department finds what its subordinates hold.
WITH RECURSIVE tree AS (
    SELECT id FROM identity.departments WHERE id = :id
    UNION
    SELECT d.id FROM identity.departments AS d JOIN tree ON d.parent_id = tree.id
)
SELECT id FROM tree
