"""Feeds as a consumer may meet them on a bad day, made from a good one.

Belongs here: changing a published stream in a folder: repeated rows, merged or dropped segments,
other bytes, newer versions. Manifests stay consistent except where that is the point. Does not
belong here: what a consumer must make of it (:mod:`signals.conformance.scenarios`).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from opendata import files
from signals.feed.spreadsheets import parquet_bytes
from signals.identity import numbered, sequence_text

_POINT = "conformance"


def manifest(feed: Path) -> dict[str, Any]:
    """Return the manifest of a stream."""
    said: dict[str, Any] = json.loads((feed / "manifest.json").read_bytes())
    return said


def copied(stream: Path, target: Path) -> Path:
    """Copy what the manifest of ``stream`` names, and nothing else."""
    said = manifest(stream)
    paths = [entry["path"] for entry in (*said["segments"], *said["resources"])]
    for path in ["manifest.json", *paths]:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(stream / path, target / path)
    return target


def rows_of(feed: Path) -> pl.DataFrame:
    """Return the rows of the segments, in order."""
    return pl.concat(
        pl.read_parquet(feed / part["path"], glob=False) for part in manifest(feed)["segments"]
    )


def changed(feed: Path, **values: Any) -> Path:
    """Write other values into the manifest."""
    files.write_json(feed / "manifest.json", {**manifest(feed), **values}, point=_POINT)
    return feed


def with_rows(feed: Path, rows: pl.DataFrame) -> Path:
    """Append ``rows`` as a segment, numbered on; the snapshot is left to say what it said."""
    said = manifest(feed)
    number = int(said["max_sequence"]) + 1
    entry = _segment(feed, numbered(rows, number))
    snapshot = {**said["snapshot"], "as_of_sequence": entry["last_sequence"]}
    return changed(
        feed,
        segments=[*said["segments"], entry],
        max_sequence=entry["last_sequence"],
        snapshot=snapshot,
    )


def merged(feed: Path) -> Path:
    """Write all segments into one, as another publisher of the same rows would cut them."""
    entry = _segment(feed, rows_of(feed), "-merged")
    return changed(feed, segments=[entry])


def without_first(feed: Path, count: int) -> Path:
    """Drop the oldest segments, as retention does."""
    kept = manifest(feed)["segments"][count:]
    return changed(feed, segments=kept, min_sequence=kept[0]["first_sequence"])


def with_hole(feed: Path) -> Path:
    """Forget a segment in the middle, which no publisher may do."""
    segments = manifest(feed)["segments"]
    return changed(feed, segments=[*segments[:-2], segments[-1]])


def otherwise_filled(feed: Path, order: Sequence[int]) -> Path:
    """Write the rows of the first segment in another ``order``, or fewer, under the same name."""
    said = manifest(feed)
    entry = said["segments"][0]
    body = parquet_bytes(pl.read_parquet(feed / entry["path"], glob=False)[list(order)], {})
    files.write_bytes(feed / entry["path"], body, point=_POINT)
    entry |= {"bytes": len(body), "hash": _hash(body)}
    return changed(feed, segments=said["segments"])


def begun_anew(feed: Path) -> Path:
    """Number the standing rows from one again, as after the loss of the publisher's disk."""
    said = manifest(feed)
    standing = pl.read_parquet(feed / said["snapshot"]["path"], glob=False)
    rows = numbered(standing.head(standing.height // 3), 1)
    entry = _segment(feed, rows)
    changed(feed, segments=[entry], min_sequence=sequence_text(1))
    changed(feed, max_sequence=entry["last_sequence"])
    return with_table(feed, "signals_current", rows)


def with_table(feed: Path, name: str, rows: pl.DataFrame) -> Path:
    """Replace a table beside the log."""
    said = manifest(feed)
    (entry,) = (one for one in said["resources"] if one["name"] == name)
    body = parquet_bytes(rows, {})
    files.write_bytes(feed / entry["path"], body, point=_POINT)
    entry |= {"bytes": len(body), "hash": _hash(body)}
    if name == "signals_current":
        said["snapshot"] |= {"bytes": len(body), "hash": entry["hash"]}
        said["snapshot"]["as_of_sequence"] = said["max_sequence"]
    return changed(feed, **said)


def other_bytes(feed: Path) -> Path:
    """Change values in the last segment, and nothing in the manifest."""
    path = feed / manifest(feed)["segments"][-1]["path"]
    rows = pl.read_parquet(path, glob=False)
    lie = rows.with_columns(company_name=pl.lit("NOT THE ONE"), after=pl.lit('{"essai":-1}'))
    files.write_bytes(path, parquet_bytes(lie, {}), point=_POINT)
    return feed


def _segment(feed: Path, rows: pl.DataFrame, suffix: str = "") -> dict[str, Any]:
    first, last = rows["sequence"][0], rows["sequence"][-1]
    body = parquet_bytes(rows, {})
    path = f"segments/{first}-{last}{suffix}.parquet"
    files.write_bytes(feed / path, body, point=_POINT)
    return {
        "path": path,
        "first_sequence": first,
        "last_sequence": last,
        "rows": rows.height,
        "bytes": len(body),
        "hash": _hash(body),
    }


def _hash(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
