"""The one file that says what a stream contains; replaced last, atomically.

Belongs here: reading and making ``manifest.json`` (Data Package 2.0 and the keys of the
feed). Does not belong here: writing what it names.

A consumer reads the manifest, then only files that it names, by the paths it gives; the
same names at the top of the folder are copies for people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from opendata.errors import StateError
from signals.contract import SCHEMA_VERSION, SIGNAL_SCHEMA, SignalRow, choices, optional
from signals.feed.attribution import newest
from signals.identity import sequence_text
from signals.segments import Segment

FEED_VERSION = "1.0"
NAME = "manifest.json"
_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
_TYPES = {
    pl.Date: "date",
    pl.Datetime: "datetime",
    pl.Float64: "number",
    pl.Int64: "integer",
    pl.Boolean: "boolean",
    pl.List: "array",
}
_MEDIA = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "md": "text/markdown",
    "jsonl": "application/x-ndjson",
    "json": "application/schema+json",
    "yaml": "application/yaml",
}


@dataclass(frozen=True)
class Compacted:
    """The file left of segments that were dropped: the last row of each of their signals."""

    path: str
    as_of_sequence: str
    rows: int
    bytes: int
    hash: str

    def as_json(self) -> dict[str, Any]:
        """Return the entry of the manifest."""
        return asdict(self)


@dataclass(frozen=True)
class Published:
    """What the manifest in place says, as far as the next publication needs it."""

    segments: tuple[Segment, ...] = ()
    max_sequence: str = sequence_text(0)
    version: str | None = None
    previous: str | None = None
    resources: Mapping[str, Mapping[str, Any]] | None = None
    account_id: str | None = None
    compacted: Compacted | None = None

    def hash_of(self, file: str) -> str | None:
        """Return the hash of a file by its plain name; ``None`` if it was not published."""
        entry = (self.resources or {}).get(file)
        return None if entry is None else str(entry["hash"])

    def path_of(self, file: str) -> str | None:
        """Return the path of a file by its plain name; ``None`` if it was not published."""
        entry = (self.resources or {}).get(file)
        return None if entry is None else str(entry["path"])


def read(folder: Path) -> Published:
    """Read the manifest of a stream; an empty one if the stream is new.

    Raises:
        StateError: there is one and it cannot be used.
    """
    path = folder / NAME
    if not path.exists():
        return Published()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Published(
            segments=tuple(Segment.parse(part) for part in content["segments"]),
            max_sequence=content["max_sequence"],
            version=content["version"],
            previous=content["previous_version"],
            resources={Path(part["path"]).name: part for part in content["resources"]},
            account_id=content.get("account_id"),
            compacted=Compacted(**left) if (left := content.get("compacted")) else None,
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise StateError(
            f"the manifest cannot be read ({error!r})",
            next_step="restore the folder from a backup, or remove it whole to publish anew",
            file=NAME,
        ) from error


def make(
    *,
    source: str,
    account_id: str | None,
    version: str,
    previous: str | None,
    created: datetime,
    segments: Sequence[Segment],
    compacted: Compacted | None,
    last: str,
    files: Mapping[str, Mapping[str, Any]],
    sources: pl.DataFrame,
) -> dict[str, Any]:
    """Return the content of ``manifest.json``.

    Args:
        source: URI of the stream.
        account_id: the tenant; ``None`` for the company stream.
        version: name of this publication, and of its folder under ``versions/``.
        previous: the one before, kept for readers that hold its manifest.
        created: instant of publication.
        segments: the segments kept, in order.
        compacted: what is left of those dropped.
        last: the last sequence given.
        files: plain name → path, bytes, hash (and rows) of every other file.
        sources: the sources used.
    """
    first = segments[0].first_sequence if segments else sequence_text(int(last) + 1)
    name = "company-signals" if account_id is None else "account-signals"
    snapshot = files["signals_current.parquet"]
    return {
        "$schema": _PROFILE,
        "name": name,
        "title": "Signals on French companies from open data",
        "version": version,
        "previous_version": previous,
        "created": f"{created:%Y-%m-%dT%H:%M:%SZ}",
        "source": source,
        "account_id": account_id,
        "feed_version": FEED_VERSION,
        "schema_version": SCHEMA_VERSION,
        "contract": files["signals.odcs.yaml"]["path"],
        "min_sequence": first,
        "max_sequence": last,
        "segments": [segment.as_json() for segment in segments],
        "compacted": compacted.as_json() if compacted else None,
        "snapshot": {**snapshot, "as_of_sequence": last},
        "licenses": _licences(sources),
        "sources": [
            {
                "title": row["title"],
                "path": row["landing_page"],
                "version": f"{row['publication_date']:%Y-%m-%d}",
            }
            for row in newest(sources).iter_rows(named=True)
        ],
        "resources": [_resource(file, entry) for file, entry in sorted(files.items())],
    }


def _licences(sources: pl.DataFrame) -> list[dict[str, str]]:
    rows = sources.select("licence_id", "licence_title", "licence_url").unique()
    return [
        {"name": name, "title": title, "path": path}
        for name, title, path in rows.sort("licence_id", "licence_title", "licence_url").iter_rows()
    ]


def _resource(file: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    stem, extension = file.rsplit(".", 1)
    resource = {
        # Names are unique in a package; only the Parquet form carries the plain one.
        "name": stem.lower() if extension == "parquet" else f"{stem.lower()}-{extension}",
        "format": extension,
        "mediatype": _MEDIA[extension],
        **entry,
    }
    if file == "signals_current.parquet":
        resource["schema"] = table_schema()
    return resource


def table_schema() -> dict[str, Any]:
    """Return the contract of a row as a Table Schema."""
    fields = []
    for name, field in SignalRow.model_fields.items():
        constraints: dict[str, Any] = {"required": not optional(field)}
        if choices(field):
            constraints["enum"] = list(choices(field))
        kind = _TYPES.get(type(SIGNAL_SCHEMA[name]), "string")
        fields.append(
            {
                "name": name,
                "type": kind,
                "description": field.description,
                "constraints": constraints,
            }
        )
    return {"fields": fields, "primaryKey": ["source", "id"]}
