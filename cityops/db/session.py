"""The unit of work: one transaction in which all that belongs together is written, or none of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cityops.db import versions

AFTER_COMMIT = "cityops.after_commit"


@contextmanager
def unit_of_work(engine: Engine) -> Iterator[Session]:
    """A session that commits when the block ends well and rolls back when it raises.

    Just before the commit the touched layer versions are bumped (in sorted order, so that two units cannot deadlock on
    them), and after it the callbacks given to `after_commit` run.
    """
    with Session(engine, expire_on_commit=False) as session:
        try:
            yield session
            finish(session)
        except BaseException:
            session.rollback()
            raise


def finish(session: Session) -> None:
    """Bump what was touched, commit, then run the side effects that wait for the commit."""
    session.flush()
    areas = versions.bump_touched(session)
    session.commit()
    versions.announce_committed(areas)
    for callback in session.info.pop(AFTER_COMMIT, []):
        callback()


def after_commit(session: Session, callback: Callable[[], None]) -> None:
    """Run `callback` once the transaction of `session` is safely committed; never when it is rolled back."""
    session.info.setdefault(AFTER_COMMIT, []).append(callback)
