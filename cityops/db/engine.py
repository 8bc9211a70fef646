"""Engines: pools of psycopg 3 connections that behave the same everywhere."""

from __future__ import annotations

from sqlalchemy import Engine, create_engine


def make_engine(url: str, *, pool_size: int = 8, max_overflow: int = 24) -> Engine:
    """An engine for `url` whose sessions run in UTC without JIT and plan every statement for its own values.

    JIT is off because compiling a plan costs more than running the short queries a city asks. `pool_pre_ping` costs one
    round trip and saves a failed request after the database was restarted, so it stays on for the write engine. Generic
    plans are off because the visibility predicate compares code ranges: without their values PostgreSQL takes a whole
    district for a few rows and reads its entire index (see `readpool.OPTIONS`).
    """
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_pre_ping=True,
        connect_args={
            "options": "-c timezone=UTC -c jit=off -c application_name=cityops -c plan_cache_mode=force_custom_plan",
            "prepare_threshold": 3,
        },
    )
