"""The tables of an index that are as the registry has them, but for their order.

Belongs here: writing such a table, the kinds of names, the weight of a word. Does not belong
here: what a registry's columns are (``index``), names (``index_names``), words
(``index_words``), looking leads up (``candidates``).

Each step reads files and streams into a file; sorts above a few million rows spill to disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from opendata import parquet

#: Kinds of names, the most telling first; ties between names are broken in this order.
#: ``historical`` is a name that the unit or the establishment no longer bears.
KINDS = ("denomination", "denomination_usuelle", "sigle", "enseigne", "second", "historical")
#: Longer names are cut: no real one is, and an endless one must not cost endless time.
MAX_NAME = 300


def idf(df: pl.Expr, units: int) -> pl.Expr:
    """Return the weight of a word that ``df`` of ``units`` units have."""
    return (1.0 + units / df).log()


def table(frame: pl.LazyFrame, path: Path, sort_by: Sequence[str]) -> int:
    """Write a table of the index and return its number of rows."""
    return parquet.sink(frame, path, sort_by=sort_by, point="index:table").rows


def register(frame: pl.LazyFrame, path: Path, key: str) -> int:
    """Write a table whose ``key`` is unique; of rows that repeat it the lowest is kept.

    A register given in parts that overlap must not make two answers of one.
    """
    columns = frame.collect_schema().names()
    rows = table(frame, path, (key, *(name for name in columns if name != key)))
    written = pl.scan_parquet(path, glob=False)
    distinct = _first_of(written, (key,)).select(pl.len()).collect(engine="streaming").item()
    if distinct == rows:
        return rows
    return table(_first_of(written, (key,)), path, (key,))


def _first_of(rows: pl.LazyFrame, key: Sequence[str]) -> pl.LazyFrame:
    """Keep the first row of each key; ``rows`` are sorted by it, so that nothing is held."""
    again = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in key)
    # The first row has none before it: a null key there would look like a repetition.
    first = pl.int_range(pl.len()) == 0
    return rows.filter(first | ~again)
