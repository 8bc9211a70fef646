"""The house keeps its order: short modules, no lost files, documents that name only what exists, locks without addresses."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_MODULE_LINES = 500
WEB_LIBRARIES = {"flask", "flask_smorest", "marshmallow", "werkzeug"}
WEB_PLACES = {"api.py", "schemas.py", "app.py"}
WEB_ROOMS = {"http", "serve"}


def tracked(*patterns: str) -> list[Path]:
    """The files of the repository that git knows or would take, matching any of the patterns."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted(path for name in names if name and (path := ROOT / name).is_file())


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_module_is_longer_than_500_lines() -> None:
    sources = tracked("*.py", "*.ts", "*.css", "*.sql", "*.sh")
    assert len(sources) > 50
    too_long = {name_of(path): lines for path in sources if (lines := len(path.read_bytes().splitlines())) > LONGEST_MODULE_LINES}
    assert too_long == {}


def test_every_package_folder_with_python_has_an_init_file_so_that_nothing_drops_out_of_the_wheel() -> None:
    folders = {path.parent for path in tracked("cityops/**.py", "layers/**.py", "migrations/**.py", "webmap/*.py", "tests/**.py")}
    assert ROOT / "cityops/db" in folders
    assert [name_of(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_no_source_file_is_ignored_by_git() -> None:
    command = ["git", "-c", "safe.directory=*", "ls-files", "--others", "--ignored", "--exclude-standard", "-z"]
    ignored = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    made = re.compile(
        r"^(build|dist|bench/results|screenshots|\.[^/]+|webmap/dist|[^/]+\.egg-info)/|(^|/)(node_modules|__pycache__|\.[^/]+_cache)/"
    )
    sources = (".py", ".ts", ".css", ".html", ".sql", ".csv", ".yaml", ".json", ".sh", ".md")
    assert [name for name in ignored if name.endswith(sources) and not made.search(name)] == []


def test_every_room_says_what_it_is_for() -> None:
    rooms = tracked("cityops/*/__init__.py")
    assert rooms
    silent = [name_of(path) for path in rooms if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_flask_and_marshmallow_stay_in_the_outer_files_of_a_room() -> None:
    strays = []
    for path in tracked("cityops/**.py"):
        inside = path.relative_to(ROOT / "cityops")
        if path.name in WEB_PLACES or inside.parts[0] in WEB_ROOMS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            strays += [f"{name_of(path)} imports {name}" for name in names if name.split(".")[0] in WEB_LIBRARIES]
    assert strays == []


def test_nobody_but_the_settings_reads_the_environment() -> None:
    # The command line and the processes it starts hand their environment on; that is not a setting.
    allowed = {"cityops/config.py", "cityops/db/postgres_process.py", "cityops/serve/supervisor.py", "cityops/cli/db.py"}
    readers = [
        name_of(path)
        for path in tracked("cityops/**.py")
        if name_of(path) not in allowed and re.search(r"\bos\.(environ|getenv)\b", path.read_text())
    ]
    assert readers == []


DOCUMENTS = [name_of(path) for path in tracked("*.md")]
# A path is a word in backticks with a slash in it or a known ending; placeholders and patterns are not paths.
_WORD = re.compile(r"`([A-Za-z0-9_.][A-Za-z0-9_./-]*)`")
_ENDINGS = (".py", ".md", ".cfg", ".toml", ".yaml", ".yml", ".sh", ".sql", ".csv", ".ts", ".in", ".txt", ".json")
_MADE_LATER = (".cityops", ".venv", "webmap/dist", "webmap/node_modules", "dist/", "bench/results")
_TOP = {path.split("/")[0] for path in map(name_of, tracked("*"))}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_names_only_paths_that_exist(document: str) -> None:
    folder = (ROOT / document).parent
    missing = []
    for word in _WORD.findall((ROOT / document).read_text()):
        looks_like_path = word.split("/")[0] in _TOP and ("/" in word or word.endswith(_ENDINGS))
        if looks_like_path and not word.startswith(_MADE_LATER) and not (ROOT / word).exists() and not (folder / word).exists():
            missing.append(word)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", (ROOT / document).read_text()):
        if "://" not in target and not target.startswith("mailto:") and not (folder / target).exists():
            missing.append(target)
    assert missing == []


@pytest.mark.parametrize(
    "lock", ["requirements.txt", "requirements.in", "webmap/package-lock.json", "webmap/.npmrc", "setup.cfg", "pyproject.toml"]
)
def test_no_lock_or_configuration_names_a_registry(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert '"resolved"' not in text
    assert (
        re.findall(r"--(?:extra-)?index-url|--find-links|registry\s*=|https?://[^\s\"']*(?:pypi|npmjs|registry|simple)[^\s\"']*", text)
        == []
    )


def test_the_packages_a_user_needs_are_those_that_are_locked() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    asked = {line for line in setup["options"]["install_requires"].splitlines() if line}
    listed = {line for line in (ROOT / "requirements.in").read_text().splitlines() if line and not line.startswith("#")}
    locked = {line.split("==")[0] for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line}
    assert asked - listed == set()
    assert {re.split(r"[\[<>=~!]", line)[0] for line in listed} - {name.split("[")[0].strip() for name in locked} == set()


def test_every_library_the_core_imports_is_asked_for_by_the_package() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    asked = {re.split(r"[\[<>=]", line)[0] for line in setup["options"]["install_requires"].splitlines() if line}
    names = {
        "argon2-cffi": "argon2",
        "flask-smorest": "flask_smorest",
        "pillow": "PIL",
        "pyyaml": "yaml",
        "chinesecalendar": "chinese_calendar",
    }
    known = {names.get(name, name.replace("-", "_")) for name in asked} | {
        "cityops",
        "layers",
        "webmap",
        "werkzeug",
        "psycopg_pool",
        "pandas",
        "webargs",
        "apispec",
    }
    strangers = set()
    for path in tracked("cityops/**.py", "migrations/**.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found = {node.module.split(".")[0]}
            else:
                continue
            strangers |= {f"{name} in {name_of(path)}" for name in found - known if name not in sys.stdlib_module_names}
    assert strangers == set()
