"""A process killed at any instant leaves what was published; run again, it ends the same."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from leads import keys
from leads.store import LeadStore
from opendata.files import digest
from opendata.sample_portal import SamplePortal
from opendata.state import DatasetState
from opendata.warehouse import Warehouse, identifier

ROOT = Path(__file__).resolve().parents[2]
SIGKILL = 9
ACCOUNT = "demo"
#: Moments of a real clock: what is random is when the kill comes, so the seed is fixed.
#: `make soak` asks for more of them.
SOAK = os.environ.get("SOAK_KILLS")
SEED, RANDOM_KILLS = 2026, int(SOAK or "60")
#: A publication writes hundreds of files through the same few points: `make soak` kills at each,
#: else every so many of one name are taken.
STRIDE = 1 if SOAK else 8

Fingerprint = dict[str, str]


@dataclass(frozen=True)
class Part:
    """A part of a run that is killed, and what was done before."""

    name: str
    steps: tuple[str, ...]
    day: str
    before: tuple[tuple[str, tuple[str, ...]], ...]


EGAPRO = ("fetch:egapro", "build:egapro")
FEED = ("detect", "publish", "warehouse")
SIRENE = ("fetch:sirene", "build:sirene")
CHANGES = ("derive:sirene_changes",)
FIRST_YEAR = ("2020-03-02", (*EGAPRO, f"matches:{ACCOUNT}", *FEED))

TAKE_IN = Part("fetch and build", EGAPRO, "2021-03-02", (FIRST_YEAR,))
ARCHIVES = Part("fetch and build three archives", SIRENE, "2017-02-02", (("2017-01-02", SIRENE),))
DERIVE = Part(
    "derive", CHANGES, "2017-02-02", (("2017-01-02", (*SIRENE, *CHANGES)), ("2017-02-02", SIRENE))
)
PUBLISH = Part("signals, feed and warehouse", FEED, "2021-03-02",
               (FIRST_YEAR, ("2021-03-02", EGAPRO)))  # fmt: skip
WHOLE = Part("a whole run", (*EGAPRO, *FEED), "2021-03-02", (FIRST_YEAR,))


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
        state: fingerprint of that folder.
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

    def check_serves(self, folder: Path) -> None:
        """Check that readers find what was published before, or what is published after.

        Each file that says what exists is the former one or the next one, whole; and
        everything that it names is there.
        """
        former, following = pointers(self.state), pointers(self.result)
        found = {name: digest(folder / name) for name in {**former, **following}
                 if (folder / name).exists()}  # fmt: skip
        assert former.keys() <= found.keys()
        for name, value in found.items():
            assert value in (former.get(name), following.get(name)), name
        check_named(folder)

    def killed(self, folder: Path, **how: Any) -> dict[str, Any]:
        return self.runner.run(folder, self.part.steps, self.part.day, **how)


def pointers(found: Fingerprint) -> Fingerprint:
    """Return the files that say what exists; readers start from them."""
    return {
        name: value
        for name, value in found.items()
        if name.startswith("state/") or name.endswith(("/log.json", "/manifest.json"))
    }


def fingerprint(folder: Path) -> Fingerprint:
    """Return a digest of every file that a run leaves, spill and lock apart.

    Bytes for all but the DuckDB files, which are compared by their rows.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or name.startswith("tmp/"):
            continue
        if name == "warehouse.duckdb":
            found |= warehouse_rows(path)
        elif name == "leads.duckdb":
            store = LeadStore(path, keys.load(folder / "keys" / "lead.key", {}), temporary=folder)
            found[name] = hashlib.sha256(store.matches().write_json().encode()).hexdigest()
        else:
            found[name] = digest(path)
    return found


def warehouse_rows(path: Path) -> Fingerprint:
    found = {}
    with Warehouse.read_only(path) as database:
        for (table,) in database.rows("SELECT table_name FROM duckdb_tables() ORDER BY ALL"):
            rows = database.frame(f"FROM {identifier(table)} ORDER BY ALL")
            found[f"warehouse:{table}"] = hashlib.sha256(rows.write_csv().encode()).hexdigest()
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
        check_hashes(log.parent, {**named, content["current"]: content["current_hash"]})
    for manifest in (folder / "exports").rglob("manifest.json"):
        content = json.loads(manifest.read_bytes())
        parts = [*content["segments"], *content["resources"], content["snapshot"]]
        check_hashes(manifest.parent, {part["path"]: part["hash"] for part in parts})
    if (folder / "warehouse.duckdb").exists():
        assert warehouse_rows(folder / "warehouse.duckdb")


def check_hashes(folder: Path, hashes: dict[str | None, str | None]) -> None:
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


@pytest.fixture(scope="module")
def portal() -> Iterator[SamplePortal]:
    with SamplePortal(ROOT / "data" / "sample") as running:
        yield running


@pytest.fixture(scope="module")
def runner(portal: SamplePortal) -> Iterator[Runner]:
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("killed_run.py"))]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield Runner(process, portal)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Return what shows a line in a passing run too: how many kills there were."""

    def shown(text: str) -> None:
        with capfd.disabled():
            sys.stdout.write(f"\n{text}\n")

    return shown


def prepared(part: Part, runner: Runner, tmp_path: Path) -> Prepared:
    return Prepared(part, runner, tmp_path / "before", tmp_path / "run")


def kill_at(known: Prepared, points: list[tuple[str, int]], say: Callable[[str], None]) -> None:
    """Kill a run at each of ``points``, run again, compare with the undisturbed run."""
    kills: Counter[str] = Counter()
    for name, number in points:
        folder = known.copy()
        answer = known.killed(folder, point=(name, number))
        where = f"{known.part.name}, {name} number {number}"
        assert (answer["signal"], answer["at_point"]) == (SIGKILL, True), where
        assert occurrences(answer["points"])[-1] == (name, number), where
        kills[name] += 1
        known.check_serves(folder)
        known.finish(folder)
        assert fingerprint(folder) == known.result, where
    assert set(kills) == {name for name, _ in points}
    listed = ", ".join(f"{name} {count}" for name, count in sorted(kills.items()))
    say(f"{kills.total()} kills in {known.part.name}: {listed}")


def _names(points: list[str]) -> set[str]:
    return {name.partition(":")[0] for name in points}


@pytest.mark.parametrize("part", [TAKE_IN, DERIVE], ids=lambda part: part.name)
def test_killed_at_every_point(
    part: Part, runner: Runner, tmp_path: Path, say: Callable[[str], None]
):
    known = prepared(part, runner, tmp_path)
    assert {"table", "state", "attempt"} <= _names(known.points)
    kill_at(known, occurrences(known.points), say)


def test_killed_once_at_each_kind_of_point_of_a_publication(
    runner: Runner, tmp_path: Path, say: Callable[[str], None]
):
    known = prepared(PUBLISH, runner, tmp_path)
    assert _names(known.points) == {
        "log-segment", "log-current", "log", "feed-segment", "feed-file", "feed-manifest",
        "feed-copy", "codes", "sources", "warehouse",
    }  # fmt: skip
    first = [point for point in occurrences(known.points) if point[1] == 1]
    kill_at(known, [point for point in first if "rename" in point[0]], say)


@pytest.mark.full
@pytest.mark.parametrize("part", [PUBLISH, ARCHIVES], ids=lambda part: part.name)
def test_killed_at_every_point_of_the_longer_parts(
    part: Part, runner: Runner, tmp_path: Path, say: Callable[[str], None]
):
    known = prepared(part, runner, tmp_path)
    points = occurrences(known.points)
    kill_at(known, [one for one in points if one[1] == 1 or one[1] % STRIDE == 0], say)


@pytest.mark.full
def test_killed_at_random_moments(runner: Runner, tmp_path: Path, say: Callable[[str], None]):
    known = prepared(WHOLE, runner, tmp_path)
    moments = random.Random(SEED)  # noqa: S311 - not a secret
    last: Counter[str] = Counter()
    seconds = known.seconds
    while last.total() < RANDOM_KILLS:
        folder = known.copy()
        after = moments.uniform(0, seconds)
        answer = known.killed(folder, after=after)
        assert (answer["signal"], answer["exit"]) in ((SIGKILL, None), (0, 0))
        if answer["signal"] == SIGKILL:
            last[(answer["points"] or ["start"])[-1].partition(":")[0]] += 1
        known.check_serves(folder)
        _, seconds = known.finish(folder)  # how fast the machine is just now
        assert fingerprint(folder) == known.result, f"killed after {after:.3f} s: {answer}"
    listed = ", ".join(f"{name} {count}" for name, count in sorted(last.items()))
    say(f"{last.total()} kills at random moments, by last point: {listed}")
