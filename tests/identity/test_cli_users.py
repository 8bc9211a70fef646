"""`cityops users`, run as a command against a city's own database."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cityops.cli.main import main
from cityops.db.session import unit_of_work
from cityops.identity import queries
from cityops.identity.viewers import Viewers
from tests.factories.identity import make_department, saved_user

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `cityops users …` and returns exit code, standard output and standard error."""
    monkeypatch.setenv("CITYOPS_HOME", str(tmp_path))
    monkeypatch.setenv("CITYOPS_DATABASE_URL", database.url.render_as_string(hide_password=False))

    def command(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main(["users", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_a_user_is_added_with_a_password_from_standard_input_and_listed(run: Run, database: Engine) -> None:
    with unit_of_work(database) as session:
        department = make_department(session, code="CLI")
        make_department(session, code="CLI-2", parent=department)
    code, out, _ = run(
        "add", "li.ming", "--name", "李明", "--post", "acceptor", "--division", "411303", "--department", "CLI-2", stdin="a fine password\n"
    )
    assert (code, out) == (0, "li.ming added\n")
    code, out, err = run("list", "--department", "CLI")
    assert (code, out, err) == (0, "li.ming\t李明\tacceptor\tactive\tdivision 411303\n", "1 users\n")
    assert run("list", "--search", "李")[1] == out
    assert run("list", "--post", "planner", "--department", "CLI")[1] == ""


@pytest.mark.parametrize(
    ("arguments", "stdin", "line"),
    [
        (
            ["add", "x1", "--name", "X", "--post", "acceptor"],
            "a fine password\n",
            "scope: A user with these posts sees nothing without a scope. Fix:",
        ),
        (["add", "x1", "--name", "X", "--post", "acceptor", "--whole-city"], "", "No password was given. Fix:"),
        (["add", "x1", "--name", "X", "--post", "acceptor", "--whole-city"], "short\n", "password: This password is too easy"),
        (["add", "X 1", "--name", "X", "--post", "acceptor", "--whole-city"], "a fine password\n", "login: A login is 2 to 64 characters"),
        (
            ["add", "x1", "--name", "X", "--post", "acceptor", "--division", "4113"],
            "a fine password\n",
            "scopes.division_code: A division code has",
        ),
        (
            ["add", "x1", "--name", "X", "--post", "handler", "--department", "NONE"],
            "a fine password\n",
            "There is no department with the code NONE",
        ),
        (["passwd", "nobody"], "a fine password\n", "There is no user with the login nobody. Fix: cityops users list"),
        (["lock", "nobody"], "", "There is no user with the login nobody"),
        (["token", "nobody"], "", "There is no user with the login nobody"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_fix(run: Run, arguments: list[str], stdin: str, line: str) -> None:
    code, out, err = run(*arguments, stdin=stdin)
    assert (code, out) == (1, "")
    assert err.startswith(f"cityops: {line}") and err.count("\n") == 1


def test_a_token_of_the_command_line_is_good_until_the_user_is_locked(run: Run, database: Engine, tmp_path: Path) -> None:
    user = saved_user(database, "planner")
    memory = Viewers(database, tmp_path / "permissions.board")
    code, out, err = run("token", user.login, "--label", "QGIS")
    assert code == 0 and "shown this once" in err
    found = memory.of(out.strip())
    assert found is not None and found.kind == "personal"
    assert run("lock", user.login, "--hours", "2")[0] == 0
    assert memory.of(out.strip()) is None
    assert "locked" in run("list", "--search", user.login)[1]
    assert run("unlock", user.login)[0] == 0
    assert memory.of(out.strip()) is None, "unlocking does not bring ended sessions back"
    memory.close()


def test_signing_somebody_out_ends_his_tokens(run: Run, database: Engine) -> None:
    user = saved_user(database, "planner")
    for _ in range(3):
        run("token", user.login)
    assert run("sign-out", user.login)[1] == f"3 sessions and tokens of {user.login} ended\n"


def test_a_generated_password_is_printed_and_works(run: Run, database: Engine) -> None:
    from cityops.identity.passwords import check_password

    user = saved_user(database, "planner")
    code, out, _ = run("passwd", user.login, "--generate")
    password = out.split(": ")[1].split(";")[0]
    with unit_of_work(database) as session:
        found = queries.user_by_login(session, user.login)
        assert code == 0 and found is not None and check_password(found.password_hash, password)


def test_the_last_administrator_of_the_city_cannot_be_locked_even_here(run: Run, database: Engine) -> None:
    assert run("add", "boss", "--name", "Boss", "--post", "administrator", "--whole-city", stdin="a fine password\n")[0] == 0
    code, _, err = run("lock", "boss")
    assert code == 1 and "without an administrator for the whole city" in err
    assert run("add", "boss2", "--name", "Boss", "--post", "administrator", "--whole-city", stdin="a fine password\n")[0] == 0
    assert run("lock", "boss")[0] == 0
