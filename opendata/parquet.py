"""Parquet files that say where they come from.

Belongs here: writing tables, atomically, the same bytes for the same rows, with the
licence inside the file. Does not belong here: where files lie and which one is current
(``versions.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from opendata.errors import StateError
from opendata.files import atomic_file, digest
from opendata.warehouse import Warehouse, identifier, literal

#: Fixed, so that bytes depend on neither the number of threads nor the machine. Smaller ones
#: cost more to write and to open (DuckDB prepares every column of every group it is asked
#: about), larger ones more to read one row of.
ROW_GROUP = 1 << 17
#: Above this many rows a sort goes through DuckDB, which spills to disk.
SORT_IN_MEMORY = 3_000_000
#: Rows put in order at a time where only neighbours are out of order.
PART_ROWS = 1 << 17


@dataclass(frozen=True)
class Written:
    """A file that was written: its rows, its SHA-256 and its size."""

    path: Path
    rows: int
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Beside:
    """A narrow file that is written in the same pass as a table, row for row.

    Attributes:
        path: the file.
        columns: what it holds of each row.
        metadata: key-value pairs of its footer.
    """

    path: Path
    columns: Sequence[pl.Expr]
    metadata: dict[str, str]


def sink(
    frame: pl.LazyFrame,
    target: Path,
    *,
    metadata: Mapping[str, str] | None = None,
    sort_by: Sequence[str] = (),
    point: str = "parquet",
    beside: Beside | None = None,
) -> Written:
    """Write ``frame`` to ``target`` by streaming; nothing is visible before it is whole.

    Args:
        frame: the rows.
        target: the file; a previous one of that name is replaced.
        metadata: key-value pairs of the footer: dataset, version, publisher, licence,
            attribution … never personal data.
        sort_by: columns that identify a row. Rows already in order are not sorted again.
        point: name for the kill tests.
        beside: a narrow file to go with it; there before ``target`` is.

    Returns:
        What was written.
    """
    pairs = dict(metadata or {})
    with ExitStack() as opened:
        temporary = opened.enter_context(atomic_file(target, point=point))
        narrow = beside and replace(
            beside, path=opened.enter_context(atomic_file(beside.path, point=f"{point}-beside"))
        )
        _write(frame, temporary, pairs, narrow)
        if sort_by and not in_order(pl.scan_parquet(temporary, glob=False), sort_by):
            _sort(temporary, sort_by, pairs)
            if narrow:
                _write_narrow(pl.scan_parquet(temporary, glob=False), narrow)
        rows = count(temporary)
        sha256, size = digest(temporary), temporary.stat().st_size
    return Written(target, rows, sha256, size)


def _write(
    frame: pl.LazyFrame, target: Path, pairs: dict[str, str], beside: Beside | None = None
) -> None:
    # Rows that go to both files are made once, and handed to both as they come.
    frame = frame if beside is None else frame.cache()
    sinks = [_to_parquet(frame, target, pairs)]
    if beside is not None:
        sinks.append(_to_parquet(frame.select(beside.columns), beside.path, beside.metadata))
    # What two parts of a plan share would be held in memory until both have read it.
    apart = pl.QueryOptFlags(comm_subplan_elim=False)
    pl.collect_all(sinks, engine="streaming", optimizations=apart)


def _write_narrow(frame: pl.LazyFrame, beside: Beside) -> None:
    _to_parquet(frame.select(beside.columns), beside.path, beside.metadata).collect(
        engine="streaming"
    )


def _to_parquet(frame: pl.LazyFrame, target: Path, pairs: dict[str, str]) -> pl.LazyFrame:
    return frame.sink_parquet(
        target,
        compression="zstd",
        # A tenth less time to write than the usual level, a twentieth more bytes.
        compression_level=1,
        row_group_size=ROW_GROUP,
        statistics=True,
        metadata=pairs,
        lazy=True,
    )


def arranged(rows: pl.LazyFrame, columns: Sequence[str], work: Path) -> pl.LazyFrame:
    """Return rows in the order of ``columns``, as they are if they are in it already.

    The national histories come newest first within each unit: rows that are in order of the
    first column are put in order as they pass, a part at a time. Any other order is sorted
    on disk.

    Args:
        rows: read more than once.
        columns: what to sort by, nulls first.
        work: a file beside which one may be written, to stay as long as the rows are read.
    """
    if not columns:
        return rows
    whole, first = rows.select(
        ~descends(columns).alias("whole"), ~descends(columns[:1]).alias("first")
    ).collect(engine="streaming")
    if whole.item():
        return rows
    if first.item():
        return _sorted_as_they_pass(rows, columns)
    # Never over ``work`` itself: it may be what the rows are read from.
    target = work.with_name(f"{work.name}.arranged")
    _write(rows, target, {})
    _sort(target, columns, {})
    return pl.scan_parquet(target, glob=False)


def _sorted_as_they_pass(rows: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """Sort rows that are in order of the first column, without holding more than a part."""
    schema = rows.collect_schema()

    def parts(
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        _batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        wanted = list(schema) if with_columns is None else with_columns
        needed = list(dict.fromkeys([*wanted, *columns]))
        left = n_rows
        for part in _whole_groups(rows.select(needed), columns[0]):
            frame = part.select(wanted)[_order(part, columns)]
            if left is not None:
                frame = frame.head(left)
                left -= frame.height
            yield frame if predicate is None else frame.filter(predicate)
            if left == 0:
                return

    return register_io_source(parts, schema=schema)


def _order(part: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Return the order of rows that are in order of the first column already."""
    first, *rest = columns
    # The number of a group sorts as its text does, several times faster.
    group = pl.col(first).rle_id()
    return part.select(pl.arg_sort_by(group, *rest, maintain_order=True)).to_series()


def _whole_groups(rows: pl.LazyFrame, column: str) -> Iterator[pl.DataFrame]:
    """Yield parts of rows that never cut between two rows with the same ``column``."""
    held: pl.DataFrame | None = None
    for batch in rows.collect_batches(chunk_size=PART_ROWS, maintain_order=True):
        if batch.is_empty():
            continue
        # Only the groups at both ends are copied: the last may go on in the next batch.
        first = 0
        if held is not None:
            first = batch.height - _other(batch[column], held[column][-1])
            held = pl.concat([held, batch.head(first)])
            if first == batch.height:
                continue
            yield held
        last = _other(batch[column], batch[column][-1])
        if first < last:
            yield batch.slice(first, last - first)
        held = batch.slice(last)
    if held is not None:
        yield held


def _other(values: pl.Series, value: object) -> int:
    """Count the values that are another one."""
    return int(values.ne_missing(pl.Series([value], dtype=values.dtype)).sum())


def in_order(frame: pl.LazyFrame, columns: Sequence[str]) -> bool:
    """Tell whether the rows are in ascending order of ``columns``, nulls first."""
    return not frame.select(descends(columns)).collect(engine="streaming").item()


def descends(columns: Sequence[str]) -> pl.Expr:
    """Tell whether any row comes before the one above it."""
    found = pl.lit(False)
    tied = pl.lit(True)
    for name in columns:
        here, before = pl.col(name), pl.col(name).shift(1)
        # A null comes before any value: going from a value to null descends.
        lower = (here < before).fill_null(False) | (here.is_null() & before.is_not_null())
        found |= tied & lower
        tied &= here.eq_missing(before)
    return found.any()


def _sort(path: Path, columns: Sequence[str], pairs: dict[str, str]) -> None:
    frame = pl.scan_parquet(path, glob=False)
    ordered = path.with_name(f"{path.name}.sorted")
    try:
        if count(path) <= SORT_IN_MEMORY:
            _write(frame.sort(*columns, maintain_order=True), ordered, pairs)
        else:
            _sort_on_disk(path, ordered, columns)
            path.unlink()
            # Written again by the one writer, so that bytes do not depend on the way taken.
            _write(pl.scan_parquet(ordered, glob=False), path, pairs)
            return
        ordered.replace(path)
    finally:
        ordered.unlink(missing_ok=True)


def _sort_on_disk(source: Path, target: Path, columns: Sequence[str]) -> None:
    order = ", ".join(f"{identifier(name)} ASC NULLS FIRST" for name in columns)
    with Warehouse.in_memory(temporary=source.parent / "spill") as db:
        db.execute(
            f"COPY (FROM read_parquet({literal(source)}) ORDER BY {order}) "
            f"TO {literal(target)} (FORMAT parquet, COMPRESSION zstd)"
        )


def count(path: Path) -> int:
    """Return the number of rows of a Parquet file, from its footer."""
    return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())


def metadata(path: Path) -> dict[str, str]:
    """Return the key-value pairs of a Parquet file without Arrow's own schema.

    Raises:
        StateError: not a Parquet file.
    """
    try:
        pairs = pl.read_parquet_metadata(path)
    except (pl.exceptions.ComputeError, OSError) as error:
        raise StateError(
            "not a readable Parquet file", next_step="run the dataset again", file=path.name
        ) from error
    return {key: value for key, value in pairs.items() if key != "ARROW:schema"}
