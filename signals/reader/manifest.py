"""What a manifest says, checked before it is followed.

Belongs here: reading ``manifest.json``; refusing what this reader does not know. Does not belong
here: fetching what it names (:mod:`signals.reader.feed`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from signals.reader.errors import StopError

NAME = "manifest.json"
NOTHING_READ = "0" * 20
#: First numbers of ``feed_version`` and ``schema_version`` that this reader knows.
_MAJOR = "1"
_SEQUENCE = re.compile(r"[0-9]{20}")


@dataclass(frozen=True)
class File:
    """A file that the manifest names; the sequences are those of a segment."""

    path: str
    bytes: int
    hash: str
    first: str = ""
    last: str = ""


@dataclass(frozen=True)
class Manifest:
    """One publication.

    Attributes:
        source: URI of the stream.
        created: instant of publication.
        first, last: the sequences that the segments hold.
        segments: in order, without gap.
        snapshot: the state, from which one goes on after ``as_of``.
        tables: the other Parquet tables by name.
    """

    source: str
    created: datetime
    first: str
    last: str
    segments: tuple[File, ...]
    snapshot: File
    as_of: str
    tables: Mapping[str, File]


def parse(body: bytes) -> Manifest:
    """Return what the bytes of a manifest say.

    Raises:
        StopError: it cannot be read, is of a newer kind, leads outside its folder, or has a hole.
    """
    try:
        said = json.loads(body)
        for version in ("feed_version", "schema_version"):
            if str(said[version]).split(".")[0] != _MAJOR:
                raise StopError(f"{version} is {said[version]}: read what changed, then update")
        if said.get("encryption"):
            raise StopError("the stream is encrypted: open it with `company-signals unseal` first")
        found = _read(said)
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise StopError(f"the manifest cannot be read ({type(error).__name__})") from error
    _check_order(found)
    return found


def _read(said: Mapping[str, Any]) -> Manifest:
    tables = {one["name"]: _file(one) for one in said["resources"] if one["format"] == "parquet"}
    return Manifest(
        source=str(said["source"]),
        created=datetime.fromisoformat(said["created"]),
        first=_sequence(said["min_sequence"]),
        last=_sequence(said["max_sequence"]),
        segments=tuple(
            _file(one, _sequence(one["first_sequence"]), _sequence(one["last_sequence"]))
            for one in said["segments"]
        ),
        snapshot=_file(said["snapshot"]),
        as_of=_sequence(said["snapshot"]["as_of_sequence"]),
        tables=tables,
    )


def _file(entry: Mapping[str, Any], first: str = "", last: str = "") -> File:
    path = PurePosixPath(entry["path"])
    strange = any(sign in entry["path"] for sign in "\\:\x00")
    if path.is_absolute() or ".." in path.parts or strange:
        raise StopError("a path of the manifest leads outside its folder")
    return File(str(path), int(entry["bytes"]), str(entry["hash"]), first, last)


def _sequence(text: str) -> str:
    if not _SEQUENCE.fullmatch(text):
        raise ValueError("not a sequence")
    return text


def _check_order(manifest: Manifest) -> None:
    expected = int(manifest.first)
    for segment in manifest.segments:
        if int(segment.first) != expected or segment.last < segment.first:
            raise StopError("the segments of the manifest have a hole; report it to the publisher")
        expected = int(segment.last) + 1
    if manifest.segments and int(manifest.last) != expected - 1:
        raise StopError("the segments end elsewhere than the manifest says; report it")
