"""One worker against two: matching, detection, and writing to a lake, with the same result.

Each worker is a process with one thread, as it would be on a machine of its own; what they share
is read only. The lake has its catalogue in a PostgreSQL that is started for it. Two times are
printed: what passed, which says little on a machine that does other work, and the processor time
of the busiest worker, which is what would pass if each had a processor to itself. Starting a
process is in neither.

Usage: ``python -m benchmarks.scale_out [--leads 20000] [--france 16] [--rounds 1]``
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from assets import discovery
from assets.lead_intake import take_in
from assets.lead_matching import match_all, matching_note
from assets.lead_matching_shares import gather_matching, match_share, plan_matching
from assets.workspace import Workspace
from benchmarks.signals_month import TODAY, Month, generate
from opendata import lake
from opendata.assembly import Content
from opendata.clock import Clock
from opendata.lake_address import LakeAddress, attached
from opendata.sample_portal import SamplePortal
from opendata.shares import Share
from opendata.warehouse import Warehouse
from pipelines import replay
from pipelines.main_job import run_datasets
from pipelines.settings import load_settings
from pipelines.workspace import open_workspace
from signals.detect import detect_all

ROOT = Path(__file__).resolve().parents[1]
DAY = date(2017, 1, 2)
WORKERS = (1, 2)


@dataclass(frozen=True)
class Place:
    """The folders of a measurement, and where its lake is."""

    folder: Path

    @property
    def lake(self) -> LakeAddress:
        """Return the lake: its server is told by the environment."""
        return LakeAddress("postgres:dbname=lake", str(self.folder / "lake"))

    def month(self) -> Month:
        """Return the generated month of France."""
        shares = json.loads((self.folder / "month.json").read_text())
        return Month(self.folder / "month", {name: tuple(one) for name, one in shares.items()})

    def workspace(self) -> Workspace:
        """Return the data folder with the register of the sample and the leads."""
        settings = load_settings(
            data_dir=self.folder / "data", leads=self.folder / "leads.csv", at=DAY
        )
        return open_workspace(settings)

    def tables(self) -> dict[str, Content]:
        """Return the tables of the month for the lake."""
        owners = discovery.owners()
        return {
            path.stem: Content([path], owners[path.stem].tables[path.stem].key, path.stem)
            for path in sorted((self.folder / "month").glob("*.parquet"))
        }


def matching(place: Place, share: Share) -> int:
    """Match the leads of a share."""
    return match_share(replace(place.workspace(), shares=share.of), share)


def detection(place: Place, share: Share) -> int:
    """Detect the events of the companies of a share."""
    clock = Clock.at(TODAY)
    found = detect_all(place.month(), recorded=clock.now(), run_id="bench", share=share)
    found.write_parquet(place.folder / f"found-{share.number}-{share.of}.parquet")
    return found.height


def writing(place: Place, share: Share) -> int:
    """Write the rows of a share to the lake."""
    return lake.fill(place.lake, share, threads=1, memory_limit="2GB")


WORK: Mapping[str, Callable[[Place, Share], int]] = {
    "matching": matching,
    "detection": detection,
    "lake": writing,
}


def work(name: str, share: Share, place: Place) -> None:
    """Be a worker: wait for the word, do the share, say what it took."""
    # One processor each: not every library is told how many threads it may have.
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[share.number % len(processors)]})
    print("ready", flush=True)
    sys.stdin.readline()
    wall, cpu = time.perf_counter(), time.process_time()
    rows = WORK[name](place, share)
    said = {"rows": rows, "wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps(said), flush=True)


def workers(name: str, of: int, place: Place) -> tuple[float, float, int]:
    """Run a work by ``of`` workers at a time; return elapsed, busiest processor time, rows."""
    environment = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scale_out", "--worker", name, "--share",
             f"{number}/{of}", "--folder", str(place.folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT,
        )
        for number in range(1, of + 1)
    ]  # fmt: skip
    for one in started:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n", f"a worker of {name} did not start"
    began = time.perf_counter()
    for one in started:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    answers = [one.communicate()[0] for one in started]
    elapsed = time.perf_counter() - began
    assert all(one.returncode == 0 for one in started), f"a worker of {name} failed"
    said = [json.loads(answer) for answer in answers]
    return elapsed, max(one["cpu"] for one in said), sum(one["rows"] for one in said)


def leads(place: Place, count: int) -> None:
    """Write leads like those of the sample, each another question."""
    sample = pl.read_csv(replay.SAMPLE / "leads.csv", infer_schema=False)
    name = next(one for one in sample.columns if one in {"company_name", "company", "societe"})
    identity = sample.columns[0]
    row = pl.int_range(pl.len())
    words = pl.Series(["", " France", " SA", " Groupe", " et fils", " Sud", " Nord", " Paris"])
    many = pl.concat([sample] * (count // sample.height + 1)).head(count)
    said = pl.col(name) + words.gather(
        many.select((row // sample.height) % len(words)).to_series()
    ) + pl.lit(" ") + (row // (sample.height * len(words))).cast(pl.String)  # fmt: skip
    many.with_columns(
        said.alias(name), (pl.lit("b") + row.cast(pl.String)).alias(identity)
    ).write_csv(place.folder / "leads.csv")


def prepared(place: Place, count: int, part: int) -> None:
    """Load the register of the sample, take in the leads, generate a month of France."""
    leads(place, count)
    with SamplePortal(replay.SAMPLE) as portal:
        portal.set_date(DAY)
        settings = replay.sample_settings(portal, DAY, place.folder / "data")
        assert run_datasets(open_workspace(settings), ["sirene"]).ok
    take_in(place.workspace())
    (place.folder / "month").mkdir()
    month, _units = generate(place.folder / "month", part)
    (place.folder / "month.json").write_text(json.dumps(dict(month.shares)))


def matched(place: Place, of: int) -> tuple[str, tuple[float, float, int]]:
    """Match by ``of`` workers; return what they found, as a hash, and what it took."""
    workspace = replace(place.workspace(), shares=of)
    store = workspace.lead_store
    store.forget(store.matches().select("account_id", "lead_id"), tables=("matches",))
    matching_note(workspace).unlink(missing_ok=True)
    plan_matching(workspace)
    took = workers("matching", of, place)
    return _hash(gather_matching(workspace).matches), took


def detected(place: Place, of: int) -> tuple[str, tuple[float, float, int]]:
    """Detect by ``of`` workers; return what they found, as a hash, and what it took."""
    took = workers("detection", of, place)
    parts = [
        pl.read_parquet(place.folder / f"found-{number}-{of}.parquet")
        for number in range(1, of + 1)
    ]
    return _hash(pl.concat(parts).sort("time", "type", "subject", "signalid")), took


def stored(place: Place, of: int) -> tuple[str, tuple[float, float, int]]:
    """Write a lake anew by ``of`` workers; return what it holds, as a hash, and what it took."""
    lake.publish({}, place.lake, "nothing")
    lake.prepare(place.tables(), place.lake)
    took = workers("lake", of, place)
    lake.show(place.tables(), place.lake, f"{of} writers")
    with attached(place.lake, read_only=True) as db:
        said = [
            db.rows(f"SELECT count(*), sum(hash(t)) FROM lake.{name} AS t")
            for name in sorted(place.tables())
        ]
    return str(said), took


def alone(place: Place) -> dict[str, str]:
    """Return what one machine finds without any share, with all its threads."""
    workspace = place.workspace()
    store = workspace.lead_store
    store.forget(store.matches().select("account_id", "lead_id"), tables=("matches",))
    matching_note(workspace).unlink(missing_ok=True)
    clock = Clock.at(TODAY)
    found = detect_all(place.month(), recorded=clock.now(), run_id="bench")
    with Warehouse.in_memory(memory_limit="4GB") as db:
        said = [
            db.rows(f"SELECT count(*), sum(hash(t)) FROM read_parquet('{one.paths[0]}') AS t")
            for _, one in sorted(place.tables().items())
        ]
    return {
        "matching": _hash(match_all(workspace).matches),
        "detection": _hash(found),
        "lake": str(said),
    }


def _hash(rows: pl.DataFrame) -> str:
    """Return a hash of every value in order; how the frame lies in memory is no matter."""
    return hashlib.sha256(rows.write_ndjson().encode()).hexdigest()


RUNS: Mapping[str, Callable[[Place, int], tuple[str, tuple[float, float, int]]]] = {
    "matching": matched,
    "detection": detected,
    "lake": stored,
}


def compare(place: Place, rounds: int) -> int:
    """Print what one worker and two took; fail if a result differs from that of one machine."""
    expected, wrong = alone(place), 0
    print(f"{'':<10} {'workers':>7} {'rows':>11} {'elapsed':>8} {'processor':>9}  result")
    for name, run in RUNS.items():
        best: dict[int, list[tuple[float, float, int]]] = {of: [] for of in WORKERS}
        for _ in range(rounds):
            for of in WORKERS:
                result, took = run(place, of)
                same = result == expected[name]
                wrong += not same
                best[of].append(took)
                words = "as on one machine" if same else "DIFFERS"
                print(
                    f"{name:<10} {of:>7} {took[2]:>11,} {took[0]:>8.2f} {took[1]:>9.2f}  {words}",
                    flush=True,
                )
        least = {of: [min(one[place_] for one in best[of]) for place_ in (0, 1)] for of in WORKERS}
        print(
            f"{name:<10} speed-up {least[1][0] / least[2][0]:.2f} elapsed, "
            f"{least[1][1] / least[2][1]:.2f} in processor time of the busiest worker",
            flush=True,
        )
    return int(wrong > 0)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--france", type=int, default=16, help="the month is of France ÷ this")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--worker", choices=[*WORK], help=argparse.SUPPRESS)
    parser.add_argument("--share", type=Share.parse, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work(given.worker, given.share, Place(given.folder))
        return 0
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    support: Any = __import__("postgres_server")
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        support.postgres_server() as server,
    ):
        os.environ.update(server.environment)
        server.create_database("lake")
        place = Place(Path(folder))
        prepared(place, given.leads, given.france)
        one, five, _ = os.getloadavg()
        print(
            f"{os.cpu_count()} processors, load average {one:.1f} (1 min), {five:.1f} (5 min); "
            f"{given.leads:,} leads, a month of France ÷ {given.france}\n"
        )
        return compare(place, given.rounds)


if __name__ == "__main__":
    sys.exit(main())
