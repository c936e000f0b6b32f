"""One publication of one stream: its files, then its manifest.

Belongs here: writing segments and the version folder, replacing the manifest last,
leaving nothing else behind. Does not belong here: which rows a stream gains.

Files that change are written under ``versions/<version>/`` and never touched again, so
that the manifest in place always describes files that exist; the version before is kept
for readers that hold its manifest. Copies under plain names are made last, for people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from opendata import files
from signals.contract import SCHEMA_VERSION
from signals.feed import attribution, current, manifest
from signals.feed.spreadsheets import csv_bytes, parquet_bytes, xlsx_bytes
from signals.identity import numbered
from signals.lead_scores import lead_scores
from signals.log import scrubbed
from signals.segments import Segment, file_hash, read_segments, sweep, write_segment

#: Files whose change is news. The others follow from them, or only from the passing of time.
_NEWS = (
    "signals_current.parquet",
    "tombstones.parquet",
    "matches.parquet",
    "sources.parquet",
    "signal_types.parquet",
    "source_status.parquet",
)


@dataclass(frozen=True)
class Target:
    """Where a stream lives and what it is called."""

    folder: Path
    source: str
    account_id: str | None


@dataclass(frozen=True)
class Content:
    """What a publication is made of; ``matches`` is ``None`` for the company stream."""

    new: pl.DataFrame
    matches: pl.DataFrame | None
    sources: pl.DataFrame
    source_status: pl.DataFrame
    types: pl.DataFrame
    now: datetime


@dataclass(frozen=True)
class StreamReport:
    """What was published of one stream."""

    source: str
    folder: Path
    published: bool
    counts: Mapping[str, int]
    max_sequence: str


def publish(target: Target, content: Content, erased: Sequence[str]) -> StreamReport:
    """Add the new rows to a stream and make its other files, if there is anything new.

    Args:
        target: the stream.
        content: what to publish.
        erased: ``correlationid`` of erased signals, whose values leave older segments.
    """
    before = manifest.read(target.folder)
    _sweep(target.folder, before)
    segments = _segments(target, content, before, erased)
    rows = read_segments(target.folder, segments)
    sources = attribution.used_sources(rows, content.sources)
    tables = _tables(target, content, rows, sources)
    hashes = {name: _hash(body) for name, body in tables.items()}
    unchanged = segments == before.segments and all(
        hashes.get(name) == before.hash_of(name) for name in _NEWS
    )
    if unchanged and before.version is not None:
        _copies(target.folder, before)
        return StreamReport(target.source, target.folder, False, {}, before.max_sequence)
    last = segments[-1].last_sequence if segments else before.max_sequence
    stamp = hashlib.sha256(f"{content.now}{sorted(hashes.items())}".encode()).hexdigest()[:12]
    version = f"{last}-{stamp}"
    entries = _write(target.folder, version, tables)
    text = manifest.make(
        source=target.source,
        account_id=target.account_id,
        version=version,
        previous=before.version,
        created=content.now,
        segments=segments,
        files=entries,
        sources=sources,
    )
    files.write_json(target.folder / manifest.NAME, text, point="feed-manifest")
    after = manifest.read(target.folder)
    _copies(target.folder, after)
    _sweep(target.folder, after)
    counts = dict(content.new.group_by("type").len().sort("type").iter_rows())
    return StreamReport(target.source, target.folder, True, counts, last)


def _segments(
    target: Target, content: Content, before: manifest.Published, erased: Sequence[str]
) -> tuple[Segment, ...]:
    segments = before.segments
    if erased:
        gone = pl.col("correlationid").is_in(list(erased))
        segments = scrubbed(target.folder, segments, gone, None, point="feed-scrub")
    if content.new.is_empty():
        return segments
    sources = attribution.used_sources(content.new, content.sources)
    rows = numbered(content.new, int(before.max_sequence) + 1)
    new = write_segment(
        target.folder,
        rows.with_columns(source=pl.lit(target.source)),
        metadata=attribution.parquet_metadata(sources, target.source, SCHEMA_VERSION),
        point="feed-segment",
    )
    return (*segments, new)


def _tables(
    target: Target, content: Content, rows: pl.DataFrame, sources: pl.DataFrame
) -> dict[str, bytes]:
    standing = current.snapshot(rows, content.now)
    about = attribution.parquet_metadata(sources, target.source, SCHEMA_VERSION)
    page = attribution.page(sources)
    frames = {
        "signals_current": standing,
        "tombstones": current.tombstones(rows),
        "sources": sources,
        "signal_types": content.types,
        "source_status": content.source_status,
    }
    extra = {"ATTRIBUTION.md": page.encode()}
    if content.matches is not None:
        frames["matches"] = content.matches
        frames["lead_scores"] = lead_scores(standing, content.types, content.now)
        flat = current.flat(standing)
        extra["signals_current.csv"] = csv_bytes(flat)
        extra["signals_current.xlsx"] = xlsx_bytes(flat, content.now, page)
    tables = {f"{name}.parquet": parquet_bytes(frame, about) for name, frame in frames.items()}
    return {**tables, **extra}


def _write(folder: Path, version: str, tables: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    entries = {}
    for name, body in tables.items():
        path = f"versions/{version}/{name}"
        files.write_bytes(folder / path, body, point="feed-file")
        entries[name] = {"path": path, "bytes": len(body), "hash": _hash(body)}
    return entries


def _copies(folder: Path, published: manifest.Published) -> None:
    """Give the files of the publication their plain names, where they are not in place."""
    for name, entry in (published.resources or {}).items():
        copy = folder / name
        if copy.is_file() and file_hash(copy) == entry["hash"]:
            continue
        files.write_bytes(copy, (folder / str(entry["path"])).read_bytes(), point="feed-copy")


def _sweep(folder: Path, published: manifest.Published) -> None:
    sweep(folder, "segments", [part.path for part in published.segments])
    kept = {name for name in (published.version, published.previous) if name}
    versions = folder / "versions"
    for path in sorted(versions.iterdir()) if versions.is_dir() else ():
        if path.is_dir() and path.name not in kept:
            sweep(versions, path.name, [])
            path.rmdir()


def _hash(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
