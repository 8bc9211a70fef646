"""Who works in the city: departments, posts, users and their scopes, sessions and tokens, the audit, and what each may see.

It must not know a grid cell, a component or a case: a row of another room is described to it by `ScopedColumns`, and it
answers with the one visibility predicate every surface uses. Begin with `visibility.py` (what a viewer may see), then
`rules.py` (how scopes and posts become grants), `viewers.py` (how a token becomes a viewer in microseconds).
"""
