"""Open311 GeoReport v2: the public reports problems and follows them, in JSON and XML, as the standard is written.

It must not show anything about a case beyond what the public channel gave and the public may know; making a case is left
to the room cases. Begin with `mapping.py` (what of a case is public), then `operations.py` and `api.py`.
"""
