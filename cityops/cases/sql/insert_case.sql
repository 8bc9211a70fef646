-- A new case with its first event: one statement, so that neither is ever seen without the other.
WITH made AS (
    INSERT INTO cases.cases (
        number, state, stage, kind, edition, class_code, condition_id, component_id, component_code, source, description,
        address, geom, accuracy_m, cell_code, beat_id, area_grade, reporter_id, limit_value, limit_unit, reported_at,
        state_due_at, state_soon_at, routing, event_count, head_digest, updated_at
    )
    VALUES (
        :number, :state, :stage, :kind, :edition, :class_code, :condition_id, :component_id, :component_code, :source, :description,
        :address, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490), :accuracy_m, :cell_code, :beat_id, :area_grade, :reporter_id,
        :limit_value, :limit_unit, :at, :state_due_at, :state_soon_at, CAST(:routing AS jsonb), 1, :digest, :at
    )
    RETURNING id
)
INSERT INTO cases.events (case_id, seq, at, act, actor_id, actor_post, from_state, to_state, body, prev_digest, digest)
SELECT made.id, 1, :at, :act, :reporter_id, :actor_post, NULL, :state, :body, :prev_digest, :digest FROM made
RETURNING case_id
