"""When a problem is filed, when it counts as closed, and how long a department has: the city's standards as editable data.

It computes deadlines and says which condition applies; it must not know cases, their states or who works on them.
Begin with `rules.py` (working calendars and time limits, pure), then `queries.condition_for`.
"""
