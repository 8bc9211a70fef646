"""`cityops layers`, run as a command against a city's own database and layers folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cityops.cli.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "layers"
    made.mkdir()
    return made


@pytest.fixture
def run(database: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `cityops layers …` and returns exit code, standard output and standard error."""
    monkeypatch.setenv("CITYOPS_HOME", str(folder.parent / "home"))
    monkeypatch.setenv("CITYOPS_DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("CITYOPS_LAYERS_DIR", str(folder))

    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(["layers", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_a_new_layer_is_written_synced_shown_and_listed(run: Run, folder: Path) -> None:
    code, out, err = run("new", "benches", "--zh", "座椅", "--en", "Benches")
    assert (code, out.strip()) == (0, str(folder / "benches" / "layer.yaml"))
    assert "layers sync" in err
    assert "not synced" in next(line for line in run("list")[1].splitlines() if line.startswith("benches"))
    assert "CREATE TABLE layer_benches.items" in run("sync", "--dry-run")[1]
    assert "not synced" in run("list")[1]
    assert "CREATE TABLE layer_benches.items" in run("sync")[1]
    assert "benches: already right" in run("sync")[1]
    line = next(line for line in run("list")[1].splitlines() if line.startswith("benches"))
    assert "ready" in line
    assert "座椅 / Benches" in line
    shown = run("show", "benches")[1]
    assert "geometry point" in shown
    assert "name" in shown
    assert "layer_benches.items" in shown


def test_what_would_lose_data_is_one_clear_line_and_nothing_changes(run: Run, folder: Path) -> None:
    run("new", "bins", "--zh", "果皮箱", "--en", "Bins")
    run("sync")
    path = folder / "bins" / "layer.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("name: { type: text", "label: { type: text"), encoding="utf-8")
    code, _, err = run("sync")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "retired: true" in err
    assert "changed since the last sync" in run("list")[1]


def test_wrong_names_files_and_layers_are_told_in_one_line(run: Run, folder: Path) -> None:
    for arguments in (("new", "Bad-Name", "--zh", "坏", "--en", "Bad"), ("show", "nothing")):
        code, _, err = run(*arguments)
        assert code == 1
        assert len(err.splitlines()) == 1
    (folder / "broken").mkdir()
    (folder / "broken" / "layer.yaml").write_text("title: [", encoding="utf-8")
    code, _, err = run("sync")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "broken" in err
    assert "line" in err


def test_a_table_without_a_manifest_is_kept_and_named(run: Run, folder: Path) -> None:
    run("new", "stalls", "--zh", "摊点", "--en", "Stalls")
    run("sync")
    (folder / "stalls" / "layer.yaml").unlink()
    assert run("sync")[0] == 0
    assert "table without a manifest" in next(line for line in run("list")[1].splitlines() if line.startswith("stalls"))
