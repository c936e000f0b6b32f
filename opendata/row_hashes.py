"""A hash of each row, kept in a narrow file beside a large table.

Belongs here: how a row is hashed, and which two such files may be compared. Does not belong
here: the comparison (``diff.py``), when the files are written and removed (``staging.py``,
``retention.py``).

Two states of a table are then compared by key and hash, and only the rows that differ are
read. A hash is two numbers of 64 bits: each the sum, over the columns, of the hash of the
value times an odd number that belongs to the column alone. So two values that change places,
a letter that goes from one column to the next, null, the empty string and ``[ND]`` all
differ, and one changed value in two rows meets the same hash once in 2^128 (ADR 0017).

No hash of Polars is promised to stay the same from one release or machine to the next. What
it gives here and now for known values is part of the :func:`scheme` in the file, and files of
two schemes are never compared: the tables are, value by value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from functools import cache, reduce
from operator import add
from pathlib import Path

import polars as pl

from opendata import parquet

#: Columns that say where a row comes from: they change with each version by nature.
LINEAGE = ("source_id", "publication_date")
HASHES = ("_hash_1", "_hash_2")
Pair = tuple[pl.LazyFrame, pl.LazyFrame]
_SCHEME = "row_hashes"


def hashes(columns: Collection[str]) -> list[pl.Expr]:
    """Return the two numbers of a row; the order of ``columns`` does not show."""
    return [
        # Sums and products of UInt64 wrap.
        reduce(add, (pl.col(name).hash(seed) * _factor(seed, name) for name in sorted(columns)))
        .alias(hashed)
        for seed, hashed in enumerate(HASHES, start=1)
    ]  # fmt: skip


def _factor(seed: int, column: str) -> pl.Expr:
    drawn = hashlib.sha256(f"{seed}:{column}".encode()).digest()
    return pl.lit(int.from_bytes(drawn[:8], "big") | 1, dtype=pl.UInt64)


def hashed_columns(schema: pl.Schema, key: Collection[str]) -> list[str] | None:
    """Return what is hashed of a table; ``None`` if nothing is, or a value has parts."""
    names = [name for name in schema if name not in key and name not in LINEAGE]
    return names if names and not any(schema[name].is_nested() for name in names) else None


def beside(rows: pl.LazyFrame, key: Collection[str], target: Path) -> parquet.Beside | None:
    """Return what to write beside a table of ``rows``; ``None`` if they cannot be hashed."""
    schema = rows.collect_schema()
    columns = hashed_columns(schema, key)
    if columns is None:
        return None
    content = [*(pl.col(name) for name in key), *hashes(columns)]
    return parquet.Beside(target, content, {_SCHEME: scheme({c: schema[c] for c in columns})})


def scheme(columns: dict[str, pl.DataType]) -> str:
    """Return what two files must have in common for equal hashes to mean equal rows."""
    shape = sorted((name, str(dtype)) for name, dtype in columns.items())
    return hashlib.sha256(json.dumps([shape, _probe()]).encode()).hexdigest()


@cache
def _probe() -> list[list[int]]:
    """Return what the hash of this Polars on this machine makes of known values."""
    known = pl.DataFrame(
        {
            "text": [None, "", "[ND]", "a", "É" * 40],
            "integer": pl.Series([None, 0, 1, -1, 2**62], dtype=pl.Int64),
            "decimal": [None, 0.0, 1.5, -2.5, float("nan")],
            "boolean": [None, True, False, True, False],
        }
    ).with_columns(
        pl.col("integer").cast(pl.Int32, strict=False).cast(pl.Date).alias("date"),
        pl.col("integer").cast(pl.Datetime("us")).alias("instant"),
    )
    rows = known.select(hashes(known.columns)).rows()
    return [list(row) for row in rows]


def pair(before: Path | None, after: Path | None) -> Pair | None:
    """Return the narrow files of two states, if what they say can be compared.

    Otherwise, for want of one of them or because they were hashed in two ways, the tables
    themselves have to be compared.
    """
    if before is None or after is None or not (before.exists() and after.exists()):
        return None
    schemes = {parquet.metadata(path).get(_SCHEME) for path in (before, after)}
    if len(schemes) > 1 or None in schemes:
        return None
    return pl.scan_parquet(before, glob=False), pl.scan_parquet(after, glob=False)
