"""Runs that are killed, and what must hold of the folder they leave.

Belongs here: a part of a run with the folder before it, its copies, what a folder says, and
what may never be torn in it. Does not belong here: the child that dies (``killed_run.py``),
where it is killed (``test_kill.py``).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from leads import keys
from opendata.files import digest
from opendata.sample_portal import SamplePortal
from opendata.state import DatasetState
from opendata.warehouse import Warehouse, identifier

Fingerprint = dict[str, str]


@dataclass(frozen=True)
class Part:
    """A part of a run that is killed, and what was done before."""

    name: str
    steps: tuple[str, ...]
    day: str
    before: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass
class Runner:
    """The process that forks the runs, and the portal they ask."""

    process: subprocess.Popen[str]
    portal: SamplePortal

    def run(self, folder: Path, steps: tuple[str, ...], day: str, **killed: Any) -> dict[str, Any]:
        self.portal.set_date(date.fromisoformat(day))
        job = {"steps": steps, "data_dir": str(folder), "day": day, "bases": self.portal.bases()}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{json.dumps({**job, **killed})}\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def finish(self, folder: Path, steps: tuple[str, ...], day: str) -> tuple[list[str], float]:
        """Run to the end; return the points that were reached and the seconds of work."""
        answer = self.run(folder, steps, day)
        assert (answer["signal"], answer["exit"]) == (0, 0)
        return answer["points"], answer["seconds"]


@dataclass
class Prepared:
    """A part's folder before it, and what an undisturbed run makes of it.

    Attributes:
        folder: the data folder before the part.
        work: the copy that is run on.
        state: fingerprint of the folder before.
        points: what an undisturbed run reaches, in order.
        result: fingerprint of what it leaves.
        seconds: how long it works, its imports left out.
    """

    part: Part
    runner: Runner
    folder: Path
    work: Path
    state: Fingerprint = field(init=False)
    points: list[str] = field(init=False)
    result: Fingerprint = field(init=False)
    seconds: float = field(init=False)

    def __post_init__(self) -> None:
        for day, steps in self.part.before:
            self.runner.finish(self.folder, steps, day)
        self.state = fingerprint(self.folder)
        undisturbed = self.copy()
        self.points, self.seconds = self.finish(undisturbed)
        self.result = fingerprint(undisturbed)
        assert self.result != self.state
        self.finish(undisturbed)
        assert fingerprint(undisturbed) == self.result  # nothing to do the second time

    def copy(self) -> Path:
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.folder, self.work)
        return self.work

    def finish(self, folder: Path) -> tuple[list[str], float]:
        return self.runner.finish(folder, self.part.steps, self.part.day)

    def killed(self, folder: Path, **how: Any) -> dict[str, Any]:
        return self.runner.run(folder, self.part.steps, self.part.day, **how)

    def check_serves(self, folder: Path) -> None:
        """Check that readers find what was published before, or what is published after.

        Each file that says what exists is the former one or the next one, whole; and
        everything that it names is there. Each table of the leads is the former or the next.
        """
        former, following = pointers(self.state), pointers(self.result)
        found = {name: digest(folder / name) for name in {**former, **following}
                 if (folder / name).exists() and "::" not in name}  # fmt: skip
        if (folder / "leads.duckdb").exists():
            found |= lead_rows(folder)
        assert {name for name in former if "::" not in name} <= found.keys()
        for name, value in found.items():
            assert value in (former.get(name), following.get(name)), name
        check_named(folder)


def pointers(found: Fingerprint) -> Fingerprint:
    """Return the files that say what exists, where readers start, and the tables of leads."""
    return {
        name: value
        for name, value in found.items()
        if (name.startswith(("state/", "leads.duckdb::")) and name != "state/intake/leads.json")
        or name.endswith(("/log.json", "/manifest.json"))
    }


def fingerprint(folder: Path) -> Fingerprint:
    """Return a digest of every file that a run leaves, spill and lock apart.

    Bytes for all but the DuckDB files, which are compared by their rows; the audit log, to
    which a run that is begun twice adds its line twice; and the counts of an intake, which
    finds unchanged what the killed one had added.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or name.startswith("tmp/") or name == "privacy/audit.head.json":
            continue
        if name == "warehouse.duckdb":
            found |= warehouse_rows(path)
        elif name == "leads.duckdb":
            found |= lead_rows(folder)
        elif name == "privacy/audit.jsonl":
            lines = {_said(line) for line in path.read_text("utf-8").splitlines()}
            found[name] = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
        elif name == "state/intake/leads.json":
            found[name] = _intake(path)
        else:
            found[name] = digest(path)
    return found


def _intake(path: Path) -> str:
    note = json.loads(path.read_bytes())
    counts = note["counts"]
    counts["kept"] = sum(counts.pop(name) for name in ("added", "changed", "unchanged"))
    return json.dumps(note, sort_keys=True)


def _said(line: str) -> str:
    entry = json.loads(line)
    return json.dumps([entry["kind"], entry["facts"]], sort_keys=True)


#: Bytes of DuckDB files whose rows are known → these rows: most runs leave most files alone.
_KNOWN: dict[str, Fingerprint] = {}


def warehouse_rows(path: Path) -> Fingerprint:
    """Return table → digest of its rows, in whatever order they stand."""
    content = digest(path)
    if content not in _KNOWN:
        with Warehouse.read_only(path) as database:
            _KNOWN[content] = _rows(database, "warehouse.duckdb")
    return _KNOWN[content]


def lead_rows(folder: Path) -> Fingerprint:
    """Return table → digest of its rows, read from a copy: opening what was killed mends it."""
    held = [path for path in folder.glob("leads.duckdb*") if path.is_file()]
    content = "".join(digest(path) for path in sorted(held))
    if content not in _KNOWN:
        copy = folder.with_name(f"{folder.name}-leads")
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for path in held:
            shutil.copy(path, copy)
        key = keys.load(folder / "keys" / keys.LEAD_FILE, {})
        with Warehouse.encrypted(copy / "leads.duckdb", key, temporary=copy) as database:
            _KNOWN[content] = _rows(database, "leads.duckdb")
    return _KNOWN[content]


def _rows(database: Warehouse, file: str) -> Fingerprint:
    found = {}
    own = "database_name = current_database()"
    tables = database.rows(f"SELECT table_name FROM duckdb_tables() WHERE {own}")
    for (table,) in sorted(tables):
        counted = f"SELECT count(*), coalesce(sum(hash(rows)), 0) FROM {identifier(table)} rows"
        found[f"{file}::{table}"] = str(database.rows(counted)[0])
    return found


def check_named(folder: Path) -> None:
    """Check that everything named as published is there and is what is named."""
    for path in (folder / "state").glob("*.json"):
        for version in DatasetState.model_validate_json(path.read_bytes()).versions:
            for table in version.tables.values():
                assert digest(folder / table.file) == table.sha256
    log = folder / "signals" / "log.json"
    if log.exists():
        content = json.loads(log.read_bytes())
        named = {part["path"]: part["hash"] for part in content["segments"]}
        _check_hashes(log.parent, {**named, content["current"]: content["current_hash"]})
    for manifest in (folder / "exports").rglob("manifest.json"):
        content = json.loads(manifest.read_bytes())
        parts = [*content["segments"], *content["resources"], content["snapshot"]]
        _check_hashes(manifest.parent, {part["path"]: part["hash"] for part in parts})
    if (folder / "warehouse.duckdb").exists():
        assert warehouse_rows(folder / "warehouse.duckdb")


def _check_hashes(folder: Path, hashes: dict[str | None, str | None]) -> None:
    for name, expected in hashes.items():
        if name is not None:
            assert f"sha256:{digest(folder / name)}" == expected


def occurrences(points: list[str]) -> list[tuple[str, int]]:
    """Number the points: the third ``feed-file:before-write`` is one of them."""
    met: Counter[str] = Counter()
    numbered = []
    for name in points:
        met[name] += 1
        numbered.append((name, met[name]))
    return numbered
