"""One writer to a data folder at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opendata.errors import StateError
from opendata.lock import one_writer

HOLD = (
    "import sys\n"
    "from pathlib import Path\n"
    "from opendata.lock import one_writer\n"
    "with one_writer(Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_told_to_wait(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    with pytest.raises(StateError, match="another run is writing") as told, one_writer(tmp_path):
        pass
    assert "--data-dir" in told.value.next_step


def test_a_killed_process_keeps_nobody_out(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with one_writer(tmp_path):
        pass


def test_a_step_inside_a_run_that_holds_the_folder_goes_on(tmp_path: Path) -> None:
    with one_writer(tmp_path):
        with one_writer(tmp_path / "." / ""):
            pass
        assert subprocess.run(
            [sys.executable, "-c", HOLD, str(tmp_path)], input="", capture_output=True, check=False
        ).returncode
    assert not subprocess.run(
        [sys.executable, "-c", HOLD, str(tmp_path)], input="", capture_output=True, check=False
    ).returncode
