-- The vital signs of what a viewer sees. A suspended case is neither late nor soon due; one that an appeal took out of the
-- statistics is not in the rate. The on-time rate is over the cases closed in the last 30 days; an inspector counts
-- when he walks a beat of which the viewer sees a cell, and is on duty when he was heard of in the last half hour.
WITH work AS (
    SELECT count(*) AS open,
           count(*) FILTER (WHERE c.state_due_at < :now AND c.state <> 'suspended') AS late,
           count(*) FILTER (WHERE c.state_soon_at <= :now AND c.state_due_at >= :now AND c.state <> 'suspended') AS soon
    FROM cases.cases AS c
    WHERE c.state NOT IN ('closed', 'voided') AND {visible}
),
done AS (
    SELECT count(*) AS closed, count(*) FILTER (WHERE c.overdue_count = 0) AS in_time
    FROM cases.cases AS c
    WHERE c.closed_at > :now - interval '30 days' AND NOT c.exempt AND {visible}
),
people AS (
    SELECT count(*) AS inspectors,
           count(*) FILTER (WHERE EXISTS (
               SELECT 1 FROM identity.sessions AS s
               WHERE s.user_id = u.id AND s.revoked_at IS NULL AND s.last_seen_at > :now - interval '30 minutes'
           )) AS on_duty
    FROM identity.users AS u
    WHERE u.active AND u.posts @> ARRAY['inspector'] AND EXISTS (
        SELECT 1
        FROM (
            SELECT s.beat_id FROM identity.scopes AS s WHERE s.user_id = u.id AND s.beat_id IS NOT NULL
            UNION
            SELECT i.beat_id FROM grid.beat_inspectors AS i WHERE i.user_id = u.id AND i.until IS NULL
        ) AS walked
        JOIN grid.beat_cells AS b ON b.beat_id = walked.beat_id AND b.until IS NULL
        WHERE {walked}
    )
)
SELECT json_build_object(
    'open', work.open, 'late', work.late, 'soon', work.soon,
    'on_time_rate', CASE WHEN done.closed > 0 THEN round(done.in_time::numeric / done.closed, 4) END,
    'closed_30_days', done.closed, 'inspectors', people.inspectors, 'inspectors_on_duty', people.on_duty
)::text
FROM work, done, people
