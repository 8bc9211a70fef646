"""The catalogue's memory of which manifests were turned into tables."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("CREATE SCHEMA catalog")
    op.execute(
        """
        CREATE TABLE catalog.layers (
            id text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9_]*$'),
            geometry text NOT NULL CHECK (geometry IN ('point', 'line', 'polygon')),
            digest text NOT NULL,
            synced_at timestamptz NOT NULL
        )
        """
    )
