"""Immutable pieces of a stream: Parquet files named by their first and last sequence.

Belongs here: writing and reading them, and what a manifest says of each. Does not belong
here: which rows they hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from opendata import files, parquet
from opendata.errors import StateError
from signals.contract import SIGNAL_SCHEMA, conform


@dataclass(frozen=True)
class Segment:
    """What a manifest says of one segment; ``path`` is relative to the stream's folder."""

    path: str
    first_sequence: str
    last_sequence: str
    rows: int
    bytes: int
    hash: str

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> Segment:
        """Return the segment described by an entry of a manifest."""
        return cls(**{name: content[name] for name in cls.__dataclass_fields__})

    def as_json(self) -> dict[str, Any]:
        """Return the entry for a manifest."""
        return asdict(self)


def file_hash(path: Path) -> str:
    """Return the digest of a file, in the form of Data Package."""
    return f"sha256:{files.digest(path)}"


def write_segment(
    folder: Path,
    rows: pl.DataFrame,
    *,
    metadata: Mapping[str, str] | None = None,
    point: str,
    suffix: str = "",
) -> Segment:
    """Write ``rows``, in order of ``sequence``, under ``folder``.

    Args:
        folder: the stream's folder.
        rows: rows of the contract, at least one, sequence contiguous.
        metadata: key-value metadata of the Parquet file.
        point: name of the write for the kill tests.
        suffix: distinguishes a segment written again after an erasure.

    Raises:
        ContractError: the rows do not keep to the contract.
        StateError: the sequence has a gap.
    """
    checked = conform(rows)
    numbers = checked["sequence"].cast(pl.Int64)
    if not (numbers.diff().drop_nulls() == 1).all():
        raise StateError(
            "the sequence of a segment has a gap",
            next_step="report this defect; nothing was written",
        )
    first, last = checked["sequence"][0], checked["sequence"][-1]
    path = f"segments/{first}-{last}{suffix}.parquet"
    written = parquet.sink(in_pieces(checked).lazy(), folder / path, metadata=metadata, point=point)
    return Segment(path, first, last, written.rows, written.bytes, f"sha256:{written.sha256}")


def in_pieces(rows: pl.DataFrame) -> pl.DataFrame:
    """Return ``rows`` with all columns cut where the row groups of a file are.

    A writer that finds them cut otherwise puts each column together first, and then looks at
    the whole of a list for every row group.
    """
    if rows.height <= parquet.ROW_GROUP:
        return rows
    return pl.concat(rows.iter_slices(parquet.ROW_GROUP), rechunk=False)


def read_segments(folder: Path, segments: Iterable[Segment], *, after: str = "") -> pl.DataFrame:
    """Return the rows of ``segments`` that come after the sequence ``after``, in order.

    Raises:
        StateError: a segment named by the manifest is missing or is not the one described.
    """
    parts = [SIGNAL_SCHEMA.to_frame()]
    for segment in segments:
        if segment.last_sequence <= after:
            continue
        path = folder / segment.path
        if not path.is_file() or path.stat().st_size != segment.bytes:
            raise StateError(
                "a segment is missing or was changed",
                next_step="restore the folder from a backup, or remove it whole to publish anew",
                file=path.name,
            )
        rows = pl.read_parquet(path, glob=False, hive_partitioning=False)
        # To filter copies every column: a segment that is wanted whole is taken as it is.
        whole = segment.first_sequence > after
        parts.append(rows if whole else rows.filter(pl.col("sequence") > after))
    return pl.concat(parts)


def latest(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the last row of each logical signal, retracted ones included."""
    ordered = rows if rows["sequence"].is_sorted() else rows.sort("sequence")
    return ordered.filter(pl.col("signalid").is_last_distinct())


def sweep(folder: Path, part: str, keep: Iterable[str]) -> None:
    """Remove every file of the sub-folder ``part`` that ``keep`` does not name.

    A process killed before the manifest was replaced leaves files that no manifest names.

    Args:
        folder: the stream's folder.
        part: a sub-folder in which nobody else writes.
        keep: paths relative to ``folder``.
    """
    kept = set(keep)
    for path in sorted((folder / part).rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(folder).as_posix() not in kept:
            path.unlink()
