"""The real notices of ``data/sample/bodacc``, and how to change one field of one of them.

The traps that the bundled notices do not hold are made with :func:`changed`, and go
through the contract of ``dataset.yml`` like any other notice.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from assets.bodacc.normalise import normalise
from opendata.catalogue import load_dataset

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "data/sample/bodacc"
DATASET = load_dataset(ROOT / "assets/bodacc/dataset.yml")
RESOURCE = DATASET.resource("annonces-commerciales")

Tables = dict[str, pl.DataFrame]
Read = Callable[..., dict[str, pl.DataFrame]]
Record = dict[str, Any]

SALE_BY_PERSON = "A202100051"  # a hairdresser's business brought into BELLEVUE
SALE_BY_COMPANY = "A2021000546"  # TENORD sells a shop to CACHE-CACHE
LIQUIDATION = "liquidation_judiciaire"
OPENING = "A20080009618"  # liquidation of GIRAUD-BORRELLY opened on 21 November 2007


def records() -> dict[str, Record]:
    """Return the bundled notices by id."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(SAMPLE.glob("*.jsonl")))
    lines = (line for text in texts for line in text.split("\n") if line)
    return {record["id"]: record for record in map(json.loads, lines)}


REAL = records()


def changed(notice_id: str, blocks: Mapping[str, Any] | None = None, **fields: Any) -> Record:
    """Return a real notice with some fields replaced; ``blocks`` are encoded as DILA does."""
    record = copy.deepcopy(REAL[notice_id]) | fields
    for name, block in (blocks or {}).items():
        record[name] = json.dumps(block, ensure_ascii=False)
    return record


def block(notice_id: str, name: str) -> Any:
    return json.loads(REAL[notice_id][name])


def of(frame: pl.DataFrame) -> Tables:
    tables = normalise({RESOURCE.name: frame.lazy()})
    return dict(zip(tables, pl.collect_all(list(tables.values())), strict=True))


def row(table: pl.DataFrame, notice_id: str) -> Record:
    return table.row(by_predicate=pl.col("notice_id") == notice_id, named=True)
