"""The names a place is found by, written with their folded form, pinyin and initials."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.gazetteer import rules

_INSERT = (
    "INSERT INTO gazetteer.names (place_id, name, status, key, pinyin, initials)"
    " VALUES (:place_id, :name, :status, :key, :pinyin, :initials)"
    " ON CONFLICT (place_id, name) DO UPDATE SET status = excluded.status"
)


def row_of(place_id: int, name: str, status: str) -> dict[str, object]:
    """One row of the table of names; `status` is standard, alias or former."""
    return {
        "place_id": place_id, "name": name, "status": status,
        "key": rules.fold(name), "pinyin": rules.latin(name), "initials": rules.initials(name),
    }  # fmt: skip


def write_names(session: Session, place_ids: Sequence[int]) -> None:
    """Give these places the names their rows say; a standard name that is no longer one becomes a former name. Plates have none."""
    if not place_ids:
        return
    rows = session.execute(
        text("SELECT id, name, name_en FROM gazetteer.places WHERE id = ANY(:ids) AND kind <> 'plate' ORDER BY id"),
        {"ids": list(place_ids)},
    ).all()
    session.execute(
        text(
            "UPDATE gazetteer.names AS n SET status = 'former' FROM gazetteer.places AS p"
            " WHERE p.id = n.place_id AND n.place_id = ANY(:ids) AND n.status = 'standard' AND n.name <> p.name"
        ),
        {"ids": list(place_ids)},
    )
    wanted = [row_of(row.id, row.name_en, "alias") for row in rows if row.name_en and row.name_en != row.name]
    wanted += [row_of(row.id, row.name, "standard") for row in rows]
    if wanted:
        session.execute(text(_INSERT), wanted)


def set_aliases(session: Session, place_id: int, aliases: Sequence[str]) -> None:
    """Let a place have exactly these further names."""
    session.execute(text("DELETE FROM gazetteer.names WHERE place_id = :id AND status = 'alias'"), {"id": place_id})
    known = set(session.execute(text("SELECT name FROM gazetteer.names WHERE place_id = :id"), {"id": place_id}).scalars())
    wanted = [row_of(place_id, alias, "alias") for alias in dict.fromkeys(aliases) if alias not in known]
    if wanted:
        session.execute(text(_INSERT), wanted)
