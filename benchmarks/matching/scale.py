"""Speed and memory as the register grows (T4): ``python -m benchmarks.matching.scale``.

Belongs here: building the index of a made France, matching typed leads against it, and the
peers on as many of its names as they can take. Does not belong here: the made register
(``benchmarks/france``), accuracy on real leads (``evaluate``).

Usage: ``python -m benchmarks.matching.scale [--scale 1/64] [--leads 100000] [--limit 120]
[--folder DIR] [--ours] [--record]``. Each step runs in a process of its own, which tells its
peak memory. A peer gets a share of the names, then four times as many, as long as it stays
within ``--limit`` CPU seconds and 8 GB: what is told is the largest share that it finished.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.france import write as france
from benchmarks.matching import noise
from leads.index import Index
from leads.matching import match_leads
from leads.queries import prepare
from pipelines.registry import RegistryFiles, build_registry

RESULTS = Path(__file__).with_name("scale.json")
ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 11, 23)
FILES = ("StockUniteLegale", "StockEtablissement")
SHARES = (Fraction(1, 64), Fraction(1, 16), Fraction(1, 4), Fraction(1))
MOST_MEMORY_MB = 8_000
PEER_LEADS = 1_000
#: CPU seconds of a peer for one share of the names.
LIMIT = 120
ALONE = 200


class Watched:
    """CPU and elapsed seconds of a step, and its peak memory, with and without mapped files."""

    def __enter__(self) -> Watched:
        self._stop, self.own_mb = threading.Event(), 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self._began, self._busy = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began
        self.cpu = time.process_time() - self._busy
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self.own_mb = max(self.own_mb, held_mb("RssAnon"))
            if held_mb("VmRSS") > MOST_MEMORY_MB and "peer" in sys.argv[1:2]:
                os._exit(3)

    def told(self) -> dict[str, Any]:
        """Return the figures."""
        return {
            "seconds": round(self.seconds, 1),
            "cpu_seconds": round(self.cpu, 1),
            "peak_mb": france.peak_mb(),
            "own_mb": self.own_mb,
            "load_average": round(os.getloadavg()[0], 1),
        }


def held_mb(what: str) -> int:
    """Return a line of this process's status, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(what))) // 1024


def files(folder: Path, scale: Fraction) -> list[Path]:
    """Write the two files of the register that are not there yet."""
    size, targets = france.size_of(scale), []
    made_of = france.pools()
    for name in FILES:
        target = france.month_folder(folder, 0) / f"{name}.parquet"
        france.whole(
            target, partial(france.parquet, france.parts(france.FILES[name], 0, size, made_of))
        )
        targets.append(target)
    return targets


def build(folder: Path) -> dict[str, Any]:
    """Build the index from the files."""
    units, sites = (france.month_folder(folder, 0) / f"{name}.parquet" for name in FILES)
    with Watched() as watched:
        built = build_registry(RegistryFiles([units], [sites]), folder / "index")
    return {
        **watched.told(),
        **built.index.meta["rows"],
        "bytes": france.held_bytes(folder / "index"),
    }


def match(folder: Path, leads: int) -> dict[str, Any]:
    """Match typed leads in one go, then one at a time."""
    began = time.perf_counter()
    index = Index.open(folder / "index")
    opened = time.perf_counter() - began
    rows = noise.typed(index.scan("names"), leads)
    match_leads(rows.head(100), index, matched_at=DAY, registry_version="made")
    with Watched() as watched:
        answers = match_leads(rows, index, matched_at=DAY, registry_version="made")
    best = pl.coalesce("siren", pl.col("alternatives").list.first().struct.field("siren"))
    right = answers.select(best.alias("best"))["best"] == rows["true_siren"]
    sure = answers["verdict"] == "confirmed"
    wall, busy = [], []
    for place in range(0, min(ALONE * 7, rows.height), 7):
        start, cpu = time.perf_counter(), time.process_time()
        match_leads(rows[place], index, matched_at=DAY, registry_version="made")
        wall.append(1000 * (time.perf_counter() - start))
        busy.append(1000 * (time.process_time() - cpu))
    return {
        **watched.told(),
        "leads": rows.height,
        "leads_per_second": round(rows.height / watched.seconds),
        "leads_per_cpu_second": round(rows.height / watched.cpu),
        "one_lead_ms": _median_and_p95(wall),
        "one_lead_cpu_ms": _median_and_p95(busy),
        "open_ms": round(1000 * opened, 1),
        "first_place": round(float(right.fill_null(False).mean() or 0.0), 4),  # type: ignore[arg-type]
        "confirmed": int(sure.sum()),
        "confirmed_right": int((sure & right).sum()),
    }


def _median_and_p95(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "median": round(ordered[len(ordered) // 2], 1),
        "p95": round(ordered[int(len(ordered) * 0.95)], 1),
    }


def peer(folder: Path, name: str, share: Fraction, limit: int) -> dict[str, Any]:
    """Let a peer look for leads among a share of the names, those of the leads included."""
    # Imported where used: the peers are installed for `make bench` only.
    from benchmarks.matching import peers

    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    index = Index.open(folder / "index")
    leads = noise.typed(index.scan("names"), PEER_LEADS)
    kept = pl.col("siren").is_in(leads["true_siren"].implode()) | (
        pl.col("siren").hash(1) % share.denominator < share.numerator
    )
    columns = ("siren", "core", "glued", "postcode", "department")
    names = index.scan("names").filter(kept).select(columns).unique().sort(columns).collect()
    queries = prepare(leads)
    asked = (
        queries.spellings.filter(pl.col("variant") == 0)
        .select("lead", "core", "glued", "postcode", "department")
        .join(queries.leads.join(leads.select("lead_id", "true_siren"), on="lead_id"), on="lead")
        .unique("lead").sort("lead")
    )  # fmt: skip
    answers = peers.systems(asked.head(asked.height // 2), names)[name]
    with Watched() as watched:
        found = answers(asked, names)
    top = peers.best(found).join(asked.select("lead", "true_siren"), on="lead")
    right = (top["siren"] == top["true_siren"]).sum()
    return {
        **watched.told(),
        "names": names.height,
        "leads_per_second": round(asked.height / watched.seconds, 1),
        "leads_per_cpu_second": round(asked.height / max(watched.cpu, 1e-3), 1),
        "first_place": round(right / asked.height, 4),
    }


def step(folder: Path, *command: str) -> dict[str, Any] | None:
    """Run a step in its own process, unless its facts are kept; None if it did not finish."""
    kept = folder / "facts" / f"{'-'.join(command).replace('/', ':')}.json"
    if not kept.exists():
        line = [
            sys.executable,
            "-m",
            "benchmarks.matching.scale",
            *command,
            "--folder",
            str(folder),
        ]
        done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=False)
        if done.returncode and command[0] != "peer":
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text("null" if done.returncode else done.stdout.splitlines()[-1])
    found: dict[str, Any] | None = json.loads(kept.read_text())
    return found


def measured(
    folder: Path, scale: Fraction, *, leads: int, limit: int, ours: bool
) -> dict[str, Any]:
    """Return the figures of every step at one scale."""
    files(folder, scale)
    result: dict[str, Any] = {
        "scale": str(scale),
        "measured_at": datetime.now(UTC).date().isoformat(),
        "build": step(folder, "build"),
        "match": step(folder, "match", str(leads)),
        "peers": {},
    }
    if ours:
        return result
    from benchmarks.matching import peers  # see peer

    for name in peers.NAMES:
        largest = None
        for share in SHARES:
            found = step(folder, "peer", name, str(share), str(limit))
            if found is None:
                break
            largest = {**found, "share": str(share)}
        result["peers"][name] = largest
    return result


def table(result: dict[str, Any]) -> str:
    """Return the figures as a table of Markdown."""
    build, match = result["build"], result["match"]
    millions = build["establishments"] / 10_000_000
    lines = [
        f"T4: {result['scale']} of France, {build['establishments']:,} establishments, "
        f"{build['units']:,} units, {build['names']:,} names",
        f"build: {build['seconds']:,.0f} s, {build['cpu_seconds']:,.0f} CPU s "
        f"({build['cpu_seconds'] / millions:,.0f} for 10 M establishments), peak "
        f"{build['peak_mb']:,} MB with mapped files ({build['own_mb']:,} without), "
        f"{build['bytes'] / 1e6:,.0f} MB on disk, load {build['load_average']}",
        f"one lead: {match['one_lead_ms']['median']} ms, p95 {match['one_lead_ms']['p95']} ms by "
        f"the clock; {match['one_lead_cpu_ms']['median']} and {match['one_lead_cpu_ms']['p95']} "
        f"of CPU; opening {match['open_ms']} ms",
        f"confirmed {match['confirmed']:,} of {match['leads']:,}, right "
        f"{match['confirmed_right']:,}",
        "",
        "| system | names | first place | leads/s | leads per CPU second | peak MB |",
        "|---|---|---|---|---|---|",
        _row("company-signals", match | {"names": build["names"]}),
        *(_row(name, one) for name, one in result["peers"].items()),
    ]
    return "\n".join(lines)


def _row(name: str, one: dict[str, Any] | None) -> str:
    if one is None:
        return f"| {name} | none of the sizes within the limits | – | – | – | – |"
    return (
        f"| {name} | {one['names']:,} | {one['first_place']:.3f} | {one['leads_per_second']:,} "
        f"| {one['leads_per_cpu_second']:,} | {one['peak_mb']:,} |"
    )


def run(
    scale: Fraction, *, leads: int, limit: int, ours: bool, folder: Path | None
) -> dict[str, Any]:
    """Measure at one scale, in a folder that is kept if it is named."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        return measured(folder, scale, leads=leads, limit=limit, ours=ours)
    with tempfile.TemporaryDirectory(prefix="bench-matching-") as work:
        return measured(Path(work), scale, leads=leads, limit=limit, ours=ours)


def record(result: dict[str, Any]) -> None:
    """Keep a result in place of an older one of the same scale."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**kept, result["scale"]: result}, indent=1) + "\n")


def main() -> None:
    """Measure at one scale and print, or run one step of it."""
    parser = argparse.ArgumentParser(description="Matching as the register grows")
    parser.add_argument("step", nargs="*", help="one step of a run: build, match N, peer …")
    parser.add_argument("--scale", type=Fraction, default=Fraction(1, 64), help="1 is France")
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--limit", type=int, default=LIMIT, help="CPU seconds of a peer")
    parser.add_argument("--folder", type=Path, help="kept between runs; else a temporary one")
    parser.add_argument("--ours", action="store_true", help="without the peers")
    parser.add_argument("--record", action="store_true", help="keep the result in scale.json")
    given = parser.parse_args()
    if given.step:
        print(json.dumps(_one_step(given.folder, given.step)))
        return
    result = run(
        given.scale, leads=given.leads, limit=given.limit, ours=given.ours, folder=given.folder
    )
    if given.record:
        record(result)
    print(table(result))


def _one_step(folder: Path, words: list[str]) -> dict[str, Any]:
    if words[0] == "build":
        return build(folder)
    if words[0] == "match":
        return match(folder, int(words[1]))
    return peer(folder, words[1], Fraction(words[2]), int(words[3]))


if __name__ == "__main__":
    main()
