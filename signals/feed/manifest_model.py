"""What ``manifest.json`` says, key by key.

Belongs here: the model that documents the manifest and from which its JSON Schema is made.
Does not belong here: making and reading it (:mod:`signals.feed.manifest`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_DIGEST = r"^sha256:[0-9a-f]{64}$"
_SEQUENCE = r"^[0-9]{20}$"


class Part(BaseModel):
    """Base of the parts: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class SegmentEntry(Part):
    """One piece of the log; a name never gets other bytes."""

    path: str = Field(description="relative to the manifest")
    first_sequence: str = Field(pattern=_SEQUENCE, description="first row")
    last_sequence: str = Field(pattern=_SEQUENCE, description="last row")
    rows: int = Field(ge=1, description="number of rows")
    bytes: int = Field(ge=1, description="size of the file")
    hash: str = Field(pattern=_DIGEST, description="of the bytes")


class CompactedEntry(Part):
    """Last rows of signals whose segments were dropped; for the publisher, not for consumers."""

    path: str = Field(description="relative to the manifest")
    as_of_sequence: str = Field(pattern=_SEQUENCE, description="last sequence dropped")
    rows: int = Field(ge=1, description="number of rows")
    bytes: int = Field(ge=1, description="size of the file")
    hash: str = Field(pattern=_DIGEST, description="of the bytes")


class Snapshot(Part):
    """The state to start from when there is no cursor, or it is too old."""

    path: str = Field(description="relative to the manifest")
    bytes: int = Field(description="size of the file")
    hash: str = Field(pattern=_DIGEST, description="of the bytes")
    as_of_sequence: str = Field(pattern=_SEQUENCE, description="go on after this sequence")


class Licence(Part):
    """A licence under which a source may be reused."""

    name: str = Field(description="the portal's id, e.g. lov2")
    title: str = Field(description="its name")
    path: str = Field(description="its text")


class Named(Part):
    """A source to be named, with its date of last update."""

    title: str = Field(description="the publisher's title")
    path: str = Field(description="page of the dataset")
    version: str = Field(description="date of last update")


class ResourceEntry(Part):
    """Any file but the segments."""

    name: str = Field(description="unique in the package")
    path: str = Field(description="relative to the manifest")
    bytes: int = Field(description="size of the file")
    hash: str = Field(pattern=_DIGEST, description="of the bytes")
    format: str = Field(description="extension")
    mediatype: str = Field(description="media type")
    table: dict[str, Any] | None = Field(
        default=None, alias="schema", description="Table Schema of the rows"
    )


class Encryption(Part):
    """How the tables of a sealed stream are encrypted; a reader that cannot open it stops."""

    algorithm: str = Field(description="cipher and form of the files")
    key_fingerprint: str = Field(description="tells which key opens it, and nothing of the key")


class Manifest(Part):
    """The one file that says what a stream contains; replaced last, in one step."""

    profile: str = Field(alias="$schema", description="Data Package 2.0")
    name: str = Field(description="company-signals or account-signals")
    title: str = Field(description="title of the package")
    version: str = Field(description="this publication")
    previous_version: str | None = Field(description="the one before, if its files are still there")
    created: datetime = Field(description="instant of publication, UTC")
    source: str = Field(description="URI of the stream; with id, names a row for ever")
    account_id: str | None = Field(description="the tenant; null in the company stream")
    feed_version: str = Field(description="version of this layout")
    schema_version: str = Field(description="version of the columns; a higher major: stop")
    contract: str = Field(description="path of the Open Data Contract")
    min_sequence: str = Field(pattern=_SEQUENCE, description="first sequence still in a segment")
    max_sequence: str = Field(pattern=_SEQUENCE, description="last sequence given")
    segments: list[SegmentEntry] = Field(description="in order, without gap")
    compacted: CompactedEntry | None = Field(
        default=None, description="what is left of older segments, if any were dropped"
    )
    snapshot: Snapshot = Field(description="the state as of max_sequence")
    licenses: list[Licence] = Field(description="licences of the sources")
    sources: list[Named] = Field(description="sources to be named")
    resources: list[ResourceEntry] = Field(description="every other file")
    encryption: Encryption | None = Field(
        default=None,
        description="of a sealed stream; absent where the files can be read as they are",
    )
