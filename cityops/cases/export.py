"""Cases out of the house as GeoJSON or CSV: streamed, through the same filter and the same visibility as the list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, text

from cityops.cases.filters import LIGHT, Condition

BATCH_ROWS = 1_000

_COLUMNS = f"""
    c.number, c.state, c.stage, {LIGHT.format(now=":now")} AS light, c.kind, c.source, c.class_code,
    k.name_zh AS class_name_zh, k.name_en AS class_name_en, k.mark, c.description, c.address, c.cell_code, s.name_zh AS street_name_zh,
    d.name_zh AS department_name_zh, d.name_en AS department_name_en, c.reported_at, c.dispatched_at, c.handled_at, c.closed_at,
    c.due_at, c.state_due_at, c.rework_count, c.return_count
"""
_TABLES = """
    FROM cases.cases AS c
    LEFT JOIN components.classes AS k ON k.edition = c.edition AND k.kind = c.kind AND k.code = c.class_code
    LEFT JOIN identity.departments AS d ON d.id = c.department_id
    LEFT JOIN grid.divisions AS s ON s.code = left(CAST(c.cell_code AS text), 9)
"""


def _where(condition: Condition, limit: int | None) -> str:
    return f"WHERE {condition.in_view} ORDER BY c.id" + ("" if limit is None else f" LIMIT {int(limit)}")


def geojson(engine: Engine, condition: Condition, limit: int | None = None) -> Iterator[bytes]:
    """A FeatureCollection in pieces; a case without a place has a null geometry, as RFC 7946 says."""
    statement = f"""
        SELECT json_build_object('type', 'Feature', 'id', t.number, 'geometry', CAST(t.geometry AS json),
                                 'properties', to_jsonb(t) - 'geometry')::text
        FROM (SELECT {_COLUMNS}, ST_AsGeoJSON(c.geom, 7, 0) AS geometry {_TABLES} {_where(condition, limit)}) AS t
    """
    return _collection(engine, statement, condition)


def _collection(engine: Engine, statement: str, condition: Condition) -> Iterator[bytes]:
    """The features a statement gives as text, one a row, wrapped into a collection and sent in pieces."""
    # Colons inside the JSON text of a statement are no parameters: SQLAlchemy takes `:name` only where no letter or colon stands before.
    with engine.connect() as connection:
        options = {"stream_results": True, "yield_per": BATCH_ROWS, "max_row_buffer": BATCH_ROWS}
        rows = connection.execute(text(statement), condition.params, execution_options=options)
        opening = '{"type":"FeatureCollection","features":['
        for batch in rows.partitions(BATCH_ROWS):
            yield (opening + ",\n".join(row[0] for row in batch)).encode()
            opening = ",\n"
        yield b"]}" if opening == ",\n" else (opening + "]}").encode()


def pins(engine: Engine, condition: Condition, limit: int | None = None) -> Iterator[bytes]:
    """A slim FeatureCollection for the map: number and light only, and only cases that have a place."""
    statement = f"""
        SELECT '{{"type":"Feature","geometry":{{"type":"Point","coordinates":[' || round(ST_X(c.geom)::numeric, 6) || ',' ||
               round(ST_Y(c.geom)::numeric, 6) || ']}},"properties":{{"number":"' || c.number || '","light":"' ||
               {LIGHT.format(now=":now")} || '"}}}}'
        FROM cases.cases AS c WHERE c.geom IS NOT NULL AND {condition.in_view} ORDER BY c.id
    """
    return _collection(engine, statement + ("" if limit is None else f" LIMIT {int(limit)}"), condition)


def csv(engine: Engine, condition: Condition, limit: int | None = None) -> Iterator[bytes]:
    """Comma-separated rows with a header, from PostgreSQL's own COPY; begins with the mark that makes Excel read UTF-8.

    Words that people wrote and that begin like a formula get an apostrophe in front, because a spreadsheet would run them.
    """

    def words(column: str) -> str:
        return f"CASE WHEN t.{column} ~ '^[=+@\\t\\r-]' THEN '''' || t.{column} ELSE t.{column} END AS {column}"

    names = [part.split(" AS ")[-1].split(".")[-1].strip() for part in _split(_COLUMNS)]
    chosen = ", ".join(words(name) if name in ("description", "address") else f"t.{name}" for name in names)
    place = "round(ST_X(c.geom)::numeric, 7) AS lon, round(ST_Y(c.geom)::numeric, 7) AS lat"
    inner = f"SELECT {_COLUMNS}, {place} {_TABLES} {_where(condition, limit)}"
    copy = f"COPY (SELECT {chosen}, t.lon, t.lat FROM ({inner}) AS t) TO STDOUT (FORMAT csv, HEADER)"
    with engine.connect() as connection:
        compiled = text(copy).compile(dialect=engine.dialect)
        driver: Any = connection.connection.driver_connection  # SQLAlchemy does not type the driver's own connection
        yield b"\xef\xbb\xbf"
        with driver.cursor() as cursor, cursor.copy(str(compiled), {**condition.params}) as blocks:
            for block in blocks:
                yield bytes(block)


def _split(columns: str) -> list[str]:
    """The columns of a SELECT list, cut at the commas that stand outside brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(columns):
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(columns[start:i])
            start = i + 1
    return [*parts, columns[start:]]
