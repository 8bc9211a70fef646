"""Remembered viewers: cheap when nothing changed, gone on the next request when something did, in every process."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from cityops import clock
from cityops.db.engine import make_engine
from cityops.db.session import unit_of_work
from cityops.identity import board, operations, queries, rules, sessions, tokens, viewers
from cityops.identity.board import Board, Change
from cityops.identity.models import User
from cityops.identity.rules import Scope
from cityops.identity.viewers import Viewers
from tests.factories.identity import make_department, saved_user


class Counter:
    """Counts the statements an engine sends."""

    def __init__(self, engine: Engine) -> None:
        self.statements = 0
        event.listen(engine, "before_cursor_execute", self._count)

    def _count(self, *_: object) -> None:
        self.statements += 1


@pytest.fixture
def remembering(database: Engine, tmp_path: Path) -> Iterator[Viewers]:
    """A memory whose listener hears the database."""
    made = Viewers(database, tmp_path / "board")
    made.of("cityops-b-nobody")
    _until(lambda: made._listener is not None and made._listener.hears(time.monotonic()))
    time.sleep(0.1)  # the listener's first mark on the board comes just before it hears
    yield made
    made.close()


def _until(reached: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def _token(engine: Engine, user: User) -> str:
    with unit_of_work(engine) as session:
        return sessions.issue_token_for(session, user, kind="bearer", label="test", now=clock.now()).token


def _remembered(memory: Viewers, engine: Engine, token: str) -> None:
    """Look up until the answer comes from memory."""

    def without_a_query() -> bool:
        counter = Counter(engine)
        assert memory.of(token) is not None
        return counter.statements == 0

    _until(without_a_query)


def test_a_remembered_viewer_costs_no_query_and_a_few_microseconds(remembering: Viewers, database: Engine) -> None:
    token = _token(database, saved_user(database, "acceptor", scopes=[Scope()]))
    _remembered(remembering, database, token)
    counter = Counter(database)
    started = time.perf_counter()
    for _ in range(2000):
        remembering.of(token)
    each_us = (time.perf_counter() - started) / 2000 * 1e6
    assert counter.statements == 0
    # About 3 µs on an idle machine; the bound leaves room for a busy one and none for a query.
    assert each_us < 60


def test_an_unknown_token_is_nobody_every_time(remembering: Viewers) -> None:
    assert remembering.of("cityops-b-made-up") is None
    assert remembering.of("") is None
    assert remembering.of("\ud800") is None


def _revoke(engine: Engine, user: User, token: str) -> None:
    with unit_of_work(engine) as session:
        sessions.revoke_all(session, user.id, now=clock.now())


def _deactivate(engine: Engine, user: User, token: str) -> None:
    with unit_of_work(engine) as session:
        operations.change_user(session, None, session.get_one(User, user.id), operations.UserChange(active=False), now=clock.now())


def _lock(engine: Engine, user: User, token: str) -> None:
    with unit_of_work(engine) as session:
        operations.lock_user(session, None, session.get_one(User, user.id), until=clock.now().replace(year=2099), now=clock.now())


def _new_password(engine: Engine, user: User, token: str) -> None:
    with unit_of_work(engine) as session:
        operations.set_password(session, None, session.get_one(User, user.id), "another long word", now=clock.now())


@pytest.mark.parametrize("end", [_revoke, _deactivate, _lock, _new_password])
def test_a_session_that_was_ended_fails_on_the_very_next_look_up(
    remembering: Viewers, database: Engine, end: Callable[[Engine, User, str], None]
) -> None:
    user = saved_user(database, "acceptor")
    token = _token(database, user)
    _remembered(remembering, database, token)
    end(database, user, token)
    assert remembering.of(token) is None


def test_a_revocation_by_its_owner_fails_on_the_very_next_look_up(remembering: Viewers, database: Engine) -> None:
    user = saved_user(database, "acceptor")
    token, other = _token(database, user), _token(database, user)
    _remembered(remembering, database, token)
    _remembered(remembering, database, other)
    found = remembering.of(token)
    assert found is not None
    with unit_of_work(database) as session:
        sessions.revoke(session, found.viewer, found.session_id, caller=sessions.Caller(), now=clock.now())
    assert remembering.of(token) is None
    assert remembering.of(other) is not None


def test_new_scopes_posts_and_departments_hold_on_the_very_next_look_up(remembering: Viewers, database: Engine) -> None:
    with unit_of_work(database) as session:
        top = make_department(session)
    user = saved_user(database, "handler", department=top)
    token = _token(database, user)

    def grants() -> object:
        found = remembering.of(token)
        assert found is not None
        return found.viewer.grants

    _remembered(remembering, database, token)
    before = grants()
    with unit_of_work(database) as session:
        below = operations.create_department(session, None, code="BELOW", name_zh="下", name_en="below", parent_id=top.id, now=clock.now())
    assert grants() != before
    assert grants() == (rules.Grant(department_ids=(top.id, below.id)),)
    _remembered(remembering, database, token)
    with unit_of_work(database) as session:
        operations.change_user(session, None, session.get_one(User, user.id), operations.UserChange(posts=["planner"]), now=clock.now())
    assert grants() == ()
    _remembered(remembering, database, token)
    with unit_of_work(database) as session:
        operations.set_scopes(session, None, session.get_one(User, user.id), [Scope(division_code="411303")], now=clock.now())
    assert grants() == (rules.Grant(divisions=("411303",)),)
    _remembered(remembering, database, token)
    with unit_of_work(database) as session:
        operations.grant_beat(session, None, user.id, 17, clock.now())
    assert len(grants()) == 2  # type: ignore[arg-type]  # a tuple


def test_a_change_that_is_rolled_back_changes_nothing(remembering: Viewers, database: Engine) -> None:
    user = saved_user(database, "acceptor", scopes=[Scope()])
    token = _token(database, user)
    _remembered(remembering, database, token)
    with pytest.raises(ZeroDivisionError), unit_of_work(database) as session:
        sessions.revoke_all(session, user.id, now=clock.now())
        raise ZeroDivisionError
    counter = Counter(database)
    assert remembering.of(token) is not None
    assert counter.statements == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE identity.sessions SET revoked_at = now() WHERE user_id = {id}",
        "DELETE FROM identity.sessions WHERE user_id = {id}",
        "UPDATE identity.sessions SET expires_at = now() WHERE user_id = {id}",
        "UPDATE identity.users SET active = false WHERE id = {id}",
        "DELETE FROM identity.users WHERE id = {id}",
    ],
)
def test_a_change_made_by_hand_in_psql_is_heard(remembering: Viewers, database: Engine, statement: str) -> None:
    user = saved_user(database, "acceptor", scopes=[Scope()])
    token = _token(database, user)
    _remembered(remembering, database, token)
    with database.begin() as connection:
        connection.execute(text(statement.format(id=user.id)))
    _until(lambda: remembering.of(token) is None, seconds=3)


def test_a_failed_sign_in_is_not_announced_as_a_change_of_permission(remembering: Viewers, database: Engine) -> None:
    user = saved_user(database, "acceptor", scopes=[Scope()])
    token = _token(database, user)
    _remembered(remembering, database, token)
    with database.begin() as connection:
        connection.execute(text("UPDATE identity.users SET failed_count = failed_count + 1 WHERE id = :id"), {"id": user.id})
    time.sleep(0.3)
    counter = Counter(database)
    assert remembering.of(token) is not None
    assert counter.statements == 0


def test_without_a_listener_every_look_up_asks_the_database(remembering: Viewers, database: Engine) -> None:
    user = saved_user(database, "acceptor", scopes=[Scope()])
    token = _token(database, user)
    _remembered(remembering, database, token)
    with database.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cityops identity'"))
    _until(lambda: remembering._listener is not None and not remembering._listener.hears(time.monotonic()))
    counter = Counter(database)
    assert remembering.of(token) is not None
    assert counter.statements > 0
    # And it finds its way back by itself.
    _remembered(remembering, database, token)


def test_a_silent_database_is_not_trusted_for_long(remembering: Viewers, database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = remembering._listener
    assert listener is not None
    assert listener.hears(time.monotonic())
    assert not listener.hears(time.monotonic() + viewers.HEARD_WITHIN_S + 0.1)


def test_without_a_board_nothing_is_remembered(database: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    memory = Viewers(database, tmp_path / "file" / "board")
    assert "cannot map" in caplog.text
    token = _token(database, saved_user(database, "acceptor"))
    for _ in range(3):
        counter = Counter(database)
        assert memory.of(token) is not None
        assert counter.statements > 0


def test_an_expired_session_is_nobody_even_when_remembered(remembering: Viewers, database: Engine) -> None:
    token = _token(database, saved_user(database, "acceptor"))
    with database.begin() as connection:
        connection.execute(
            text("UPDATE identity.sessions SET expires_at = now() + interval '2 seconds' WHERE token_digest = :d"),
            {"d": tokens.digest(token)},
        )
    time.sleep(0.2)
    assert remembering.of(token) is not None
    time.sleep(2.0)
    assert remembering.of(token) is None


def test_a_load_that_overlaps_a_change_is_not_kept(remembering: Viewers, database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The change commits after the load has read and before the entry is stored: the classic way to keep a stale answer."""
    user = saved_user(database, "acceptor", scopes=[Scope()])
    token = _token(database, user)
    real = viewers.load_presence

    def load_then_revoke(*args: object) -> object:
        found = real(*args)  # type: ignore[arg-type]  # passed through
        with unit_of_work(database) as session:
            sessions.revoke_all(session, user.id, now=clock.now())
        return found

    monkeypatch.setattr(viewers, "load_presence", load_then_revoke)
    remembering.of(token)
    monkeypatch.setattr(viewers, "load_presence", real)
    assert remembering.of(token) is None


def test_last_seen_is_written_at_most_once_a_minute(database: Engine) -> None:
    token = _token(database, saved_user(database, "acceptor"))
    digest, now = tokens.digest(token), clock.now()
    with database.begin() as connection:
        connection.execute(
            text("UPDATE identity.sessions SET last_seen_at = now() - interval '5 minutes' WHERE token_digest = :d"), {"d": digest}
        )
    first, second = Counter(database), None
    viewers.load_presence(database, digest, now)
    seen_with = first.statements
    second = Counter(database)
    viewers.load_presence(database, digest, now)
    assert (seen_with, second.statements) == (2, 1)


def _serve(url: str, path: str, token: str, pipe: Connection) -> None:
    """Another process of the same machine: answers each message with (signed in?, statements it took)."""
    engine = make_engine(url)
    memory = Viewers(engine, Path(path))
    counter = Counter(engine)
    while pipe.recv():
        before = counter.statements
        pipe.send((memory.of(token) is not None, counter.statements - before))
    os._exit(0)


def test_a_revocation_in_one_process_holds_on_the_next_request_in_every_other(database: Engine, tmp_path: Path) -> None:
    """Two processes answer from memory, a third revokes, and neither answers from memory again.

    The triggers are off for the revocation, so no notification helps: the shared board alone makes the next answer right.
    """
    context = multiprocessing.get_context("spawn")
    mine = Board(tmp_path / "board")
    late = 0
    for _ in range(5):
        user = saved_user(database, "acceptor", scopes=[Scope()])
        token = _token(database, user)
        pipes, processes = [], []
        for _ in range(2):
            here, there = context.Pipe()
            process = context.Process(
                target=_serve, args=(database.url.render_as_string(hide_password=False), str(tmp_path / "board"), token, there), daemon=True
            )
            process.start()
            pipes.append(here)
            processes.append(process)

        def ask(pipe: Connection) -> tuple[bool, int]:
            pipe.send(True)
            answer: tuple[bool, int] = pipe.recv()
            return answer

        for pipe in pipes:
            _until(lambda pipe=pipe: ask(pipe) == (True, 0), seconds=30)  # type: ignore[misc]  # the default binds the loop's pipe
        with unit_of_work(database) as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))
            sessions.revoke_all(session, user.id, now=clock.now())
        late += sum(ask(pipe)[0] for pipe in pipes)
        for pipe in pipes:
            pipe.send(False)
        for process in processes:
            process.join(10)
    assert late == 0
    assert mine.slots[board.ANY] != 0


def test_slots_are_marked_any_first_so_that_no_reader_can_keep_a_stale_entry(tmp_path: Path) -> None:
    made = Board(tmp_path / "board")
    before = list(made.slots)
    made.mark(Change(user_ids=(5,), digests=(bytes(32),)))
    changed = [slot for slot, value in enumerate(made.slots) if value != before[slot]]
    assert changed == sorted({board.ANY, board.user_slot(5), board.session_slot(bytes(32))})
    assert board.EVERYBODY not in changed


def test_two_boards_of_one_file_are_one_board(tmp_path: Path) -> None:
    one, other = Board(tmp_path / "board"), Board(tmp_path / "board")
    one.mark(Change(everybody=True))
    assert other.slots[board.EVERYBODY] == one.slots[board.EVERYBODY] != 0
    assert (tmp_path / "board").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("payload", "change"),
    [
        ("u:7", Change(user_ids=(7,))),
        ("s:00ff", Change(digests=(b"\x00\xff",))),
        ("*", Change(everybody=True)),
        ("u:x", Change(everybody=True)),
        ("s:zz", Change(everybody=True)),
        ("", Change(everybody=True)),
    ],
)
def test_a_notification_that_is_not_understood_counts_as_everything(payload: str, change: Change) -> None:
    assert viewers.understood(payload) == change


def test_a_viewer_loaded_by_token_and_by_id_is_the_same(database: Engine, remembering: Viewers) -> None:
    with unit_of_work(database) as session:
        department = make_department(session)
    user = saved_user(database, "handler", "inspector", department=department, scopes=[Scope(beat_id=3), Scope(division_code="411303")])
    found = remembering.of(_token(database, user))
    with unit_of_work(database) as session:
        assert found is not None
        assert queries.load_viewer(session, user.id) == found.viewer


def test_the_listener_is_one_connection(remembering: Viewers, database: Engine) -> None:
    def connections() -> int:
        with database.connect() as connection:
            return connection.execute(
                text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cityops identity'")
            ).scalar_one()

    # Listeners of earlier tests were told to stop and end within one beat.
    _until(lambda: connections() == 1)
