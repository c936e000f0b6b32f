"""What is known of the versions of a dataset, and the file that holds it.

Belongs here: the models of ``state/<dataset>.json``, reading and replacing it. Does not
belong here: the files of the versions (``versions.py``) and their end (``retention.py``).

A version exists for readers only once this file names it; it is replaced in one step,
last, so that a process killed at any instant leaves the previous state serving.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, Field, ValidationError

from opendata import files
from opendata.catalogue import Model
from opendata.errors import StateError

Status = Literal["good", "held", "withdrawn"]
Kind = Literal["snapshot", "events"]


class InputFile(Model):
    """A raw file a version was made from; ``receipt`` is relative to the data folder."""

    resource: str
    sha256: str
    bytes: int
    receipt: str


class TableFile(Model):
    """A Parquet file of a version, and the one with a hash of each of its rows if there is one.

    ``file`` and ``hashes`` are relative to the data folder.
    """

    file: str
    rows: int
    sha256: str
    bytes: int
    key: tuple[str, ...]
    hashes: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Return every file, to be kept and removed together."""
        return (self.file,) if self.hashes is None else (self.file, self.hashes)


class Provenance(Model):
    """Whom to name for the rows of a version, as Licence Ouverte 2.0 asks."""

    title: str
    publisher: str
    publisher_url: str
    landing_page: str
    licence_id: str
    licence_title: str
    licence_url: str
    attribution: str


class Draft(Model):
    """What the engine knows of a version before its tables are written.

    Attributes:
        id: from :func:`version_id`.
        created_at: instant of the run.
        publisher_date: legal date of the publication.
        fetched_at: instant of the latest download.
        code_version: what in our code shapes the tables.
        inputs: the raw files.
        read, accepted, rejected: records over all resources.
        rules: ``resource.column:rule`` → values that broke it.
        new_columns: ``resource.header`` the contract does not know.
        window_from, window_to: period asked for, both days included (events).
    """

    id: str
    created_at: AwareDatetime
    publisher_date: date
    fetched_at: AwareDatetime
    code_version: str
    inputs: tuple[InputFile, ...] = ()
    read: int = 0
    accepted: int = 0
    rejected: int = 0
    rules: dict[str, int] = Field(default_factory=dict)
    new_columns: tuple[str, ...] = ()
    window_from: date | None = None
    window_to: date | None = None


class Version(Draft):
    """A version of a dataset, with its files and its fate.

    Attributes:
        dataset: its dataset.
        kind: a snapshot replaces what was there, events add to it.
        tables: table → file.
        quarantine: file of refused rows relative to the data folder, if any.
        baseline: the first version of its dataset, which raises no signal.
        provenance: whom to name.
        status: ``good`` is served, ``held`` waits for a person, ``withdrawn`` was rolled back.
        reason: why it is held or withdrawn.
        checks: results of the gates.
        backfilled: a past period, taken up after later ones and read before them.
    """

    dataset: str
    kind: Kind
    tables: dict[str, TableFile]
    quarantine: str | None = None
    baseline: bool
    provenance: Provenance
    status: Status = "held"
    reason: str | None = None
    checks: tuple[dict[str, Any], ...] = ()
    backfilled: bool = False

    @property
    def source_id(self) -> str:
        """Return what the rows of this version carry."""
        return f"{self.dataset}@{self.id}"

    def told(self, origin: str) -> str | None:
        """Return the version of ``origin`` up to which this one tells the changes, if any.

        Of each dataset that a derived version names, the later state comes first.
        """
        receipt = f"state/{origin}.json"
        return next((one.resource for one in self.inputs if one.receipt == receipt), None)


class DatasetState(Model):
    """All versions of a dataset, in the order in which they were taken up."""

    dataset: str
    current: str | None = None
    versions: tuple[Version, ...] = ()

    @property
    def kind(self) -> Kind:
        """Return the kind of the dataset, as its latest version has it."""
        return self.versions[-1].kind if self.versions else "snapshot"

    def find(self, version: str) -> Version | None:
        """Return the version called ``version``, if it is known."""
        return next((one for one in self.versions if one.id == version), None)

    def good(self) -> tuple[Version, ...]:
        """Return the versions that serve or may serve again, oldest first."""
        return tuple(one for one in self.versions if one.status == "good")

    def before(self, version: str) -> Version | None:
        """Return the good version that came before the good ``version``, if there is one.

        Backfilled history never served by itself, so that nothing goes back to it.
        """
        good = tuple(one for one in self.good() if not one.backfilled)
        ids = [one.id for one in good]
        at = ids.index(version) if version in ids else 0
        return good[at - 1] if at else None

    def since(self) -> tuple[Version, ...]:
        """Return the versions taken up after the one that serves; all if none serves."""
        ids = [one.id for one in self.versions]
        return self.versions[ids.index(self.current) + 1 if self.current in ids else 0 :]

    def put(self, version: Version, *, last: bool = False) -> DatasetState:
        """Return the state with ``version`` in its place, or moved to the end."""
        if last or self.find(version.id) is None:
            others = tuple(one for one in self.versions if one.id != version.id)
            return self.model_copy(update={"versions": (*others, version)})
        kept = tuple(version if one.id == version.id else one for one in self.versions)
        return self.model_copy(update={"versions": kept})

    def with_history(self, version: Version) -> DatasetState:
        """Return the state with the backfilled ``version`` before all that is not.

        Whoever looked at a later version has then looked at this one: it is news to nobody.
        """
        past = [one for one in self.versions if one.backfilled and one.id != version.id]
        ordered = sorted([*past, version], key=lambda one: (str(one.window_to), one.created_at))
        later = tuple(one for one in self.versions if not one.backfilled)
        return self.model_copy(update={"versions": (*ordered, *later)})


def version_id(publisher_date: date, input_hashes: Iterable[str], code_version: str) -> str:
    """Return ``<publisher date>-<12 hex>``: same input and same code, same id."""
    text = json.dumps([sorted(input_hashes), code_version])
    return f"{publisher_date.isoformat()}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


class StateFolder:
    """The state files under ``data_dir``."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        # A state file is only ever replaced: the same inode means the same content.
        self._read: dict[str, tuple[tuple[int, int, int], DatasetState]] = {}

    def state(self, dataset: str) -> DatasetState:
        """Return the state of ``dataset``; an empty one before its first version.

        Raises:
            StateError: the file is damaged.
        """
        path = self._path(dataset)
        if not path.exists():
            return DatasetState(dataset=dataset)
        entry = path.stat()
        seen = (entry.st_ino, entry.st_mtime_ns, entry.st_size)
        kept = self._read.get(dataset)
        if kept is not None and kept[0] == seen:
            return kept[1]
        try:
            state = DatasetState.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise StateError(
                f"the state is damaged: {error.error_count()} problem(s)",
                next_step="restore it from a backup, or remove it and run the dataset again",
                dataset=dataset,
                file=path.name,
            ) from error
        self._read[dataset] = (seen, state)
        return state

    def datasets(self) -> list[str]:
        """Return the datasets that have a state, in alphabetical order."""
        return sorted(path.stem for path in (self.data_dir / "state").glob("*.json"))

    def current(self, dataset: str) -> Version | None:
        """Return the version that serves, if there is one."""
        state = self.state(dataset)
        return state.find(state.current) if state.current else None

    def _save(self, state: DatasetState) -> None:
        files.write_json(self._path(state.dataset), state.model_dump(mode="json"), point="state")

    def _path(self, dataset: str) -> Path:
        return self.data_dir / "state" / f"{dataset}.json"

    def _known(self, dataset: str, version: str) -> Version:
        found = self.state(dataset).find(version)
        if found is None:
            raise StateError(
                f"version {version} is not known",
                next_step="`company-signals status` lists the versions",
                dataset=dataset,
            )
        return found
