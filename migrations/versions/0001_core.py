"""Extensions, and the three tables every room writes through: outbox, layer versions, idempotency."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE SCHEMA core")
    op.execute(
        """
        CREATE TABLE core.outbox (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            at timestamptz NOT NULL DEFAULT clock_timestamp(),
            topic text NOT NULL,
            subject text NOT NULL,
            payload jsonb NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX ix_outbox_txid_id ON core.outbox (txid, id)")
    op.execute("CREATE INDEX ix_outbox_at ON core.outbox USING brin (at)")
    op.execute(
        """
        CREATE TABLE core.layer_versions (
            layer text NOT NULL,
            x integer NOT NULL,
            y integer NOT NULL,
            version bigint NOT NULL DEFAULT 1,
            PRIMARY KEY (layer, x, y)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE core.idempotency (
            actor_id bigint NOT NULL,
            key text NOT NULL,
            request_digest bytea NOT NULL,
            status integer,
            headers jsonb,
            body bytea,
            created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (actor_id, key)
        )
        """
    )
    op.execute("CREATE INDEX ix_idempotency_created_at ON core.idempotency USING brin (created_at)")
    op.execute(
        """
        CREATE TABLE core.settings (
            key text PRIMARY KEY,
            value jsonb NOT NULL,
            changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
        )
        """
    )
