"""What differs between two states of a table.

Belongs here: a keyed comparison by value in bounded memory: range by range of the first key
column, rows of one key side by side, columns compared as a whole. Does not belong here:
which files are compared (``versions.py``), what a change means (``sirene/``, ``signals/``).

Rows are compared value by value; null, the empty string and ``[ND]`` are three different
values. Where two states carry hashes of their rows (``row_hashes.py``), those say which rows
can differ, and only these are read and compared (ADR 0017 on what that may miss).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import or_

import polars as pl

from opendata.row_hashes import Pair

OP = "_op"
ADDED, MODIFIED, REMOVED = "added", "modified", "removed"
#: Rows of one comparison; larger tables are compared by ranges of their first key column.
CHUNK_ROWS = 500_000
_BEFORE = "before:"


@dataclass(frozen=True)
class Aligned:
    """Two states side by side: row ``n`` of ``before`` and ``after`` has the same key.

    ``added`` are the rows that only the newer state has, ``removed`` those of the older.
    """

    before: pl.DataFrame
    after: pl.DataFrame
    added: pl.DataFrame
    removed: pl.DataFrame

    def changed(self, columns: Collection[str]) -> pl.Series:
        """Tell for each common row whether any of ``columns`` differs; never null."""
        nothing = pl.repeat(False, self.after.height, dtype=pl.Boolean, eager=True)
        return reduce(or_, (self.differs(name) for name in columns), nothing)

    def differs(self, column: str) -> pl.Series:
        """Tell for each common row whether one column differs."""
        return self.after[column].ne_missing(self.before[column])


def aligned(before: pl.DataFrame, after: pl.DataFrame, key: Sequence[str]) -> Aligned:
    """Bring the rows of two states side by side by ``key``, unique in each.

    Where both are in ascending order of a single key, as tables are, one walk over the keys
    does it; otherwise a join of the keys. The rest of the rows is only moved.
    """
    if len(key) == 1:
        values = _as_numbers(before[key[0]], after[key[0]])
        if all(_ascending(one) for one in values):
            old, new = _both_have(*values)
            return Aligned(
                _those(before, old), _those(after, new), after.filter(~new), before.filter(~old)
            )
    pairs = (
        after.select(key)
        .with_row_index("new")
        .join(before.select(key).with_row_index("old"), on=key, how="full", nulls_equal=True)
        .select("new", "old")
    )
    common = pairs.drop_nulls()
    return Aligned(
        before[common["old"]],
        after[common["new"]],
        after[pairs.filter(pl.col("old").is_null())["new"]],
        before[pairs.filter(pl.col("new").is_null())["old"]],
    )


def _those(rows: pl.DataFrame, kept: pl.Series) -> pl.DataFrame:
    """Keep some rows; a register removes few, and moving what all stays is most of the work."""
    return rows if kept.all() else rows.filter(kept)


def _ascending(values: pl.Series) -> bool:
    return values.null_count() == 0 and values.is_sorted()


def _both_have(before: pl.Series, after: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Tell of each value of two ascending runs whether the other has it too."""
    runs = [
        pl.LazyFrame({"value": values, "newer": pl.repeat(newer, len(values), eager=True)})
        for values, newer in ((before, False), (after, True))
    ]
    walk = runs[0].merge_sorted(runs[1], key="value").collect()
    value, newer = walk["value"], walk["newer"]
    same = (value == value.shift(1)).fill_null(False)
    twin = same | same.shift(-1, fill_value=False)
    return twin.filter(~newer), twin.filter(newer)


def _as_numbers(before: pl.Series, after: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return texts of digits, all of one length, as numbers in the same order: half the work."""
    texts = before, after
    sizes = [text.str.len_bytes() for text in texts if text.dtype == pl.String]
    bounds = {bound for size in sizes for bound in (size.min(), size.max()) if len(size)}
    if len(sizes) < len(texts) or len(bounds) != 1:
        return texts
    old, new = (text.cast(pl.UInt64, strict=False) for text in texts)
    signed = any(text.str.starts_with("+").any() for text in texts)
    lost = any(
        one.null_count() > text.null_count() for one, text in zip((old, new), texts, strict=True)
    )
    return texts if signed or lost else (old, new)


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
    hashes: Pair | None = None,
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
        hashes: key and hash of the rows of both states, in their order; the hashes leave out
            what ``ignore`` names.

    Returns:
        Columns of the states, then ``_op``; a removed row has its last values. With
        ``with_before``, also ``before:<column>`` and ``changed`` (List(String)). In the
        order of the key.
    """
    before, after = _same_columns(before, after)
    compared = _compared(after, key, ignore)
    if hashes is None:
        parts = _side_by_side(before, after, key, chunk_rows)
    else:
        parts = _of_keys(before, after, key, diff(*hashes, key).select(key), chunk_rows)
    pieces = [_pieces(found, key, compared, with_before=with_before) for found in parts]
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
    before, after = _same_columns(before, after)
    compared = _compared(after, key, ignore)
    counts = [0, 0, 0]
    read = [*key, *compared]
    for found in _side_by_side(before.select(read), after.select(read), key, chunk_rows):
        here = (found.added.height, int(found.changed(compared).sum()), found.removed.height)
        counts = [total + more for total, more in zip(counts, here, strict=True)]
    return Tally(*counts)


def _same_columns(before: pl.LazyFrame, after: pl.LazyFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
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


def _compared(state: pl.LazyFrame, key: Sequence[str], ignore: Collection[str]) -> list[str]:
    return [name for name in state.collect_schema() if name not in key and name not in ignore]


def _side_by_side(
    before: pl.LazyFrame, after: pl.LazyFrame, key: Sequence[str], chunk_rows: int
) -> Iterator[Aligned]:
    for part in _ranges(before, after, key[0], chunk_rows):
        old, new = pl.collect_all([before.filter(part), after.filter(part)])
        yield aligned(old, new, key)


def _of_keys(
    before: pl.LazyFrame,
    after: pl.LazyFrame,
    key: Sequence[str],
    keys: pl.DataFrame,
    chunk_rows: int,
) -> Iterator[Aligned]:
    """Give the rows of both states that have one of ``keys``, in order and in parts."""
    # Once at least, so that there are columns where there are no rows.
    for part in keys.iter_slices(chunk_rows) if keys.height else (keys,):
        states = [state.filter(_among(part[key[0]])) for state in (before, after)]
        if len(key) > 1:
            states = [
                state.join(part.lazy(), on=list(key), how="semi", nulls_equal=True)
                for state in states
            ]
        # By streaming, Parquet is unpacked only where a key is found.
        old, new = pl.collect_all(states, engine="streaming")
        yield aligned(old, new, key)


def _among(values: pl.Series) -> pl.Expr:
    """Tell which rows have one of ``values``; of Parquet in order, only their range is read."""
    column = pl.col(values.name)
    if values.null_count():
        return column.is_in(values.unique().implode(), nulls_equal=True)
    found = column.is_in(values.unique().implode())
    return (
        found & column.is_between(pl.lit(values.min()), pl.lit(values.max()))
        if len(values)
        else found
    )


def _pieces(
    found: Aligned, key: Sequence[str], compared: Sequence[str], *, with_before: bool
) -> pl.DataFrame:
    """Return what differs in one range; a removed row has its last values."""
    changed = found.changed(compared)
    after = found.after.filter(changed)
    rows = pl.concat([found.added, after, found.removed])
    counts = (found.added.height, after.height, found.removed.height)
    operations = pl.concat(
        pl.repeat(name, size, dtype=pl.String, eager=True)
        for name, size in zip((ADDED, MODIFIED, REMOVED), counts, strict=True)
    )
    rows = rows.with_columns(operations.alias(OP))
    if not with_before:
        return rows
    before = found.before.filter(changed)
    nothing = found.before.clear(found.added.height)
    former = pl.concat([nothing, before, found.removed]).drop(key)
    differing = Aligned(before, after, found.added, found.removed)
    names = [
        pl.select(pl.when(differing.differs(name)).then(pl.lit(name)).alias(name)).to_series()
        for name in compared
    ]
    listed = pl.DataFrame({"": pl.repeat(None, after.height, dtype=pl.String, eager=True)})
    of_modified = listed.with_columns(names).select(
        pl.concat_list(pl.all()).list.drop_nulls().alias("changed")
    )
    lists = pl.concat(
        [
            _empty(counts[0]),
            of_modified,
            _empty(counts[2]),
        ]
    )
    return pl.concat([rows, former.rename(lambda name: _BEFORE + name), lists], how="horizontal")


def _empty(size: int) -> pl.DataFrame:
    """Return empty lists of changed columns."""
    return pl.DataFrame({"changed": [[]] * size}, schema={"changed": pl.List(pl.String)})
