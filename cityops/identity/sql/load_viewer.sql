-- Everything a request needs to know about who sent it, in one round trip: the session, its user, his scopes, and the
-- subtrees of his own department and of the departments his scopes name. No row means: not signed in, for whatever reason.
WITH RECURSIVE live AS (
    SELECT s.id AS session_id, s.kind, s.csrf, s.expires_at, s.last_seen_at,
           u.id, u.login, u.name, u.posts, u.department_id
    FROM identity.sessions AS s
    JOIN identity.users AS u ON u.id = s.user_id
    WHERE s.token_digest = :digest
      AND s.revoked_at IS NULL
      AND s.expires_at > :now
      AND u.active
      AND (u.locked_until IS NULL OR u.locked_until <= :now)
),
scopes AS (
    SELECT sc.* FROM identity.scopes AS sc JOIN live ON sc.user_id = live.id
),
below (root, id) AS (
    SELECT d.id, d.id
    FROM identity.departments AS d
    WHERE d.id IN (SELECT department_id FROM live UNION SELECT department_id FROM scopes)
    UNION
    SELECT below.root, d.id
    FROM below
    JOIN identity.departments AS d ON d.parent_id = below.id
)
SELECT live.*,
       (SELECT json_agg(json_build_array(division_code, beat_id, department_id, layer)) FROM scopes) AS scopes,
       (SELECT json_agg(json_build_array(root, ids)) FROM (SELECT root, json_agg(id) AS ids FROM below GROUP BY root) AS t) AS subtrees
FROM live
