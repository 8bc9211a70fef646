-- Whether everything after the snapshot `after` is still in the outbox: nothing that old was pruned, and it is not from the future
-- (a cursor of another database).
SELECT
    pg_snapshot_xmax(CAST(%(after)s AS pg_snapshot)) <= pg_snapshot_xmax(pg_current_snapshot())
    AND pg_snapshot_xmin(CAST(%(after)s AS pg_snapshot))::text::numeric > coalesce(
        (SELECT (value #>> '{}')::numeric FROM core.settings WHERE key = 'outbox.pruned_txid'), -1
    )
