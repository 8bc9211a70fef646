"""Alembic's entry: it is always handed an open connection by `cityops.db.migrate`."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=True, version_table="schema_revision")
context.run_migrations()
