"""Beats (责任网格): sets of adjacent cells, and the inspectors who walk them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cityops.db.outbox import emit
from cityops.db.versions import touch_box
from cityops.errors import NotFound
from cityops.grid import events, policy, queries
from cityops.grid.errors import BeatCodeTaken, BeatNotAdjacent, CellHasEnded, CellInAnotherBeat, UnknownBeat
from cityops.grid.rules.numbering import COMMUNITY_DIGITS
from cityops.grid.rules.validation import Cells, validate_beats
from cityops.identity import operations as identity
from cityops.identity.visibility import Viewer


class UnknownInspector(NotFound):
    """There is no active inspector with number {user_id}."""


def create_beat(
    session: Session, actor: Viewer | None, now: datetime, *, code: str, name_zh: str, name_en: str | None, shift: str | None,
    cells: Sequence[str], timezone: str = "Asia/Shanghai",
) -> int:  # fmt: skip
    """Make a beat of live cells that hang together and belong to no other beat; gives its number."""
    if refusal := policy.may_draw(actor, {cell[:COMMUNITY_DIGITS] for cell in cells}):
        raise refusal
    on = now.astimezone(ZoneInfo(timezone)).date()
    _check_cells(session, code, cells, beat_id=None)
    try:
        with session.begin_nested():
            beat_id = session.execute(
                text("INSERT INTO grid.beats (code, name_zh, name_en, shift) VALUES (:code, :zh, :en, :shift) RETURNING id"),
                {"code": code, "zh": name_zh, "en": name_en, "shift": shift},
            ).scalar_one()
    except IntegrityError as error:
        raise BeatCodeTaken(beat_code=code, field="code", fix="choose another code") from error
    _join(session, beat_id, cells, on)
    _changed(session, actor, now, beat_id, "beat_created", cells)
    return int(beat_id)


def change_beat(
    session: Session, actor: Viewer | None, now: datetime, beat_id: int, *, cells: Sequence[str] | None = None, name_zh: str | None = None,
    name_en: str | None = None, shift: str | None = None, timezone: str = "Asia/Shanghai",
) -> None:  # fmt: skip
    """Change a beat's names, shift or cells; None leaves a thing as it is. Cells leave and join from today on."""
    code, present = _locked(session, beat_id)
    if refusal := policy.may_draw(actor, {cell[:COMMUNITY_DIGITS] for cell in {*present, *(cells or ())}}):
        raise refusal
    on = now.astimezone(ZoneInfo(timezone)).date()
    moved = set(present) ^ set(cells) if cells is not None else set()
    if cells is not None:
        _check_cells(session, code, cells, beat_id=beat_id)
        _leave(session, beat_id, sorted(set(present) - set(cells)), on)
        _join(session, beat_id, sorted(set(cells) - set(present)), on)
    session.execute(
        text(
            "UPDATE grid.beats SET name_zh = COALESCE(:zh, name_zh), name_en = COALESCE(:en, name_en), shift = COALESCE(:shift, shift),"
            " version = version + 1 WHERE id = :id"
        ),
        {"zh": name_zh, "en": name_en, "shift": shift, "id": beat_id},
    )
    _changed(session, actor, now, beat_id, "beat_changed", sorted(moved))


def dissolve_beat(session: Session, actor: Viewer | None, now: datetime, beat_id: int, *, timezone: str = "Asia/Shanghai") -> None:
    """End a beat: its cells are free, its inspectors lose its sight, its row stays."""
    _, present = _locked(session, beat_id)
    if refusal := policy.may_draw(actor, {cell[:COMMUNITY_DIGITS] for cell in present}):
        raise refusal
    on = now.astimezone(ZoneInfo(timezone)).date()
    for user_id in (
        session.execute(text("SELECT user_id FROM grid.beat_inspectors WHERE beat_id = :id AND until IS NULL"), {"id": beat_id})
        .scalars()
        .all()
    ):
        _withdraw(session, actor, now, beat_id, user_id, on)
    _touch_ground(session, beat_id)  # before its ground is gone, so that its old place is redrawn
    _leave(session, beat_id, present, on)
    session.execute(text("UPDATE grid.beats SET active = false, version = version + 1 WHERE id = :id"), {"id": beat_id})
    _changed(session, actor, now, beat_id, "beat_dissolved", present)


def assign_inspector(
    session: Session, actor: Viewer | None, now: datetime, beat_id: int, user_id: int, *, timezone: str = "Asia/Shanghai"
) -> None:
    """Give a beat to an inspector, and let him see it. Safe to repeat."""
    _, present = _locked(session, beat_id)
    if refusal := policy.may_assign(actor, {cell[:COMMUNITY_DIGITS] for cell in present}):
        raise refusal
    fit = session.execute(
        text("SELECT 1 FROM identity.users WHERE id = :id AND active AND 'inspector' = ANY (posts)"), {"id": user_id}
    ).first()
    if fit is None:
        raise UnknownInspector(user_id=user_id, field="user_id", fix="name an active user with the post inspector")
    if not _walks(session, beat_id, user_id):
        session.execute(
            text(
                "INSERT INTO grid.beat_inspectors (beat_id, user_id, since) VALUES (:beat, :user, :on)"
                " ON CONFLICT (beat_id, user_id, since) DO UPDATE SET until = NULL"  # taken and given back on one day
            ),
            {"beat": beat_id, "user": user_id, "on": now.astimezone(ZoneInfo(timezone)).date()},
        )
    identity.grant_beat(session, actor.user_id if actor else None, user_id, beat_id, now)
    _bump(session, beat_id)


def withdraw_inspector(
    session: Session, actor: Viewer | None, now: datetime, beat_id: int, user_id: int, *, timezone: str = "Asia/Shanghai"
) -> None:
    """Take a beat from an inspector. Safe to repeat."""
    _, present = _locked(session, beat_id)
    if refusal := policy.may_assign(actor, {cell[:COMMUNITY_DIGITS] for cell in present}):
        raise refusal
    _withdraw(session, actor, now, beat_id, user_id, now.astimezone(ZoneInfo(timezone)).date())
    _bump(session, beat_id)


def _walks(session: Session, beat_id: int, user_id: int) -> bool:
    statement = text("SELECT 1 FROM grid.beat_inspectors WHERE beat_id = :beat AND user_id = :user AND until IS NULL")
    return session.execute(statement, {"beat": beat_id, "user": user_id}).first() is not None


def _withdraw(session: Session, actor: Viewer | None, now: datetime, beat_id: int, user_id: int, on: date) -> None:
    session.execute(
        text("UPDATE grid.beat_inspectors SET until = :on WHERE beat_id = :beat AND user_id = :user AND until IS NULL"),
        {"on": on, "beat": beat_id, "user": user_id},
    )
    identity.withdraw_beat(session, actor.user_id if actor else None, user_id, beat_id, now)


def _bump(session: Session, beat_id: int) -> None:
    session.execute(text("UPDATE grid.beats SET version = version + 1 WHERE id = :id"), {"id": beat_id})


def _locked(session: Session, beat_id: int) -> tuple[str, list[str]]:
    """Code and live cells of an active beat, held against other writers; raises UnknownBeat."""
    row = session.execute(text("SELECT code FROM grid.beats WHERE id = :id AND active FOR UPDATE"), {"id": beat_id}).first()
    if row is None:
        raise UnknownBeat(beat=beat_id, fix="see GET /beats")
    cells = session.execute(
        text("SELECT cell_code FROM grid.beat_cells WHERE beat_id = :id AND until IS NULL ORDER BY cell_code"), {"id": beat_id}
    )
    return row.code, list(cells.scalars())


def _check_cells(session: Session, code: str, cells: Sequence[str], beat_id: int | None) -> None:
    """The cells live, are free, and hang together."""
    found = queries.live_cells(session, codes=cells)
    for cell in cells:
        if cell not in found:
            raise CellHasEnded(cell=cell, ended_on="an earlier day, or never was", field="cell_codes", fix="name live cells")
        other = found[cell].beat_id
        if other is not None and other != beat_id:
            taken = queries.beat_codes(session, [other]).get(other, str(other))
            raise CellInAnotherBeat(cell=cell, beat_code=taken, field="cell_codes", fix="take it out of that beat first")
    torn = validate_beats(Cells.of(list(found), [cell.shape for cell in found.values()]), {code: list(found)})
    if torn or not found:
        apart = ", ".join(torn[0].cells) if torn else "there are none"
        raise BeatNotAdjacent(cells=apart, field="cell_codes", fix="choose cells that share an edge with one another")


def _join(session: Session, beat_id: int, cells: Sequence[str], on: date) -> None:
    session.execute(
        text(
            "INSERT INTO grid.beat_cells (beat_id, cell_code, since) SELECT :beat, unnest(CAST(:cells AS bpchar[])), :on"
            " ON CONFLICT (beat_id, cell_code, since) DO UPDATE SET until = NULL"
        ),
        {"beat": beat_id, "cells": list(cells), "on": on},
    )


def _leave(session: Session, beat_id: int, cells: Sequence[str], on: date) -> None:
    session.execute(
        text(
            "UPDATE grid.beat_cells SET until = :on WHERE beat_id = :beat AND until IS NULL AND cell_code = ANY(CAST(:cells AS bpchar[]))"
        ),
        {"beat": beat_id, "cells": list(cells), "on": on},
    )


def _changed(session: Session, actor: Viewer | None, now: datetime, beat_id: int, act: str, moved: Sequence[str]) -> None:
    """Tell the tiles, the outbox, and those who keep the beat of what lies in the cells that moved."""
    _touch_ground(session, beat_id)
    code = session.execute(text("SELECT code FROM grid.beats WHERE id = :id"), {"id": beat_id}).scalar_one()
    actor_id = actor.user_id if actor else None
    emit(session, events.TOPIC, code, {"act": act, "beat_id": beat_id, "actor_id": actor_id})
    events.announce_beats(session, actor_id, now, moved, act)


def _touch_ground(session: Session, beat_id: int) -> None:
    """Have the tiles over the beat drawn anew; a cell's tile names its beat too."""
    box = session.execute(
        text("SELECT ST_XMin(geom) AS w, ST_YMin(geom) AS s, ST_XMax(geom) AS e, ST_YMax(geom) AS n FROM grid.beats WHERE id = :id"),
        {"id": beat_id},
    ).one()
    if box.w is not None:
        for layer in ("beats", "cells"):
            touch_box(session, layer, box.w, box.s, box.e, box.n)
