-- What the snapshot `until` sees and the snapshot `after` did not.
SELECT id, to_json(at) #>> '{}', topic, subject, payload
FROM core.outbox
WHERE txid >= pg_snapshot_xmin(CAST(%(after)s AS pg_snapshot))
  AND NOT pg_visible_in_snapshot(txid, CAST(%(after)s AS pg_snapshot))
  AND pg_visible_in_snapshot(txid, CAST(%(until)s AS pg_snapshot))
ORDER BY id
LIMIT %(limit)s
