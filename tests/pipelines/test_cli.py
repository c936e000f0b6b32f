"""The command line: quick help, clear errors, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("company-signals"))


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SIGNALS_")}
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**plain, "COLUMNS": "120", "TERM": "dumb", **environment},
    )


def test_help_names_the_commands() -> None:
    done = _run("--help")
    assert done.returncode == 0
    for name in ("run", "fetch", "match", "export", "status", "doctor", "sample-portal"):
        assert name in done.stdout


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "sys.argv = ['company-signals', '--help']\n"
        "from pipelines.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "import json\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "typer" in loaded
    assert not loaded & {"dagster", "polars", "duckdb", "pyarrow", "httpx", "pydantic"}


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (("run", "sirenne"), {}, "no dataset is called sirenne. What to do: choose among"),
        (("run",), {"SIGNALS_AT": "yesterday"}, "SIGNALS_AT:"),
        (("run",), {"SIGNALS_BASE_URLS": '{"a/b": "http://127.0.0.1:1"}'}, "SIGNALS_BASE_URLS:"),
        (("replay", "nowhere.yml"), {}, "nowhere.yml: not a plan of run dates"),
    ],
)
def test_an_error_is_one_paragraph_and_no_traceback(
    arguments: tuple[str, ...], environment: dict[str, str], says: str, tmp_path: Path
) -> None:
    done = _run(*arguments, SIGNALS_DATA_DIR=str(tmp_path), **environment)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_debug_shows_where(tmp_path: Path) -> None:
    done = _run("--debug", "run", "sirenne", "--data-dir", str(tmp_path))
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_an_unknown_option_is_a_usage_error() -> None:
    done = _run("run", "--no-such-option")
    assert done.returncode == 2
    assert "No such option" in done.stderr


def test_a_portal_that_is_down_fails_the_run_and_says_which(tmp_path: Path) -> None:
    done = _run(
        "fetch",
        "egapro",
        SIGNALS_DATA_DIR=str(tmp_path),
        SIGNALS_DATAGOUV_URL="http://127.0.0.1:9",
        SIGNALS_ATTEMPTS="1",
    )
    assert done.returncode == 1
    assert "dataset egapro" in done.stdout
    assert "What to do:" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
