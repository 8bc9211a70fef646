"""Special acts of a case: delay, suspension, supervision, forced closing, reopening, appeal, urgency; and their guards."""

from alembic import op

revision = "0011"
down_revision = "0010"

COLUMNS = """
ALTER TABLE cases.cases
    -- An application of the department that nobody has decided yet; for a suspension also the date it asks for.
    ADD COLUMN pending text CHECK (pending IN ('delay', 'suspension')),
    ADD COLUMN asked_until timestamptz,
    ADD COLUMN delay_count integer NOT NULL DEFAULT 0,
    ADD COLUMN suspension_count integer NOT NULL DEFAULT 0,
    ADD COLUMN suspended_at timestamptz,
    ADD COLUMN suspended_until timestamptz,
    ADD COLUMN redispatch_count integer NOT NULL DEFAULT 0 CHECK (redispatch_count >= 0),
    ADD COLUMN supervision text CHECK (supervision IN ('open', 'answered')),
    ADD COLUMN supervision_kind text,
    ADD COLUMN supervision_count integer NOT NULL DEFAULT 0 CHECK (supervision_count >= 0),
    ADD COLUMN forced boolean NOT NULL DEFAULT false,
    ADD COLUMN reopen_count integer NOT NULL DEFAULT 0 CHECK (reopen_count >= 0),
    ADD COLUMN appeal text CHECK (appeal IN ('asked', 'passed', 'approved', 'refused')),
    -- Left out of the statistics after an appeal; overdue_count stays what it was.
    ADD COLUMN exempt boolean NOT NULL DEFAULT false,
    ADD COLUMN urgent boolean NOT NULL DEFAULT false,
    ADD COLUMN simplified boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT ck_cases_at_most_two_delays CHECK (delay_count BETWEEN 0 AND 2),
    ADD CONSTRAINT ck_cases_suspended_once CHECK (suspension_count BETWEEN 0 AND 1),
    ADD CONSTRAINT ck_cases_applied_while_handled
        CHECK (pending IS NULL OR state = 'handling' OR (state = 'to_handle' AND pending = 'delay')),
    ADD CONSTRAINT ck_cases_suspension_asks_for_a_date CHECK ((pending IS NOT DISTINCT FROM 'suspension') = (asked_until IS NOT NULL)),
    ADD CONSTRAINT ck_cases_suspended_says_until_when CHECK (
        (state = 'suspended') = (suspended_until IS NOT NULL) AND (suspended_at IS NULL) = (suspended_until IS NULL)
        AND (state <> 'suspended' OR (suspension_count = 1 AND state_due_at = suspended_until))
    ),
    ADD CONSTRAINT ck_cases_suspended_for_a_year CHECK (
        suspended_until > suspended_at AND suspended_until <= suspended_at + interval '366 days'
    ),
    ADD CONSTRAINT ck_cases_supervision_says_what CHECK ((supervision IS NULL) = (supervision_kind IS NULL)),
    ADD CONSTRAINT ck_cases_answered_before_feedback
        CHECK (supervision IS DISTINCT FROM 'open' OR state NOT IN ('to_check', 'checking', 'to_close')),
    ADD CONSTRAINT ck_cases_forced_is_closed CHECK (NOT forced OR state = 'closed'),
    ADD CONSTRAINT ck_cases_appeal_about_overdue CHECK (appeal IS NULL OR overdue_count > 0),
    ADD CONSTRAINT ck_cases_exempt_by_appeal CHECK (exempt = (appeal IS NOT DISTINCT FROM 'approved'));

CREATE INDEX ix_cases_pending ON cases.cases (pending, state_due_at, id) WHERE pending IS NOT NULL;
CREATE INDEX ix_cases_suspended_until ON cases.cases (suspended_until, id) WHERE state = 'suspended';
CREATE INDEX ix_cases_supervision_open ON cases.cases (state_due_at, id) WHERE supervision = 'open';
CREATE INDEX ix_cases_appeal_open ON cases.cases (closed_at, id) WHERE appeal IN ('asked', 'passed');
DROP INDEX cases.ix_cases_closed_at;
CREATE INDEX ix_cases_closed_at ON cases.cases (closed_at)
    INCLUDE (overdue_count, exempt, cell_code, beat_id, department_id, reporter_id, assignee_id) WHERE closed_at IS NOT NULL;
"""

# What no CHECK can see, because it compares the row with what it was. Deadlines, counts and marks stand on the chain, so
# they move together with an event only; counts never fall; a decided appeal stays decided; a delay comes before the deadline.
GUARD = """
CREATE FUNCTION cases.refuse_unfounded_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.event_count = OLD.event_count AND (
        NEW.due_at, NEW.soon_at, NEW.state_due_at, NEW.state_soon_at, NEW.pending, NEW.asked_until, NEW.delay_count, NEW.suspension_count,
        NEW.suspended_at, NEW.suspended_until, NEW.redispatch_count, NEW.supervision, NEW.supervision_kind, NEW.supervision_count,
        NEW.forced, NEW.reopen_count, NEW.appeal, NEW.exempt, NEW.urgent, NEW.simplified, NEW.overdue_count, NEW.rework_count,
        NEW.return_count, NEW.closed_at, NEW.limit_value, NEW.limit_unit
    ) IS DISTINCT FROM (
        OLD.due_at, OLD.soon_at, OLD.state_due_at, OLD.state_soon_at, OLD.pending, OLD.asked_until, OLD.delay_count, OLD.suspension_count,
        OLD.suspended_at, OLD.suspended_until, OLD.redispatch_count, OLD.supervision, OLD.supervision_kind, OLD.supervision_count,
        OLD.forced, OLD.reopen_count, OLD.appeal, OLD.exempt, OLD.urgent, OLD.simplified, OLD.overdue_count, OLD.rework_count,
        OLD.return_count, OLD.closed_at, OLD.limit_value, OLD.limit_unit
    ) THEN
        RAISE EXCEPTION 'deadline, counts and marks of case % change with an event only', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.delay_count < OLD.delay_count OR NEW.suspension_count < OLD.suspension_count OR NEW.overdue_count < OLD.overdue_count
        OR NEW.rework_count < OLD.rework_count OR NEW.return_count < OLD.return_count OR NEW.reopen_count < OLD.reopen_count
        OR NEW.redispatch_count < OLD.redispatch_count OR NEW.supervision_count < OLD.supervision_count
    THEN
        RAISE EXCEPTION 'what case % went through cannot be counted back', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.delay_count > OLD.delay_count AND OLD.pending IS DISTINCT FROM 'delay'
        OR NEW.suspension_count > OLD.suspension_count AND OLD.pending IS DISTINCT FROM 'suspension'
    THEN
        RAISE EXCEPTION 'nobody applied for what case % is granted', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.pending = 'delay' AND OLD.pending IS NULL AND NEW.updated_at > OLD.due_at THEN
        RAISE EXCEPTION 'the deadline of case % has passed, so no delay can be applied for', OLD.number
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.appeal IS DISTINCT FROM OLD.appeal AND NOT coalesce(
        (OLD.appeal IS NULL AND NEW.appeal = 'asked') OR (OLD.appeal = 'asked' AND NEW.appeal IN ('passed', 'refused'))
        OR (OLD.appeal = 'passed' AND NEW.appeal IN ('approved', 'refused')), false
    ) THEN
        RAISE EXCEPTION 'the appeal of case % cannot go from % to %', OLD.number, OLD.appeal, NEW.appeal
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'closed' AND NEW.state <> 'closed' AND NEW.reopen_count <> OLD.reopen_count + 1 THEN
        RAISE EXCEPTION 'case % is closed; leaving that is a reopening', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER founded_change BEFORE UPDATE ON cases.cases FOR EACH ROW EXECUTE FUNCTION cases.refuse_unfounded_change();
"""


def upgrade() -> None:
    op.execute(COLUMNS)
    op.execute(GUARD)
