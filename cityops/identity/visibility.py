"""The one visibility predicate: who sees which row, on every surface.

A viewer holds grants. A grant limits up to four axes (place, department, layer and, for inspectors, beat); an axis that
is None is not limited. A row is visible when one grant allows it on all axes, or when the viewer is one of its persons
(its reporter, its present assignee). `visible` says this in SQL for lists, details, tiles, searches and exports, `sees`
says the same in Python for the live stream. Row-level security is not used on purpose: PostGIS operators are not
leakproof, so PostgreSQL would evaluate the policy before the bounding box and never touch the spatial index.

An axis applies to a kind of row only if that kind has the column: roads have no department and no cell, so they are
limited by layer alone. A column that exists but is NULL in a row matches no limit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

SINGLE_RANGES = 8
"""Up to this many division ranges are written out, because only then can a btree index serve them."""


@dataclass(frozen=True)
class Grant:
    """One permitted combination; None on an axis means everything on that axis."""

    divisions: tuple[str, ...] | None = None
    """Division codes of 6, 9 or 12 digits: prefixes of the 15-digit cell code."""
    cells: tuple[str, ...] | None = None
    """What `beat_ids` means for rows that have a cell but no beat column."""
    beat_ids: tuple[int, ...] | None = None
    department_ids: tuple[int, ...] | None = None
    """Departments with all their subordinate departments, already resolved."""
    layers: frozenset[str] | None = None

    def key(self) -> tuple[Any, ...]:
        """The grant in an order that is the same in every process (a frozenset has none). Any: each axis has its type."""
        return (self.divisions, self.cells, self.beat_ids, self.department_ids, None if self.layers is None else tuple(sorted(self.layers)))


@dataclass(frozen=True)
class Viewer:
    """A signed-in user as the rest of the city sees him; made by `identity.viewers` and passed to operations as the actor."""

    user_id: int
    login: str
    name: str
    posts: frozenset[str]
    department_id: int | None
    grants: tuple[Grant, ...]
    signature: str = ""
    """Digest of all that decides what he sees; it changes when a scope, a post or the department tree changes it."""

    def __post_init__(self) -> None:
        if not self.signature:
            object.__setattr__(self, "signature", _digest((self.user_id, [grant.key() for grant in self.grants])))

    def has(self, *posts: str) -> bool:
        """Whether he holds at least one of these posts."""
        return not self.posts.isdisjoint(posts)


@dataclass(frozen=True)
class ScopedColumns:
    """SQL expressions of one kind of row, written by a room (never by a user)."""

    layer: str
    """cells, beats, divisions, components, cases, or the id of a manifest."""
    cell: str | None = None
    """The 15-digit cell code, or for divisions their own code. An indexed column, not an expression, or the index is lost."""
    beat: str | None = None
    departments: tuple[str, ...] = ()
    """Columns naming a responsible department; one of them within the grant is enough."""
    persons: tuple[str, ...] = ()
    """Columns naming a user who sees the row whatever his grants are."""


def prefix_range(prefix: str) -> tuple[str, str]:
    """The half-open range [a, b) of all digit strings that begin with `prefix`.

    The end is the next number of the same width, not `prefix` followed by some high character, because digits sort alike
    in every collation while punctuation does not. After 999999 only a letter follows.
    """
    return prefix, str(int(prefix) + 1).zfill(len(prefix)) if prefix.strip("9") else "a"


def visible(viewer: Viewer, columns: ScopedColumns, prefix: str = "v") -> tuple[str, dict[str, Any]]:
    """The predicate as SQL for a WHERE clause, with its named parameters (all beginning with `prefix`).

    Equal kinds of scopes give equal SQL text whatever their values, so that prepared statements are shared: the number of
    division ranges is rounded up to 1, 2, 4 or 8 by repeating the last. Use another `prefix` for a second predicate in
    the same statement. Any in the result: parameters are strings, numbers and lists.
    """
    parts: list[str] = []
    params: dict[str, Any] = {}
    for number, grant in enumerate(viewer.grants):
        limits = _limits(grant, columns, f"{prefix}_{number}", params)
        if limits is None:
            continue
        if not limits:
            return "TRUE", {}
        parts.append(" AND ".join(limits))
    for person in columns.persons:
        params[f"{prefix}_user"] = viewer.user_id
        parts.append(f"{person} = :{prefix}_user")
    if not parts:
        return "FALSE", {}
    return "(" + " OR ".join(f"({part})" for part in parts) + ")", params


def _limits(grant: Grant, columns: ScopedColumns, name: str, params: dict[str, Any]) -> list[str] | None:
    """The conditions one grant puts on the row; empty when it allows every row, None when it allows none."""
    if grant.layers is not None and columns.layer not in grant.layers:
        return None
    limits: list[str] = []
    mine: dict[str, Any] = {}  # values of several types, as in `visible`
    if grant.divisions is not None and columns.cell is not None:
        if not grant.divisions:
            return None
        limits.append(_in_divisions(columns.cell, grant.divisions, name, mine))
    if (grant.beat_ids is not None or grant.cells is not None) and (columns.beat is not None or columns.cell is not None):
        if columns.beat is not None and grant.beat_ids is not None:
            mine[f"{name}_b"] = list(grant.beat_ids)
            limits.append(f"{columns.beat} = ANY(CAST(:{name}_b AS integer[]))")
        elif columns.cell is not None and grant.cells is not None:
            mine[f"{name}_c"] = list(grant.cells)
            limits.append(f"{columns.cell} = ANY(CAST(:{name}_c AS bpchar[]))")
        else:
            # The row lies somewhere, but nothing tells in which beat: unknown is not visible.
            return None
    if grant.department_ids is not None and columns.departments:
        mine[f"{name}_d"] = list(grant.department_ids)
        either = " OR ".join(f"{column} = ANY(CAST(:{name}_d AS integer[]))" for column in columns.departments)
        limits.append(f"({either})" if len(columns.departments) > 1 else either)
    params.update(mine)
    return limits


def _in_divisions(column: str, codes: tuple[str, ...], name: str, params: dict[str, Any]) -> str:
    """`column` begins with one of the codes. The casts to bpchar serve an index on char(15) as well as one on text.

    A few divisions are a few ranges, each of which an index can serve. Many are one range over all of them, for the
    index, and a comparison of the first digits with sets that PostgreSQL hashes.
    """
    ranges = [prefix_range(code) for code in codes]
    few = len(codes) <= SINGLE_RANGES
    count = next(size for size in (1, 2, 4, SINGLE_RANGES) if size >= len(codes)) if few else 1
    parts = []
    for i in range(count):
        low, high = ranges[min(i, len(ranges) - 1)] if few else (min(low for low, _ in ranges), max(high for _, high in ranges))
        params[f"{name}_a{i}"], params[f"{name}_z{i}"] = low, high
        parts.append(f"{column} >= CAST(:{name}_a{i} AS bpchar) AND {column} < CAST(:{name}_z{i} AS bpchar)")
    if few:
        return parts[0] if count == 1 else "(" + " OR ".join(f"({part})" for part in parts) + ")"
    sets = []
    for width in (6, 9, 12):
        params[f"{name}_p{width}"] = [code for code in codes if len(code) == width]
        sets.append(f"left({column}, {width}) = ANY(CAST(:{name}_p{width} AS text[]))")
    return f"{parts[0]} AND ({' OR '.join(sets)})"


class _Absent:
    """The kind of row has no such column (None would mean: it has, and it is NULL here)."""


ABSENT: Final = _Absent()


def sees(
    viewer: Viewer,
    layer: str,
    *,
    cell: str | _Absent | None = ABSENT,
    beat: int | _Absent | None = ABSENT,
    departments: tuple[int | None, ...] | _Absent = ABSENT,
    persons: tuple[int | None, ...] = (),
) -> bool:
    """The same predicate for one row given as values, for the live stream. Leave out what the kind of row does not have."""
    return viewer.user_id in persons or any(_allows(grant, layer, cell, beat, departments) for grant in viewer.grants)


def _allows(
    grant: Grant,
    layer: str,
    cell: str | _Absent | None,
    beat: int | _Absent | None,
    departments: tuple[int | None, ...] | _Absent,
) -> bool:
    if grant.layers is not None and layer not in grant.layers:
        return False
    has_cell, has_beat = not isinstance(cell, _Absent), not isinstance(beat, _Absent)
    if grant.divisions is not None and has_cell and not (isinstance(cell, str) and cell.startswith(grant.divisions)):
        return False
    if (grant.beat_ids is not None or grant.cells is not None) and (has_cell or has_beat):
        in_beat = beat in grant.beat_ids if has_beat and grant.beat_ids is not None else has_cell and cell in (grant.cells or ())
        if not in_beat:
            return False
    if grant.department_ids is not None and not isinstance(departments, _Absent):
        return any(department in grant.department_ids for department in departments)
    return True


_keys: dict[tuple[str, ScopedColumns], str] = {}


def visibility_key(viewer: Viewer, columns: ScopedColumns) -> str:
    """A short name for "who sees the same rows of this layer": equal keys, equal rows; for ETags and shared tile caches.

    It leaves out the grants and axes that do not concern the layer, and the user himself unless the rows have persons.
    """
    cached = _keys.get((viewer.signature, columns))
    if cached is None:
        if len(_keys) > 20_000:
            _keys.clear()
        sql, params = visible(viewer, columns)
        cached = _keys[viewer.signature, columns] = _digest((sql, sorted(params.items())))
    return cached


def _digest(value: object) -> str:
    return hashlib.blake2b(repr(value).encode(), digest_size=8).hexdigest()
