"""One publication of one stream: its files, then its manifest.

Belongs here: writing segments and the version folder, replacing the manifest last,
leaving nothing else behind. Does not belong here: which rows a stream gains.

Files that change are written under ``versions/<version>/`` and never touched again, so
that the manifest in place always describes files that exist; the version before is kept
for readers that hold its manifest. Copies under plain names are made last, for people.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from opendata import files
from signals.contract import SCHEMA_VERSION, SIGNAL_SCHEMA
from signals.feed import attribution, current, history, manifest
from signals.feed.history import History
from signals.feed.schemas import ODCS_FILE, contract_files
from signals.feed.spreadsheets import csv_bytes, parquet_bytes, xlsx_bytes
from signals.fit import Rating
from signals.identity import numbered, sequence_text
from signals.lead_scores import lead_scores
from signals.segments import file_hash, sweep, write_segment

#: Files whose change is news. The others follow from them, or only from the passing of time.
_NEWS = (
    "signals_current.parquet",
    "tombstones.parquet",
    "matches.parquet",
    "sources.parquet",
    "signal_types.parquet",
    "source_status.parquet",
    ODCS_FILE,
    "waiting.parquet",
    "groups.parquet",
    "contradictions.parquet",
    "companies.parquet",
)
#: Files whose change is news but for what the passing of days alone moves.
_AGING = {"lead_scores.parquet": ("lead_id", "siren"), "discovery.parquet": ("siren",)}
_BY_AGE = ("score", "opportunity", "risk", "score_breakdown", "as_of")


@dataclass(frozen=True)
class Target:
    """Where a stream lives and what it is called."""

    folder: Path
    source: str
    account_id: str | None


@dataclass(frozen=True)
class Content:
    """What a publication is made of; ``matches`` is ``None`` for the company stream.

    Attributes:
        rating: the account's profile and how companies fit it, if it has one.
        insolvency: state of each company on the day, where one is known.
        beside: further tables of the stream.
        cited: sources that the tables beside name.
        window: rows older than that may leave the segments; ``None`` keeps all.
        read: the sequence up to which every consumer that reports has read, if any does.
        floor: numbers up to it may have been given to other rows, before a restore.
    """

    new: pl.DataFrame
    matches: pl.DataFrame | None
    sources: pl.DataFrame
    source_status: pl.DataFrame
    types: pl.DataFrame
    now: datetime
    rating: Rating | None = None
    insolvency: pl.DataFrame | None = None
    beside: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    cited: frozenset[str] = frozenset()
    window: timedelta | None = None
    read: str | None = None
    floor: int = 0


@dataclass(frozen=True)
class StreamReport:
    """What was published of one stream."""

    source: str
    folder: Path
    published: bool
    counts: Mapping[str, int]
    max_sequence: str


def publish(
    target: Target, content: Content, erased: pl.Expr, told: History | None = None
) -> StreamReport:
    """Add the new rows to a stream and make its other files, if there is anything new.

    Args:
        target: the stream.
        content: what to publish.
        erased: the rows whose values leave older segments. If there were any, the files of
            the version before go as well, although a reader may hold its manifest.
        told: what the stream has said, if it was read already.
    """
    before = manifest.read(target.folder)
    _sweep(target.folder, before)
    former = history.read(target.folder, before) if told is None else told
    scrubbed = former.without(erased)
    given = max(int(before.max_sequence), content.floor)
    lifted = scrubbed if given == int(before.max_sequence) else scrubbed.begun_anew()
    # What is new was looked at when it was filled in; a licence may have closed since.
    attribution.require_open(pl.Series(list(lifted.cited), dtype=pl.String), content.sources)
    cited = frozenset(attribution.cited_by(content.new).to_list())
    grown = _grown(target, content, given, lifted, cited)
    kept = history.Kept(content.now, content.window, content.read)
    after = grown.within(kept, len(lifted.segments))
    last = after.segments[-1].last_sequence if after.segments else sequence_text(given)
    named = lifted.cited | cited if after is grown else after.cited
    rows = after.told
    sources = attribution.used_sources(named | content.cited, content.sources)
    tables = _tables(target, content, rows, sources)
    hashes = {name: _hash(body) for name, body in tables.items()}
    unchanged = (after.segments, after.compacted) == (before.segments, before.compacted) and all(
        hashes.get(name) == before.hash_of(name) for name in _NEWS
    )
    unchanged = unchanged and last == before.max_sequence
    unchanged = unchanged and all(
        _only_older(target.folder, before, name, tables.get(name)) for name in _AGING
    )
    if unchanged and before.version is not None:
        _copies(target.folder, before)
        return StreamReport(target.source, target.folder, False, {}, before.max_sequence)
    stamp = hashlib.sha256(f"{content.now}{sorted(hashes.items())}".encode()).hexdigest()[:12]
    version = f"{last}-{stamp}"
    entries = _write(target.folder, version, tables, hashes)
    text = manifest.make(
        source=target.source,
        account_id=target.account_id,
        version=version,
        previous=before.version if scrubbed is former else None,
        created=content.now,
        segments=after.segments,
        compacted=after.compacted,
        last=last,
        files=entries,
        sources=sources,
    )
    files.write_json(target.folder / manifest.NAME, text, point="feed-manifest")
    published = manifest.read(target.folder)
    _copies(target.folder, published)
    _sweep(target.folder, published)
    counts = dict(content.new.group_by("type").len().sort("type").iter_rows())
    return StreamReport(target.source, target.folder, True, counts, last)


def _grown(
    target: Target,
    content: Content,
    given: int,
    told: History,
    cited: frozenset[str],
) -> History:
    """Return the history with the new rows, numbered after ``given``, written as a segment."""
    if content.new.is_empty():
        return told
    sources = attribution.used_sources(cited, content.sources)
    rows = numbered(content.new, given + 1, target.source)
    new = write_segment(
        target.folder,
        rows,
        metadata=attribution.parquet_metadata(sources, target.source, SCHEMA_VERSION),
        point="feed-segment",
    )
    return told.followed_by(new, rows.select(SIGNAL_SCHEMA.names()))


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
        **content.beside,
    }
    extra = {"ATTRIBUTION.md": page.encode(), **contract_files()}
    if content.matches is not None:
        frames["matches"] = content.matches
        frames["lead_scores"] = lead_scores(
            standing,
            content.types,
            content.now,
            rating=content.rating,
            insolvency=content.insolvency,
        )
        flat = current.flat(standing)
        extra["signals_current.csv"] = csv_bytes(flat)
        extra["signals_current.jsonl"] = standing.write_ndjson().encode()
        extra["signals_current.xlsx"] = xlsx_bytes(flat, content.now, page)
    tables = {f"{name}.parquet": parquet_bytes(frame, about) for name, frame in frames.items()}
    return {**tables, **extra}


def _only_older(folder: Path, before: manifest.Published, name: str, body: bytes | None) -> bool:
    """Return whether a file says what it said, but for values that move with the days."""
    path = before.path_of(name)
    if path is None or body is None:
        return path is None and body is None
    then, now = (
        pl.read_parquet(source)
        .drop(_BY_AGE, strict=False)
        .with_columns(pl.col("signalids").list.sort())
        .sort(_AGING[name])
        for source in (folder / path, io.BytesIO(body))
    )
    return then.columns == now.columns and then.equals(now)


def _write(
    folder: Path, version: str, tables: Mapping[str, bytes], hashes: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    entries = {}
    for name, body in tables.items():
        path = f"versions/{version}/{name}"
        files.write_bytes(folder / path, body, point="feed-file")
        entries[name] = {"path": path, "bytes": len(body), "hash": hashes[name]}
    return entries


def _copies(folder: Path, published: manifest.Published) -> None:
    """Give the files of the publication their plain names, where they are not in place."""
    for name, entry in (published.resources or {}).items():
        copy = folder / name
        same = copy.is_file() and copy.stat().st_size == entry["bytes"]
        if same and file_hash(copy) == entry["hash"]:
            continue
        with files.atomic_file(copy, point="feed-copy") as part:
            shutil.copyfile(folder / str(entry["path"]), part)


def _sweep(folder: Path, published: manifest.Published) -> None:
    sweep(folder, "segments", [part.path for part in published.segments])
    sweep(folder, "compacted", [published.compacted.path] if published.compacted else [])
    kept = {name for name in (published.version, published.previous) if name}
    versions = folder / "versions"
    for path in sorted(versions.iterdir()) if versions.is_dir() else ():
        if path.is_dir() and path.name not in kept:
            sweep(versions, path.name, [])
            path.rmdir()


def _hash(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
