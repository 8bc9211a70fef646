"""Alembic's entry: it is always handed an open connection by `cityops.db.migrate`."""

from alembic import context

from cityops.db.migrate import VERSION_TABLE

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=True, version_table=VERSION_TABLE)
context.run_migrations()
