"""SQL worth reading lives in `sql/<verb_noun>.sql` beside the room that asks it, with a comment on top saying why."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def sql(package: str, name: str) -> str:
    """The text of `sql/<name>.sql` in `package`, read once per process."""
    return files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
