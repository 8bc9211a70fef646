"""cityops: every thing has a code, every place has a grid cell, every problem has a closed loop.

This package is the core. It knows cities and never a theme: themes live in `layers/`.
Begin reading with `app.py`, where the rooms are wired together, then with the room `cases`.
"""

__version__ = "0.1.0"
