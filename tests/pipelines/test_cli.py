"""The command line: quick help, clear errors, exit codes."""

from __future__ import annotations

import json
import os
import signal
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


def test_an_unforeseen_error_inside_a_step_shows_where_with_debug(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").mkdir()
    offline = {"SIGNALS_DATAGOUV_URL": "http://127.0.0.1:9", "SIGNALS_ATTEMPTS": "1"}
    plain = _run("export", "--data-dir", str(tmp_path), **offline)
    assert plain.returncode == 1
    assert "unforeseen IsADirectoryError" in plain.stdout
    assert "Traceback" not in plain.stdout + plain.stderr
    shown = _run("--debug", "export", "--data-dir", str(tmp_path), **offline)
    assert shown.returncode == 1
    assert "Traceback" in shown.stderr
    assert "IsADirectoryError" in shown.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "SIGNALS_LEADS: Value error, there is no file mine.csv"),
        (b"", "leads"),
        (b"colour,size\nred,9\n", "no column holds a company name or identifier"),
    ],
    ids=["missing", "empty", "other columns"],
)
def test_a_lead_file_that_cannot_be_read_is_said(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    path = tmp_path / "mine.csv"
    if content is not None:
        path.write_bytes(content)
    done = _run("match", "--leads", str(path), "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 1
    assert says in done.stdout + done.stderr
    assert "What to do:" in done.stdout + done.stderr
    assert "verdict" not in done.stdout


def test_a_lead_file_without_a_usable_row_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(b"company_name\n")
    done = _run("match", "--leads", str(path), "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 0
    assert "No row of the lead file could be used." in done.stdout


def test_misuse_is_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for arguments, environment, says in (
        (("run", "--data-dir", str(file)), {}, "file is a file, a folder is needed"),
        (("run",), {"SIGNALS_BASE_URLS": "{bad"}, "not the JSON it must be"),
        (("run",), {"SIGNALS_MEMORY_LIMIT": "banana"}, "SIGNALS_MEMORY_LIMIT:"),
    ):
        done = _run(*arguments, **{"SIGNALS_DATA_DIR": str(tmp_path / "data"), **environment})
        assert done.returncode == 1
        assert says in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


#: The command as a terminal starts it: what runs in the background of a script, these tests
#: perhaps, ignores Ctrl-C, and so does what it starts.
FROM_A_TERMINAL = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from pipelines.cli import main
main()
"""


def test_a_run_stops_when_asked_to(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", FROM_A_TERMINAL, "replay", "--data-dir", str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TERM": "dumb"},
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first.startswith("✓ 2008-01-16")
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=300)[0]
    assert process.returncode != 0
    assert "Datasets" not in rest
    assert "Traceback" not in rest
    assert "unforeseen" not in rest


def test_two_replays_do_not_share_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = subprocess.Popen(
        [COMMAND, "replay", "--data-dir", str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    first.stdout.readline()
    second = _run("replay", "--data-dir", str(folder))
    assert second.returncode == 1
    assert "another run is writing" in second.stderr
    assert first.poll() is None
    first.kill()
    first.communicate()


def test_a_replay_empties_only_what_replays_made(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "mine.txt").touch()
    refused = _run("replay", "--data-dir", str(folder))
    assert refused.returncode == 1
    assert "holds other data than a replay's" in refused.stderr
    (folder / "mine.txt").rename(folder / ".made-by-replay")
    _run("fetch", "egapro", "--data-dir", str(folder), SIGNALS_DATAGOUV_URL="http://127.0.0.1:9",
         SIGNALS_ATTEMPTS="1")  # fmt: skip
    again = _run("replay", "--data-dir", str(folder))
    assert "holds other data than a replay's" in again.stderr
