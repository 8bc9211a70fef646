"""Giving codes: one counter row per prefix, locked until the commit, so that no number is given twice and none is lost."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.components.errors import CodesExhausted, CodeTaken
from cityops.components.queries import code_format, id_of
from cityops.components.rules import CodeFormat


def next_code(session: Session, form: CodeFormat, prefix: str) -> str:
    """The next code under a prefix; raises CodesExhausted."""
    return form.code(prefix, take_numbers(session, form, {prefix: 1})[prefix])


def take_numbers(session: Session, form: CodeFormat, counts: Mapping[str, int]) -> dict[str, int]:
    """Take `counts[prefix]` sequence numbers under each prefix in one statement; the first number taken under each.

    Prefixes are locked in sorted order, so that two batches wait for each other instead of deadlocking. Raises CodesExhausted.
    """
    taken = session.execute(
        text(
            """
            INSERT INTO components.code_counters AS n (prefix, last)
            SELECT r.prefix, r.wanted FROM unnest(CAST(:prefixes AS text[]), CAST(:wanted AS bigint[])) AS r (prefix, wanted)
            ORDER BY r.prefix
            ON CONFLICT (prefix) DO UPDATE SET last = n.last + excluded.last
            RETURNING prefix, last
            """
        ),
        {"prefixes": list(counts), "wanted": list(counts.values())},
    ).all()
    for prefix, last in taken:
        if last > form.last:
            raise CodesExhausted(prefix=prefix, fix="widen the sequence in the setting components.code_format")
    return {prefix: last - counts[prefix] + 1 for prefix, last in taken}


def reserve_up_to(session: Session, highest: Mapping[str, int]) -> None:
    """Note that numbers up to `highest[prefix]` were given elsewhere (an inventory that brings its codes); locks like `take_numbers`."""
    session.execute(
        text(
            """
            INSERT INTO components.code_counters AS n (prefix, last)
            SELECT r.prefix, r.last FROM unnest(CAST(:prefixes AS text[]), CAST(:last AS bigint[])) AS r (prefix, last) ORDER BY r.prefix
            ON CONFLICT (prefix) DO UPDATE SET last = greatest(n.last, excluded.last)
            """
        ),
        {"prefixes": list(highest), "last": list(highest.values())},
    )


def claim_code(session: Session, code: str) -> None:
    """Use a code that was given outside this system; raises CodeInvalid, or CodeTaken when it ever led to a component."""
    form = code_format(session)
    district, class_code, sequence = form.split(code)
    # The counter row is taken first: whoever else gives codes under this prefix waits, so the look-up below stays true.
    reserve_up_to(session, {district + class_code: sequence})
    if id_of(session, code) is not None:
        raise CodeTaken(code=code, field="code", fix="leave the code out and one will be given")
