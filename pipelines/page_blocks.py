"""The fenced blocks of a page, and what is said of those that no test runs.

Belongs here: reading blocks and their marks, and the page that counts the blocks not run. Does
not belong here: running them (``tests/docs``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from opendata.attribution import markdown_table

RUN = "test"
OUTPUT = "output"
#: Languages whose blocks are run, or say why not.
RUNNABLE = ("sh", "python", "sql")
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\s*$")
_MARK = re.compile(r"^\s*<!--\s*(?P<mark>test|output|not run:.*?)\s*-->\s*$")


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


def written_pages(root: Path) -> list[str]:
    """Return the pages whose blocks are run or say why not, relative to ``root``."""
    found = [path.relative_to(root).as_posix() for path in sorted((root / "docs").glob("*.md"))]
    found += [
        path.relative_to(root).as_posix()
        for path in sorted((root / "docs/operations").glob("*.md"))
    ]
    return [*found, "README.md", "CONTRIBUTING.md"]


def not_run_page(root: Path) -> str:
    """Return the page that lists and counts the blocks that no test runs."""
    left_out, total = [], 0
    for name in written_pages(root):
        for block in blocks((root / name).read_text(encoding="utf-8")):
            if block.language not in RUNNABLE:
                continue
            total += 1
            if block.reason:
                first = next(line for line in block.text.splitlines() if line.strip())
                left_out.append([f"`{name}`", f"`{first.strip()}`", block.reason])
    return (
        "\n".join(
            [
                "# Commands that no test runs",
                "",
                f"The pages have {total} blocks of commands, Python and SQL. The tests run "
                f"{total - len(left_out)} of them, each page from its top in one folder with a "
                f"replayed sample; {len(left_out)} are not run:",
                "",
                *markdown_table(["page", "block that begins with", "why it is not run"], left_out),
            ]
        )
        + "\n"
    )
