"""Components as the bytes of PostgreSQL's binary COPY, made column by column and joined once.

Columns without an empty place become one block of fixed layout per row (numpy); columns with few different values become a
short list of ready pieces; only free text is encoded value by value. Format: PostgreSQL documentation, "COPY", binary format.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import chain, repeat
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cityops.db.base import SRID
from cityops.geo.shapes import Geometries

COLUMNS = (
    *("code", "cell_code", "geom", "edition", "class_code", "name", "managing_id", "owner_id", "maintainer_id", "state"),
    *("started_on", "changed_on", "source", "note", "attributes", "valid_from", "change_id"),
)
COPY = f"COPY components.components ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"
HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
NULL = b"\xff\xff\xff\xff"

Piece = bytes | list[bytes]
"""One column: the same bytes for every row, or one value per row; each with its four-byte length in front."""


def _sized(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def one(value: Any) -> bytes:  # Any: every type a column can have, dispatched here
    """One value as COPY writes it."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return NULL
    if isinstance(value, str):
        return _sized(value.encode())
    if isinstance(value, datetime):
        return _sized(int((value - EPOCH).total_seconds() * 1_000_000).to_bytes(8, "big", signed=True))
    if isinstance(value, date):
        return _sized((value - EPOCH.date()).days.to_bytes(4, "big", signed=True))
    if isinstance(value, dict):
        return _sized(b"\x01" + json.dumps(value, ensure_ascii=False).encode())
    raise TypeError(f"no COPY form for {type(value).__name__}")


_SIZES = [size.to_bytes(4, "big") for size in range(1024)]


def _texts(values: NDArray[np.object_]) -> list[bytes]:
    """Texts as COPY writes them, without asking each for its type: a note per row is the longest column of a load."""
    bodies = [value.encode() for value in values]
    return [_SIZES[len(body)] + body if len(body) < 1024 else _sized(body) for body in bodies]


def integer(value: int | None, width: int = 4) -> bytes:
    """An integer of `width` bytes."""
    return NULL if value is None else _sized(int(value).to_bytes(width, "big", signed=True))


def column(values: Any, *, integers: bool = False) -> Piece:  # Any: a scalar for all rows, or a sequence with one value per row
    """A column from one value for all rows, or from a value per row; equal values are encoded once."""
    encode = (lambda v: integer(None if v is None or v != v else int(v))) if integers else one
    if values is None or isinstance(values, (str, int, date, dict)):
        return encode(values)
    if len(values) and isinstance(values[0], dict):
        return [one(value if value is not None else {}) for value in values]
    which, distinct = pd.factorize(np.asarray(values, dtype=object), use_na_sentinel=True)
    encoded = _texts(distinct) if pd.api.types.infer_dtype(distinct, skipna=False) == "string" else [encode(value) for value in distinct]
    pieces = np.array([*encoded, NULL], dtype=object)
    return list(pieces[which])  # a missing value is -1: the last piece


def text_block(values: NDArray[np.str_]) -> NDArray[np.void]:
    """A column of ASCII strings of one width (codes) as a fixed layout."""
    width = values.dtype.itemsize // 4
    block = np.empty(len(values), dtype=[("size", ">i4"), ("body", f"S{width}")])
    block["size"], block["body"] = width, values.astype(f"S{width}")
    return block


def point_block(points: Geometries) -> NDArray[np.void]:
    """A column of points as a fixed layout of EWKB."""
    block = np.empty(len(points), dtype=[("size", ">i4"), ("order", "u1"), ("type", "<u4"), ("srid", "<u4"), ("x", "<f8"), ("y", "<f8")])
    block["size"], block["order"], block["type"], block["srid"] = 25, 1, 0x20000001, SRID
    block["x"], block["y"] = shapely.get_x(points), shapely.get_y(points)
    return block


def shape_pieces(shapes: Geometries) -> list[bytes]:
    """A column of any geometries as EWKB."""
    return [_sized(body) for body in shapely.to_wkb(shapely.set_srid(shapely.force_2d(shapes), SRID), include_srid=True)]


def fixed(blocks: Sequence[NDArray[np.void]]) -> list[bytes]:
    """Blocks of fixed layout side by side: one piece per row, begun by the number of columns."""
    layout: list[tuple[str, Any]] = [("columns", ">i2")]  # Any: numpy's own description of a dtype
    layout += [(f"b{number}", block.dtype) for number, block in enumerate(blocks)]
    rows = np.empty(len(blocks[0]), dtype=layout)
    rows["columns"] = len(COLUMNS)
    for number, block in enumerate(blocks):
        rows[f"b{number}"] = block
    body, width = rows.tobytes(), rows.dtype.itemsize
    return [body[at : at + width] for at in range(0, len(body), width)]


def joined(pieces: Sequence[Piece]) -> bytes:
    """The rows: pieces side by side, neighbouring constants written as one."""
    merged: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += piece
        else:
            merged.append(piece)
    streams: list[Iterator[bytes]] = [repeat(piece) if isinstance(piece, bytes) else iter(piece) for piece in merged]
    return b"".join(chain.from_iterable(zip(*streams, strict=False)))
