"""Every command and snippet of the pages runs, on a replayed sample.

A block is marked by a comment on the line before or after it: ``<!-- test -->`` runs it,
and ``<!-- not run: reason -->`` says why it is not. A ``text`` block marked ``<!-- output -->``
is what the block before it prints. The blocks of one page run in order, in one folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from desks import RUNNERS, Desk

from pipelines.page_blocks import OUTPUT, RUN, RUNNABLE, Block, blocks, written_pages
from pipelines.settings import ROOT

PAGES = written_pages(ROOT)


def page(name: str) -> list[Block]:
    return blocks((ROOT / name).read_text(encoding="utf-8"))


TRIED = [name for name in PAGES if any(block.mark == RUN for block in page(name))]


@pytest.mark.parametrize("name", TRIED)
def test_the_blocks_of_a_page_run(name: str, desk: Desk) -> None:
    printed = ""
    for block in page(name):
        where = f"{name}, line {block.line}"
        if block.mark == RUN:
            printed = RUNNERS[block.language](block, desk, where)
        elif block.mark == OUTPUT:
            assert printed.split() == block.text.split(), f"{where}: this is not what was printed"


@pytest.mark.parametrize("name", PAGES)
def test_each_command_is_run_or_says_why_not(name: str) -> None:
    unmarked = [
        f"{name}, line {block.line}"
        for block in page(name)
        if block.language in RUNNERS and block.mark != RUN and not block.reason
    ]
    assert unmarked == []


def test_each_language_that_must_be_run_or_say_why_not_can_be_run() -> None:
    assert set(RUNNERS) == set(RUNNABLE)


def test_few_commands_are_left_out(
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    runnable = [block for name in PAGES for block in page(name) if block.language in RUNNERS]
    left_out = [block for block in runnable if block.reason]
    record_testsuite_property("snippets_run", len(runnable) - len(left_out))
    record_testsuite_property("snippets_not_run", len(left_out))
    assert len(left_out) * 2 <= len(runnable), "most of what the pages tell should be tried"


@pytest.mark.parametrize("name", PAGES)
def test_commands_are_written_in_blocks_that_are_looked_at(name: str) -> None:
    others = [block for block in page(name) if block.language not in RUNNERS]
    assert {block.language for block in others} <= {"", "text", "yaml"}
    typed = [
        block.line for block in others if re.search(r"^\s*(\$|company-signals|make) ", block.text)
    ]
    assert typed == []


def test_a_mark_belongs_to_the_block_below_it_else_to_the_one_above() -> None:
    text = (
        "<!-- test -->\n```sh\ntrue\n```\n\n  <!-- not run: asks -->\n  ```sh\n  a\n   b\n  ```\n"
    )
    first, second = blocks(text + "```sql\nSELECT 1\n```\n")[:2]
    assert (first.line, first.mark, first.reason) == (2, "test", None)
    assert (second.text, second.reason) == ("a\n b", "asks")
    assert blocks(text + "```sql\nSELECT 1\n```\n")[2].mark is None
    between = "```sh\na\n```\n<!-- test -->\n```sh\nb\n```\n"
    assert [block.mark for block in blocks(between)] == [None, "test"]
    assert [block.reason for block in blocks("```sh\na\n```\n<!-- not run: asks -->\n")] == ["asks"]


def test_a_failing_block_fails(desk: Desk) -> None:
    for text in ("false", "false | true", "echo $never_set"):
        with pytest.raises(AssertionError, match="page, line 1: exit"):
            RUNNERS["sh"](Block(1, "sh", text, RUN), desk, "page, line 1")
    with pytest.raises(AssertionError, match="no row"):
        RUNNERS["sql"](Block(1, "sql", "SELECT 1 WHERE false", RUN), desk, "page")
