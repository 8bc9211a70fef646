"""The web map as a Python package: only so that its built files travel inside the wheel.

The source is TypeScript in `src/`, the result is `dist/`, and no Python code of the product belongs here.
Begin reading with `_build.py`, which builds the map when a wheel is made.
"""
