-- A case with all the guards of its acts look at, for one asking person. The caller holds the row's lock when it writes;
-- this is a statement of its own so that its snapshot is taken after the lock was granted.
SELECT
    c.id, c.number, c.version, c.state, c.source, c.kind, c.edition, c.class_code, c.condition_id, c.component_id,
    c.component_code, c.cell_code, c.beat_id, c.area_grade, c.department_id, c.handler_id, c.assignee_id, c.reporter_id,
    c.limit_value, c.limit_unit, c.handled_at, c.due_at, c.soon_at, c.rework_count, c.return_count, c.overdue_count, c.verified, c.routing,
    c.state_due_at, c.state_soon_at, c.closed_at, c.pending, c.asked_until, c.delay_count, c.suspension_count, c.suspended_until,
    c.redispatch_count, c.reopen_count, c.supervision, c.supervision_count, c.appeal,
    c.event_count, c.head_digest, c.updated_at, ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat,
    t.id AS task_id, t.assignee_id AS task_assignee_id,
    t.id IS NOT NULL AND (
        t.assignee_id IS NULL OR t.assignee_id = :user_id OR c.beat_id = ANY (CAST(:beat_ids AS integer[]))
        OR EXISTS (
            SELECT 1 FROM grid.beat_inspectors AS b
            WHERE b.beat_id = c.beat_id AND b.user_id = :user_id AND b.until IS NULL
        )
    ) AS may_answer_task,
    EXISTS (
        SELECT 1 FROM cases.events AS e
        WHERE e.case_id = c.id AND e.actor_id = :user_id AND e.act IN ('receive', 'handle')
    ) AS has_handled,
    -- The same branch of the tree: a team answers for its bureau, and a bureau for its team.
    c.department_id IS NOT NULL AND CAST(:user_department_id AS integer) IS NOT NULL AND EXISTS (
        WITH RECURSIVE above AS (
            SELECT d.id, d.parent_id, d.id AS origin FROM identity.departments AS d
            WHERE d.id IN (CAST(:user_department_id AS integer), c.department_id)
            UNION ALL
            SELECT d.id, d.parent_id, a.origin FROM above AS a JOIN identity.departments AS d ON d.id = a.parent_id
        )
        SELECT 1 FROM above AS a
        WHERE (a.id = c.department_id AND a.origin = CAST(:user_department_id AS integer)) OR (a.id = CAST(:user_department_id AS integer) AND a.origin = c.department_id)
    ) AS in_department
FROM cases.cases AS c
LEFT JOIN cases.tasks AS t ON t.case_id = c.id AND t.state = 'open'
WHERE c.id = :case_id
