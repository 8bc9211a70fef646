"""Loading into an empty table: rows first, indexes after, all in one transaction.

Building an index over rows that are there sorts them once; keeping it up to date row by row costs several times as much.
That is worth a lock on the whole table only while nobody can be reading anything from it, so only while it is empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

WORTHWHILE_ROWS = 20_000

SECONDARY = text(
    """
    SELECT pg_get_indexdef(i.indexrelid) AS definition, i.indexrelid::regclass::text AS name
    FROM pg_index AS i
    WHERE i.indrelid = 'components.components'::regclass AND NOT i.indisunique
    ORDER BY i.indexrelid
    """
)


@contextmanager
def without_indexes(session: Session, rows: int) -> Iterator[None]:
    """Run the block without the indexes of the components table but its primary key, if it is empty and the batch is large.

    The codes' uniqueness is proved when its index is built again; a duplicate then fails the whole transaction.
    """
    if rows < WORTHWHILE_ROWS or session.execute(text("SELECT EXISTS (SELECT 1 FROM components.components)")).scalar():
        yield
        return
    session.execute(text("LOCK TABLE components.components IN ACCESS EXCLUSIVE MODE"))
    if session.execute(text("SELECT EXISTS (SELECT 1 FROM components.components)")).scalar():
        yield  # somebody was faster than our lock
        return
    definitions = session.execute(SECONDARY).all()
    for index in definitions:
        session.execute(text(f"DROP INDEX {index.name}"))
    session.execute(text("ALTER TABLE components.components DROP CONSTRAINT uq_components_code"))
    yield
    memory = session.execute(text("SHOW maintenance_work_mem")).scalar_one()
    session.execute(text("SET LOCAL maintenance_work_mem = '256MB'"))
    session.execute(text("ALTER TABLE components.components ADD CONSTRAINT uq_components_code UNIQUE (code)"))
    for index in definitions:
        session.execute(text(index.definition))
    session.execute(text("SELECT set_config('maintenance_work_mem', :memory, true)"), {"memory": memory})
