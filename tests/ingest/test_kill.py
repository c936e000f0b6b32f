"""A process killed at any instant leaves what was published; run again, it ends the same."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kills import Part, Prepared, Runner, fingerprint, occurrences

from opendata.sample_portal import SamplePortal

ROOT = Path(__file__).resolve().parents[2]
SIGKILL = 9
ACCOUNT = "demo"
#: Moments of a real clock: what is random is when the kill comes, so the seed is fixed.
#: A few in the full tests; `make soak` asks for as many as one has the time for.
SEED, RANDOM_KILLS = 2026, int(os.environ.get("SOAK_KILLS", "20"))
#: Where the copies of the folder are made: a kill, unlike a power cut, does not ask what has
#: reached the disk, and in memory nobody waits for it.
MEMORY, ROOM = Path("/dev/shm"), 1 << 30  # noqa: S108 - a folder of our own is made in it

Tell = Callable[[str, Counter[str]], None]

EGAPRO = ("fetch:egapro", "build:egapro")
STREAMS = ("detect", "publish")
SIRENE = ("fetch:sirene", "build:sirene")
CHANGES = ("derive:sirene_changes",)
FIRST_YEAR = ("2020-03-02", (*EGAPRO, f"matches:{ACCOUNT}", *STREAMS, "warehouse"))
SECOND_YEAR = ("2021-03-02", (*EGAPRO, *STREAMS, "warehouse"))
JANUARY, FEBRUARY = ("2017-01-02", SIRENE), ("2017-02-02", SIRENE)

TAKE_IN = Part("fetch and build", EGAPRO, "2021-03-02", (FIRST_YEAR,))
ARCHIVES = Part("fetch and build archives", SIRENE, "2017-02-02", (JANUARY,))
DERIVE = Part("derive", CHANGES, "2017-02-02", (("2017-01-02", (*SIRENE, *CHANGES)), FEBRUARY))
PUBLISH = Part("signals and streams", STREAMS, "2021-03-02", (FIRST_YEAR, ("2021-03-02", EGAPRO)))
TABLES = Part("warehouse", ("warehouse",), "2021-03-02", PUBLISH.before)
LEADS = Part("leads and matching", ("intake", "match"), "2017-01-02",
             (("2017-01-02", (*SIRENE, "stores")),))  # fmt: skip
ROLLBACK = Part("rollback", ("rollback:egapro@2021-03-01",), "2021-03-03",
                (("2020-03-02", ("secrets", *SECOND_YEAR[1])), SECOND_YEAR))  # fmt: skip
PRUNE = Part("gc", ("prune",), "2017-02-02", (JANUARY, FEBRUARY))
WHOLE = Part("a whole run", (*EGAPRO, *STREAMS, "warehouse"), "2021-03-02", (FIRST_YEAR,))

#: Part → into how many tests its points are dealt out, so that two processes share them.
EVERY_POINT = {PUBLISH: 2, TABLES: 1, ARCHIVES: 2, PRUNE: 1}
#: What a publication writes: a new file of it is one more that must be killed at.
WRITTEN = {
    PUBLISH: "log-segment log-current log feed-segment feed-file feed-manifest feed-copy",
    TABLES: "codes sources warehouse",
}
#: Part → how many of the random kills are in it, and in how many tests.
TENTH = RANDOM_KILLS // 10
MOMENTS = {
    WHOLE: (RANDOM_KILLS - 3 * TENTH, 2),
    LEADS: (TENTH, 1),
    ROLLBACK: (TENTH, 1),
    PRUNE: (TENTH, 1),
}


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("killed_run.py"))]
    with (
        SamplePortal(ROOT / "data" / "sample") as portal,
        subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process,
    ):
        yield Runner(process, portal)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        with tempfile.TemporaryDirectory(prefix="kills-", dir=MEMORY) as folder:
            yield Path(folder)
    else:
        yield tmp_path_factory.mktemp("kills")


@pytest.fixture(scope="module")
def prepared(runner: Runner, place: Path) -> Callable[[Part], Prepared]:
    """Return the folder before a part, made once, and what an undisturbed run makes of it."""
    made: dict[Part, Prepared] = {}

    def give(part: Part) -> Prepared:
        if part not in made:
            folder = place / part.name.replace(" ", "-")
            made[part] = Prepared(part, runner, folder / "before", folder / "run")
        return made[part]

    return give


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Return what has the summary of a passing run say how many kills landed where."""
    return lambda where, kills: record_property(f"kills {where}", dict(kills))


def kill_at(known: Prepared, points: list[tuple[str, int]], tell: Tell) -> None:
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
    tell(f"at points of {known.part.name}", kills)


def kinds(points: list[str]) -> set[str]:
    """Return what is written: ``feed-file`` of ``feed-file:before-rename``."""
    return {name.partition(":")[0] for name in points}


@pytest.mark.parametrize("part", [TAKE_IN, DERIVE], ids=lambda part: part.name)
def test_killed_at_every_point(part: Part, prepared: Callable[[Part], Prepared], tell: Tell):
    known = prepared(part)
    assert {"table", "state", "attempt"} <= kinds(known.points)
    kill_at(known, occurrences(known.points), tell)


def dealt(shares: dict[Part, int]) -> list[tuple[Part, int]]:
    return [(part, share) for part, count in shares.items() for share in range(count)]


@pytest.mark.full
@pytest.mark.parametrize(
    ("part", "share"), dealt(EVERY_POINT), ids=lambda given: getattr(given, "name", str(given))
)
def test_killed_at_every_point_of_the_longer_parts(
    part: Part, share: int, prepared: Callable[[Part], Prepared], tell: Tell
):
    known = prepared(part)
    if part in WRITTEN:
        assert kinds(known.points) == set(WRITTEN[part].split())
    kill_at(known, occurrences(known.points)[share :: EVERY_POINT[part]], tell)


@pytest.mark.full
@pytest.mark.parametrize(
    ("part", "share"),
    dealt({part: shares for part, (_, shares) in MOMENTS.items()}),
    ids=lambda given: getattr(given, "name", str(given)),
)
def test_killed_at_random_moments(
    part: Part, share: int, prepared: Callable[[Part], Prepared], tell: Tell
):
    known = prepared(part)
    count, shares = MOMENTS[part]
    wanted = len(range(share, count, shares))
    moments = random.Random(SEED + share)  # noqa: S311 - not a secret
    last: Counter[str] = Counter()
    # How fast the machine is just now: a run that finds half of it done is short.
    seconds = deque([known.seconds], maxlen=5)
    while last.total() < wanted:
        folder = known.copy()
        after = moments.uniform(0, max(seconds))
        answer = known.killed(folder, after=after)
        assert (answer["signal"], answer["exit"]) in ((SIGKILL, None), (0, 0))
        if answer["signal"] == SIGKILL:
            last[(answer["points"] or ["start"])[-1].partition(":")[0]] += 1
        known.check_serves(folder)
        seconds.append(known.finish(folder)[1])
        assert fingerprint(folder) == known.result, f"killed after {after:.3f} s: {answer}"
    tell(f"at random moments of {part.name}, by last point", last)
