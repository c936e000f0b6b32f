"""Reading the blocks of a page and running them at a desk.

Belongs here: fenced blocks, their marks, and how each language runs. Does not belong here:
making a desk (``conftest.py``), which pages there are (``test_snippets.py``).
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb


@dataclass(frozen=True)
class Desk:
    """Where the blocks of one page run.

    Attributes:
        folder: the current folder of its commands; ``data/`` is a replayed sample.
        environment: points the commands at the sample portal, at the last date of the plan.
    """

    folder: Path
    environment: dict[str, str]


RUN = "test"
OUTPUT = "output"
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\s*$")
_MARK = re.compile(r"^\s*<!--\s*(?P<mark>test|output|not run:.*?)\s*-->\s*$")
_SECONDS = 120


@dataclass(frozen=True)
class Block:
    """A fenced block: its line, language, text, and its mark if it has one."""

    line: int
    language: str
    text: str
    mark: str | None

    @property
    def reason(self) -> str | None:
        """Return why the block is not run; ``None`` if it is not left out."""
        kind, _, reason = (self.mark or "").partition(":")
        return reason.strip() if kind == "not run" else None


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found: list[Block] = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        opened = _FENCE.match(lines[at])
        if opened is None:
            at += 1
            continue
        end = next(n for n in range(at + 1, len(lines)) if lines[n].strip() == "```")
        indent = len(opened["indent"])
        body = "\n".join(line[indent:] for line in lines[at + 1 : end])
        found.append(Block(at + 1, opened["language"], body, _mark(lines, at, end)))
        at = end + 1
    return found


def _mark(lines: list[str], at: int, end: int) -> str | None:
    """Return the mark before a block, else the one after it that no other block follows."""
    before = _MARK.match(lines[at - 1]) if at else None
    if before is not None:
        return before["mark"]
    after = [*lines[end + 1 : end + 3], "", ""]
    marked = None if _FENCE.match(after[1]) else _MARK.match(after[0])
    return marked["mark"] if marked else None


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
    with duckdb.connect() as database:
        database.execute("SET file_search_path = ?", [str(desk.folder)])
        rows = database.execute(block.text).fetchall()
    assert rows, f"{where}: no row on the sample"
    return "\n".join("\t".join(map(str, row)) for row in rows)


RUNNERS: dict[str, Callable[[Block, Desk, str], str]] = {
    "sh": _sh,
    "python": _python,
    "sql": _sql,
}
