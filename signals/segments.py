"""Immutable pieces of a stream: Parquet files named by their first and last sequence.

Belongs here: writing and reading them, and what a manifest says of each. Does not belong
here: which rows they hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl

from opendata import files
from opendata.errors import StateError
from signals.contract import SIGNAL_SCHEMA, conform

#: The files of a feed are mostly ids, which are hashes: a higher level takes more time, and no
#: fewer bytes.
COMPRESSION_LEVEL = 1
#: Rows that are kept together in memory: as many as the writer puts into a row group by itself.
PIECE = 1 << 17


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
    with files.atomic_file(folder / path, point=point) as temporary:
        write_rows(checked, temporary, metadata or {})
        size, digest = temporary.stat().st_size, file_hash(temporary)
    return Segment(path, first, last, checked.height, size, digest)


def write_rows(rows: pl.DataFrame, target: Path | IO[bytes], metadata: Mapping[str, str]) -> None:
    """Write ``rows`` as Parquet, the same bytes for the same rows."""
    # All columns cut at the same rows, and no size of row groups asked for: a writer that must
    # cut itself puts each column together first and looks at the whole of a list for every
    # group, which doubles the work of a million rows.
    pieces = rows.iter_slices(PIECE) if rows.height > PIECE else [rows]
    about = dict(metadata)
    pl.concat(pieces, rechunk=False).write_parquet(
        target, compression="zstd", compression_level=COMPRESSION_LEVEL, metadata=about
    )


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
