"""Consumers with one fault each, which the suite must find; and the same without a fault.

Belongs here: a small consumer, written apart from :mod:`signals.reader`, whose faults can be
switched on. It keeps its state in one JSON file. Not for production: it reads whole streams.

Usage:
    ``python -m signals.conformance.broken ignores-retract FEED STATE NOW``
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from opendata import files

#: Fault → the scenarios that must find it.
FAULTS = {
    "ignores-retract": ("life", "catch-up"),
    "ignores-erase": ("life",),
    "keeps-erased-values": ("life",),
    "skips-hashes": ("other-bytes",),
    "re-orders": ("catch-up",),
    "reads-past-a-gap": ("too-old", "much-too-old"),
    "keeps-a-void-stream": ("begun-anew",),
    "ignores-holes": ("hole",),
    "acts-twice": ("duplicates",),
    "acts-on-everything": ("life", "catch-up"),
    "acts-in-a-gap": ("source-gap",),
    "takes-unknown-op": ("unknown-op",),
    "takes-new-major": ("new-major",),
    "never-expires": ("expiry",),
    "acts-on-expired": ("expired-unread",),
    "begins-merged-again": ("merged", "merged-too-old"),
    "never-begins-merged": ("merged-at-once",),
    "undoes-merged": ("merged",),
    "does-nothing": ("life", "catch-up"),
}
_KNOWN = {"ASSERT", "AMEND", "RETRACT", "ERASE"}
_STANDS = ("ASSERT", "AMEND")
_MERGED = "identity_merge"


class RefusedError(Exception):
    """The consumer stops."""


@dataclass
class _State:
    cursor: str = "0" * 20
    seen: list[str] = field(default_factory=list)
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    acted: list[str] = field(default_factory=list)
    archive: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Consumer:
    """A consumer of the folder ``feed`` with a fault, or none if it is empty."""

    fault: str
    feed: Path
    file: Path
    now: str

    def run(self) -> Iterator[dict[str, Any]]:
        """Yield the lines of one call; :class:`RefusedError` if the feed may not be followed."""
        state = _State(**json.loads(self.file.read_bytes())) if self.file.exists() else _State()
        said = json.loads((self.feed / "manifest.json").read_bytes())
        if self.fault == "does-nothing":
            return
        if not said["schema_version"].startswith("1.") and self.fault != "takes-new-major":
            raise RefusedError("a new schema")
        self._check_holes(said)
        rows = self._news(said, state)
        if {row["op"] for row in rows} - _KNOWN and self.fault != "takes-unknown-op":
            raise RefusedError("an unknown op")
        for row in reversed(rows) if self.fault == "re-orders" else rows:
            self._apply(row, state)
        state.cursor = said["max_sequence"]
        lines = [*self._act(said, state), *self._shown(state)]
        files.write_json(self.file, vars(state), point="conformance")
        yield from lines

    def _check_holes(self, said: dict[str, Any]) -> None:
        ends = [(int(one["first_sequence"]), int(one["last_sequence"])) for one in said["segments"]]
        hole = any(last + 1 != first for (_, last), (first, _) in pairwise(ends))
        if hole and self.fault != "ignores-holes":
            raise RefusedError("a hole")

    def _news(self, said: dict[str, Any], state: _State) -> list[dict[str, Any]]:
        gap = int(state.cursor) + 1 < int(said["min_sequence"])
        void = state.cursor > said["max_sequence"]
        news: list[dict[str, Any]] = []
        if (gap and self.fault != "reads-past-a-gap") or (
            void and self.fault != "keeps-a-void-stream"
        ):
            self._restart(said, state)
            news = self._rows(said["snapshot"])
            state.cursor = said["snapshot"]["as_of_sequence"]
        for part in said["segments"]:
            if part["last_sequence"] > state.cursor:
                found = self._rows(part)
                news += [row for row in found if row["sequence"] > state.cursor]
        return news

    def _restart(self, said: dict[str, Any], state: _State) -> None:
        """Forget all but what was acted upon and is withdrawn since: another may take it over."""
        (entry,) = (one for one in said["resources"] if one["name"] == "tombstones")
        stones = pl.read_parquet(self.feed / entry["path"]).filter(op="RETRACT")
        ended = {row["signalid"]: row for row in stones.iter_rows(named=True)}
        state.held = {
            one: {**state.held[one], "op": "RETRACT", "reason": ended[one]["reason"]}
            for one in state.acted
            if one in ended and one in state.held
        }
        state.seen, state.archive = [], []

    def _rows(self, entry: dict[str, Any]) -> list[dict[str, Any]]:
        body = (self.feed / entry["path"]).read_bytes()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if digest != entry["hash"] and self.fault != "skips-hashes":
            raise RefusedError("other bytes")
        rows = pl.read_parquet(io.BytesIO(body))
        instants = pl.col("recordedtime", "expirytime").dt.to_string("iso:strict")
        return [json.loads(line) for line in rows.with_columns(instants).write_ndjson().split("\n")
                if line]  # fmt: skip

    def _apply(self, row: dict[str, Any], state: _State) -> None:
        if row["id"] in state.seen and self.fault != "acts-twice":
            return
        state.seen.append(row["id"])
        if self.fault == "acts-twice":
            state.acted = [one for one in state.acted if one != row["signalid"]]
        ignored = {"ignores-retract": "RETRACT", "ignores-erase": "ERASE"}.get(self.fault)
        if row["op"] == ignored:
            return
        if self.fault == "keeps-erased-values":
            state.archive.append(row)
        state.held[row["signalid"]] = row

    def _act(self, said: dict[str, Any], state: _State) -> Iterator[dict[str, Any]]:
        tables = {one["name"]: self.feed / one["path"] for one in said["resources"]}
        status = pl.read_parquet(tables["source_status"]).filter(state="GAP")["dataset"]
        types = pl.read_parquet(tables["signal_types"]).filter(polarity="opportunity")["type"]
        yield from self._take_over(state)
        over = {one for one, row in state.held.items() if row["op"] not in _STANDS}
        state.acted = [one for one in state.acted if one not in over]
        for signalid, row in state.held.items():
            gap = any(one["dataset_id"] in status for one in row["evidence"])
            fit = (
                row["op"] in _STANDS
                and row["match_status"] == "confirmed"
                and row["type"] in types
                and row["prospecting_allowed"]
                and not (row["is_baseline"] or row["is_mass_operation"])
                and (not gap or self.fault == "acts-in-a-gap")
                and not (self.fault == "never-begins-merged" and row["reason"] == _MERGED)
                and (self._valid(row) or self.fault == "acts-on-expired")
            )
            if (fit or self.fault == "acts-on-everything") and signalid not in state.acted:
                state.acted.append(signalid)
                yield {"kind": "start", "signalid": signalid}

    def _take_over(self, state: _State) -> Iterator[dict[str, Any]]:
        """Let work that was begun belong to the signal that stands for two sources."""
        for one in [one for one in state.acted if one in state.held]:
            former = state.held[one]
            if former["op"] != "RETRACT" or former["reason"] != _MERGED:
                continue
            if self.fault == "undoes-merged":
                yield {"kind": "undo", "signalid": one}
            heirs = [] if self.fault == "begins-merged-again" else state.held.items()
            state.acted += [
                name
                for name, row in heirs
                if row["op"] in _STANDS
                and row["lead_id"] == former["lead_id"]
                and _records(former) <= _records(row)
            ]

    def _shown(self, state: _State) -> Iterator[dict[str, Any]]:
        for row in state.held.values():
            if row["op"] in _STANDS and self._valid(row):
                yield {"kind": "signal", **row}

    def _valid(self, row: dict[str, Any]) -> bool:
        at = datetime.fromisoformat(self.now)
        return self.fault == "never-expires" or datetime.fromisoformat(row["expirytime"]) > at


def _records(row: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["dataset_id"], one["record_key"]) for one in row["evidence"]}


def main(arguments: list[str]) -> int:
    """Run one call: ``FAULT FEED STATE NOW``; return the exit code."""
    fault, feed, state, now = arguments
    consumer = Consumer("" if fault == "none" else fault, Path(feed), Path(state) / "s.json", now)
    try:
        text = "".join(json.dumps(line) + "\n" for line in consumer.run())
    except RefusedError as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
