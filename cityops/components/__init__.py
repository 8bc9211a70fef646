"""The coded things of the city (部件): what classes there are, where each thing stands, who answers for it, and every version of it.

It gives codes and keeps history; it must not know cases, deadlines or themes. A component is retired, never deleted.
Begin with `rules.py` (codes), then `operations.py` (the verbs) and `queries.py` (search, and how things were on a past date).
"""
