"""The page "Consume the feed" says what the contract and the exports are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

from signal_world import BUYER, match, publish

from pipelines.settings import ROOT
from signals.contract import Evidence, Op, Reason, SignalRow
from signals.feed.companions import COMPANIONS
from signals.feed.page import feed_page
from signals.log import SignalLog


def _rows(heading: str) -> list[str]:
    """Return the first cells of the table under a heading or after a header cell."""
    after = feed_page().split(heading, 1)[1]
    table = re.search(r"((?:^ *\|.*\n?)+)", after, re.M)
    assert table is not None
    return re.findall(r"^ *\| (.+?) \|", table[1], re.M)


def test_every_column_stands_in_the_table_once_in_order() -> None:
    assert _rows("## Columns")[1:] == [f"`{name}`" for name in SignalRow.model_fields]
    assert _rows("### Evidence")[1:] == [f"`{name}`" for name in Evidence.model_fields]


def test_every_op_and_reason_is_explained() -> None:
    page = feed_page()
    ops = re.findall(r"^ *\| `([A-Z]+)` \|", page, re.M)
    assert tuple(ops) == get_args(Op)
    reasons = page.split("| reason |", 1)[1].split("\n\n", 1)[0]
    cells = [row.split("|")[1] for row in reasons.splitlines()[2:]]
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(get_args(Reason))


def test_no_mark_of_the_template_is_left() -> None:
    assert re.findall(r"\{(?:columns|evidence|schema_version)\}", feed_page()) == []


def test_the_page_in_the_docs_is_this_one() -> None:
    written = (ROOT / "docs" / "feed.md").read_text(encoding="utf-8")
    assert written.endswith(feed_page()), "run `make generated`"


def test_the_files_of_an_export_are_the_files_of_the_page(log: SignalLog, out: Path) -> None:
    publish(log, out, match("L-1", BUYER))
    stream = out / "accounts" / "acme"
    there = {path.name for path in stream.iterdir() if path.is_file()}
    told = {name for row in _rows("| file of a version |") for name in _names(row)}
    each = {f"{table}.schema.json" for table in COMPANIONS}
    assert "<table>.schema.json" in told
    assert (told - {"<table>.schema.json"}) | each == there - {"manifest.json"}
    manifest = json.loads((stream / "manifest.json").read_bytes())
    ours = {name for row in _rows("| key |") for name in _names(row)}
    assert ours <= set(manifest)
    assert set(manifest) - ours <= {"$schema", "name", "title", "created", "contract"}


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)
