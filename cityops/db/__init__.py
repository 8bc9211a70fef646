"""The floor every room stands on: engine, sessions, the model base, SQL files, the outbox and the layer versions.

It knows PostgreSQL and nothing of a city. It must not know Flask, a viewer or a theme.
Begin with `session.unit_of_work`, the only way a change is written, then `outbox.emit` and `versions.touch`.
"""
