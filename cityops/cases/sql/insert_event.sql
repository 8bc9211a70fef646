-- The next link of a chain.
INSERT INTO cases.events (case_id, seq, at, act, actor_id, actor_post, from_state, to_state, body, prev_digest, digest)
VALUES (:case_id, :seq, :at, :act, :actor_id, :actor_post, :from_state, :to_state, :body, :prev_digest, :digest)
