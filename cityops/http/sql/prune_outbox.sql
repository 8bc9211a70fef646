-- Forget events older than some days, and remember up to which transaction, so that an older cursor is told to begin anew.
WITH gone AS (
    DELETE FROM core.outbox WHERE at < clock_timestamp() - make_interval(days => %(days)s) RETURNING txid
)
INSERT INTO core.settings AS s (key, value)
SELECT 'outbox.pruned_txid', to_jsonb(max(txid::text::numeric)) FROM gone HAVING count(*) > 0
ON CONFLICT (key) DO UPDATE
SET value = to_jsonb(greatest((s.value #>> '{}')::numeric, (excluded.value #>> '{}')::numeric)), changed_at = clock_timestamp()
