"""Analysts ask while the pipeline publishes: every question gets a whole answer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from desks import BIN, plain_environment

from opendata.query import ask

#: The same answer before and after: what is published again is what was there.
QUESTION = """
SELECT (SELECT count(*) FROM signals), (SELECT count(*) FROM sirene__establishments),
       (SELECT count(*) FROM duckdb_columns() WHERE comment IS NOT NULL)
"""


def test_questions_are_answered_while_a_run_publishes(replayed: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(replayed, data)
    warehouse = data / "warehouse.duckdb"
    before = ask(warehouse, QUESTION, limit=1).rows
    first = warehouse.stat().st_ino
    run = subprocess.Popen(
        [BIN / "company-signals", "export", "--data-dir", data, "--at", "2025-01-06"],
        env=plain_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    asked = 0
    try:
        while run.poll() is None:
            assert ask(warehouse, QUESTION, limit=1).rows == before
            asked += 1
    finally:
        _, said = run.communicate(timeout=300)
    assert run.returncode == 0, said.decode()
    assert asked > 0
    assert warehouse.stat().st_ino != first, "a new file was put in place meanwhile"
    assert ask(warehouse, QUESTION, limit=1).rows == before
    assert before[0][0] > 0
