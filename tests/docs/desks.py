"""Running the blocks of a page at a desk.

Belongs here: how each language runs. Does not belong here: reading blocks
(``pipelines/page_blocks.py``), making a desk (``conftest.py``), which pages are tried
(``test_snippets.py``).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.page_blocks import Block


@dataclass(frozen=True)
class Desk:
    """Where the blocks of one page run.

    Attributes:
        folder: the current folder of its commands; ``data/`` is a replayed sample.
        environment: points the commands at the sample portal, at the last date of the plan.
    """

    folder: Path
    environment: dict[str, str]


_SECONDS = 600
BIN = Path(sys.executable).parent


def plain_environment() -> dict[str, str]:
    """Return the environment without settings of whoever runs the tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SIGNALS_", "DAGSTER_", "PYTEST_"))
    }
    return {**kept, "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', '')}", "PYTHONUTF8": "1"}


def _sh(block: Block, desk: Desk, where: str) -> str:
    return _process(["bash", "-euo", "pipefail", "-c", block.text], desk, where)


def _python(block: Block, desk: Desk, where: str) -> str:
    return _process([sys.executable, "-W", "error", "-c", block.text], desk, where)


def _process(command: list[str], desk: Desk, where: str) -> str:
    done = subprocess.run(
        command,
        cwd=desk.folder,
        env=desk.environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{where}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def _sql(block: Block, desk: Desk, where: str) -> str:
    columns, rows = asked(block.text, desk.folder)
    assert rows, f"{where}: no row on the sample"
    assert columns
    return "\n".join("\t".join(map(str, row)) for row in rows)


def asked(sql: str, folder: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return columns and rows of an answer of the warehouse in ``folder``, opened read-only."""
    with duckdb.connect(folder / "data" / "replay" / "warehouse.duckdb", read_only=True) as opened:
        opened.execute("SET file_search_path = ?", [str(folder)])
        result = opened.execute(sql)
        return [str(one[0]) for one in result.description], result.fetchall()


RUNNERS: dict[str, Callable[[Block, Desk, str], str]] = {
    "sh": _sh,
    "python": _python,
    "sql": _sql,
}
