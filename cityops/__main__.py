"""`python -m cityops` and the command `cityops`."""

from __future__ import annotations

import sys

from cityops.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
