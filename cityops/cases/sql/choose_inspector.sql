-- The inspector who gets a task: of those who walk the beat the one with the fewest open tasks, never one who handled the case.
SELECT u.id
FROM identity.users AS u
WHERE u.active AND 'inspector' = ANY (u.posts)
  AND u.id IN (
      SELECT b.user_id FROM grid.beat_inspectors AS b WHERE b.beat_id = :beat_id AND b.until IS NULL
      UNION
      SELECT s.user_id FROM identity.scopes AS s WHERE s.beat_id = :beat_id
  )
  AND NOT EXISTS (
      SELECT 1 FROM cases.events AS e WHERE e.case_id = :case_id AND e.actor_id = u.id AND e.act IN ('receive', 'handle')
  )
ORDER BY (SELECT count(*) FROM cases.tasks AS t WHERE t.assignee_id = u.id AND t.state = 'open'), u.id
LIMIT 1
