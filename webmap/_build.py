"""Build hook of the wheel: bundle the map before the Python package is collected.

`make setup` builds the map anyway; this is for `pip install .` from a fresh checkout, with Node from the PATH.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from setuptools.command.build_py import build_py
from setuptools.errors import SetupError

HERE = Path(__file__).resolve().parent
SENTINEL = HERE / "dist" / "console.html"
OLDEST_NODE = (22, 12)


class BuildWithMap(build_py):
    """`build_py` that first makes `webmap/dist` when it is missing. CITYOPS_SKIP_WEBMAP=1 leaves the map out.

    An editable installation takes the map from the checkout, where `make` builds it.
    """

    def run(self) -> None:
        """Bundle, then collect."""
        if not self.editable_mode and not SENTINEL.is_file() and not os.environ.get("CITYOPS_SKIP_WEBMAP"):
            build()
        super().run()


def build() -> None:
    """Run `npm ci` and `npm run build` here; raises SetupError with the fix when Node is missing or too old."""
    npm = shutil.which("npm")
    if npm is None:
        raise SetupError(
            "webmap/dist is missing and there is no npm to build it. Fix: run `make webmap` first, "
            "or install Node 24, or set CITYOPS_SKIP_WEBMAP=1 for an installation without the map"
        )
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    found = re.match(r"v(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_NODE:
        raise SetupError(f"Node {version} is too old to build webmap/dist. Fix: install Node 24, or run `make webmap` first")
    for arguments in (["ci", "--no-fund", "--no-audit"], ["run", "build"]):
        subprocess.run([npm, *arguments], cwd=HERE, check=True)
