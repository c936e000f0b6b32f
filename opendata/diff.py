"""What differs between two states of a table.

Belongs here: a keyed comparison by value, in bounded memory. Does not belong here: which
files are compared (``versions.py``), what a change means (``sirene/``, ``signals/``).

Rows are compared value by value, never by a hash: a collision would hide a change. Null,
the empty string and ``[ND]`` are three different values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

OP = "_op"
ADDED, MODIFIED, REMOVED = "added", "modified", "removed"
#: Rows of one comparison; larger tables are compared by ranges of their first key column.
CHUNK_ROWS = 500_000
_PRESENT_BEFORE, _PRESENT_AFTER = "in:before", "in:after"
_BEFORE = "before:"


@dataclass(frozen=True)
class Tally:
    """How many keys were added, modified and removed."""

    added: int
    modified: int
    removed: int

    @property
    def changed(self) -> int:
        """Return how many keys differ."""
        return self.added + self.modified + self.removed


def diff(
    before: pl.LazyFrame,
    after: pl.LazyFrame,
    key: Sequence[str],
    *,
    ignore: Collection[str] = (),
    with_before: bool = False,
    chunk_rows: int = CHUNK_ROWS,
) -> pl.DataFrame:
    """Return the rows that differ between two states keyed by ``key``, unique in each.

    A column that only one of the states has counts as null in the other.

    Args:
        before: the older state; memory stays bounded when both are sorted Parquet.
        after: the newer state.
        key: columns that identify a row; a part may be null.
        ignore: columns whose changes do not count, such as ``source_id``.
        with_before: also give the former values and the names of the changed columns.
        chunk_rows: rows compared at a time.

    Returns:
        Columns of the states, then ``_op``; a removed row has its last values. With
        ``with_before``, also ``before:<column>`` and ``changed`` (List(String)). In the
        order of the key.
    """
    pieces = [
        _with_values(joined, key, compared, with_before=with_before).collect(engine="streaming")
        for joined, compared in _joins(before, after, key, ignore, chunk_rows)
    ]
    return pl.concat(pieces).sort(*key)


def tally(
    before: pl.LazyFrame,
    after: pl.LazyFrame,
    key: Sequence[str],
    *,
    ignore: Collection[str] = (),
    chunk_rows: int = CHUNK_ROWS,
) -> Tally:
    """Count what :func:`diff` would return, in memory that does not grow with it."""
    counts: Counter[str] = Counter()
    for joined, _ in _joins(before, after, key, ignore, chunk_rows):
        found = joined.group_by(OP).agg(pl.len()).collect(engine="streaming")
        counts.update(dict(found.rows()))
    return Tally(counts[ADDED], counts[MODIFIED], counts[REMOVED])


def _aligned(before: pl.LazyFrame, after: pl.LazyFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    old, new = before.collect_schema(), after.collect_schema()
    names = [*new, *(name for name in old if name not in new)]
    return (
        before.select(_or_null(name, name in old, (old | new)[name]) for name in names),
        after.select(_or_null(name, name in new, (old | new)[name]) for name in names),
    )


def _or_null(name: str, present: bool, dtype: pl.DataType) -> pl.Expr:
    return pl.col(name).cast(dtype) if present else pl.lit(None, dtype=dtype).alias(name)


def _ranges(
    before: pl.LazyFrame, after: pl.LazyFrame, column: str, chunk_rows: int
) -> Iterator[pl.Expr]:
    """Cut both states at the same values of ``column``; together the ranges hold each row once."""
    sizes = pl.collect_all([state.select(pl.len()) for state in (before, after)])
    larger = max(((int(size.item()), at) for at, size in enumerate(sizes)))
    if larger[0] <= chunk_rows:
        yield pl.lit(True)
        return
    state = (before, after)[larger[1]]
    parts = -(-larger[0] // chunk_rows)
    sampled = state.select(pl.col(column).gather_every(max(1, chunk_rows // 8))).drop_nulls()
    values = sampled.collect(engine="streaming")[column].unique().sort()
    step = max(1, len(values) // parts)
    cuts = values.gather_every(step, offset=step).to_list()
    value = pl.col(column)
    if not cuts:
        yield pl.lit(True)
        return
    yield value.is_null() | (value < cuts[0])
    for low, high in pairwise(cuts):
        yield (value >= low) & (value < high)
    yield value >= cuts[-1]


def _joins(
    before: pl.LazyFrame,
    after: pl.LazyFrame,
    key: Sequence[str],
    ignore: Collection[str],
    chunk_rows: int,
) -> Iterator[tuple[pl.LazyFrame, list[str]]]:
    """Yield, range by range, the joined rows that differ and the names compared."""
    before, after = _aligned(before, after)
    rest = [name for name in after.collect_schema() if name not in key]
    compared = [name for name in rest if name not in ignore]
    old = before.select(
        *key,
        *(pl.col(name).alias(_BEFORE + name) for name in rest),
        pl.lit(True).alias(_PRESENT_BEFORE),
    )
    new = after.with_columns(pl.lit(True).alias(_PRESENT_AFTER))
    operation = (
        pl.when(pl.col(_PRESENT_AFTER).is_null())
        .then(pl.lit(REMOVED))
        .when(pl.col(_PRESENT_BEFORE).is_null())
        .then(pl.lit(ADDED))
        .when(pl.any_horizontal(pl.lit(False), *(_differs(name) for name in compared)))
        .then(pl.lit(MODIFIED))
    )
    for part in _ranges(before, after, key[0], chunk_rows):
        joined = new.filter(part).join(
            old.filter(part), on=list(key), how="full", coalesce=True, nulls_equal=True
        )
        yield joined.with_columns(operation.alias(OP)).filter(pl.col(OP).is_not_null()), compared


def _differs(name: str) -> pl.Expr:
    return pl.col(name).ne_missing(pl.col(_BEFORE + name))


def _with_values(
    joined: pl.LazyFrame, key: Sequence[str], compared: Sequence[str], *, with_before: bool
) -> pl.LazyFrame:
    """Keep the columns of the states, a removed row with its last values."""
    names = [
        name
        for name in joined.collect_schema()
        if not name.startswith(_BEFORE) and name not in (_PRESENT_BEFORE, _PRESENT_AFTER, OP)
    ]
    last = pl.when(pl.col(OP) == REMOVED)
    values = [
        pl.col(name) if name in key else last.then(_BEFORE + name).otherwise(name).alias(name)
        for name in names
    ]
    if not with_before:
        return joined.select(*values, OP)
    changed = [
        pl.when(pl.col(OP) == MODIFIED, _differs(name)).then(pl.lit(name)) for name in compared
    ]
    nothing = pl.lit(None, dtype=pl.String)
    return joined.select(
        *values,
        OP,
        *(_BEFORE + name for name in names if name not in key),
        pl.concat_list(nothing, *changed).list.drop_nulls().alias("changed"),
    )
