-- What became visible since the snapshot `after`, and the snapshot this statement sees: one statement, so they belong together.
-- The comparison with xmin is what the index on (txid, id) serves; the second condition makes it exact.
SELECT
    pg_current_snapshot()::text,
    (
        SELECT json_agg(json_build_array(o.id, o.at, o.topic, o.subject, o.payload) ORDER BY o.id)
        FROM (
            SELECT id, at, topic, subject, payload
            FROM core.outbox
            WHERE txid >= pg_snapshot_xmin(CAST(%(after)s AS pg_snapshot))
              AND NOT pg_visible_in_snapshot(txid, CAST(%(after)s AS pg_snapshot))
            ORDER BY id
            LIMIT %(limit)s
        ) AS o
    )
