"""What all blueprints share: one transaction per write, one error shape, paging, ETags, sign-in, the live stream.

It must not know any city thing beyond identity: rooms import it from their `api.py` and nowhere else. Begin with
`unit.py` (the decorators `reads` and `writes`), then `problem.py`.
"""

from cityops.http import arguments as _arguments  # noqa: F401  # importing it makes every blueprint strict
from cityops.http.answers import json_bytes
from cityops.http.auth import viewer
from cityops.http.etag import check_if_match, etag
from cityops.http.paging import decode_cursor, encode_cursor
from cityops.http.unit import reads, session, writes

__all__ = ["check_if_match", "decode_cursor", "encode_cursor", "etag", "json_bytes", "reads", "session", "viewer", "writes"]
