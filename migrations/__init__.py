"""One linear Alembic history for the core; no city data in it. Begin with versions/0001_core.py."""
