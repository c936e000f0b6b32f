"""Load, compare and look up a made France, each step in a process of its own.

Belongs here: the order of the steps, the ratios, what is printed and kept. Does not belong
here: the steps.

Usage: ``python -m benchmarks france [--scale 1/64] [--folder DIR] [--csv] [--load] [--keep]
[--record]``.
A run that was stopped goes on where it stood: finished files and steps are not done again.
``--record`` adds the result to ``benchmarks/france/results.json``; ``growth.py`` draws it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from benchmarks.france.load import DERIVED
from benchmarks.france.write import held_bytes, write

RESULTS = Path(__file__).with_name("results.json")
ROOT = Path(__file__).resolve().parents[2]
ENGINES = ("polars", "duckdb")


def step(folder: Path, name: str, *command: str) -> dict[str, Any]:
    """Run one step unless its facts are there; return them."""
    kept = folder / "facts" / f"{name}.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", *command], capture_output=True, text=True, cwd=ROOT, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
        facts = json.loads(done.stdout.splitlines()[-1]) | {"load_average": os.getloadavg()[0]}
        kept.write_text(json.dumps(facts))
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def measured(folder: Path, scale: Fraction, *, csv: bool, load_only: bool) -> dict[str, Any]:
    """Run every step at one scale, or those of one load; return all facts."""
    files, data = folder / "files", folder / "data"
    made = write(files, scale, csv=csv)
    load = "benchmarks.france.load"
    facts: dict[str, Any] = {
        "made": json.loads((files / "made.json").read_text()) | {"units": made["units"]}
    }
    facts["floor_load"] = step(
        folder, "floor_load", load, str(files), str(folder / "floor"), "0", "floor"
    )
    where = str(files), str(data)
    facts["load_first"] = step(folder, "load_first", load, *where, "0")
    if load_only:
        return facts
    facts["load_second"] = step(folder, "load_second", load, *where, "1")
    comparison = "benchmarks.france.diff"
    step(folder, "keys", comparison, "keys", *where)
    for name in ("floor", "changes", "walked", "flux", "counted", "rows", "values"):
        facts[f"diff_{name}"] = step(folder, f"diff_{name}", comparison, name, *where)
    facts["lookups"] = step(folder, "lookups", "benchmarks.france.lookups", *where)
    facts["tables_bytes"] = held_bytes(data / "tables") + held_bytes(data / "hashes")
    if not csv:
        # Last of all: it writes tables again and removes files.
        facts["purge"] = step(folder, "purge", "benchmarks.france.purge", *where)
    return facts


def ratios(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the facts come to, against their floors, for the steps that were run."""
    found = _loaded(facts)
    if "diff_rows" in facts:
        found |= _compared(facts)
    if "purge" in facts:
        found |= _purged(facts["purge"])
    return found


def _loaded(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Judge the load without the derived tables, which repeat no file.

    Their writing and their gates are timed apart.
    """
    per_file = {name: one for name, one in facts["floor_load"].items() if isinstance(one, dict)}
    bare = {engine: sum(one[engine] for one in per_file.values()) for engine in ENGINES}
    bare_cpu = min(sum(one[f"{engine}_cpu"] for one in per_file.values()) for engine in ENGINES)
    first = facts["load_first"]
    derived = sum(took for name, took in first["steps"].items() if name.split(" ", 1)[1] in DERIVED)
    derived_cpu = sum(
        took for name, took in first["steps_cpu"].items() if name.split(" ", 1)[1] in DERIVED
    )
    direct_bytes = sum(one["bytes"] for name, one in first["tables"].items() if name not in DERIVED)
    bare_bytes = sum(one["polars_bytes"] for one in per_file.values())
    return {
        "load_bare_polars_s": round(bare["polars"], 1),
        "load_bare_duckdb_s": round(bare["duckdb"], 1),
        "load_s": round(first["seconds"] - derived, 1),
        "load_ratio": round((first["seconds"] - derived) / min(bare.values()), 2),
        "load_cpu_ratio": round((first["cpu_seconds"] - derived_cpu) / bare_cpu, 2),
        "load_derived_s": round(derived, 1),
        "load_peak_mb": first["peak_mb"],
        "disk_ratio": round(direct_bytes / bare_bytes, 2),
        "disk_with_derived_ratio": round(
            sum(one["bytes"] for one in first["tables"].values()) / bare_bytes, 2
        ),
    }


def _compared(facts: Mapping[str, Any]) -> dict[str, Any]:
    join = min(facts["diff_floor"][engine]["seconds"] for engine in ENGINES)
    join_cpu = min(facts["diff_floor"][engine]["cpu_seconds"] for engine in ENGINES)
    changes, walked = facts["diff_changes"], facts["diff_walked"]
    return {
        "load_second_s": facts["load_second"]["seconds"],
        "load_second_peak_mb": facts["load_second"]["peak_mb"],
        "join_bare_s": join,
        "changes_s": changes["seconds"],
        "changes_ratio": round(changes["seconds"] / join, 2),
        "changes_cpu_ratio": round(changes["cpu_seconds"] / join_cpu, 2),
        "changes_peak_mb": changes["peak_mb"],
        "changes_missed": changes["missed"],
        "changes_invented": changes["invented"],
        "walked_s": walked["seconds"],
        "walked_cpu_ratio": round(walked["cpu_seconds"] / join_cpu, 2),
        "walked_peak_mb": walked["peak_mb"],
        "walked_wrong": walked["missed"] + walked["invented"],
        "flux_s": facts["diff_flux"]["seconds"],
        "flux_records": facts["diff_flux"]["records"],
        "flux_wrong": facts["diff_flux"]["missed"] + facts["diff_flux"]["invented"],
        **_rows("rows", facts["diff_rows"], join, join_cpu),
        **_rows("values", facts["diff_values"], join, join_cpu),
        "counted_cpu_ratio": round(facts["diff_counted"]["cpu_seconds"] / join_cpu, 2),
    }


def _rows(name: str, facts: Mapping[str, Any], join: float, join_cpu: float) -> dict[str, Any]:
    """Judge one way of finding the rows that differ."""
    tables = [one for one in facts.values() if isinstance(one, dict)]
    return {
        f"{name}_s": facts["seconds"],
        f"{name}_ratio": round(facts["seconds"] / join, 2),
        f"{name}_cpu_ratio": round(facts["cpu_seconds"] / join_cpu, 2),
        f"{name}_peak_mb": facts["peak_mb"],
        f"{name}_wrong": sum(one["missed"] + one["invented"] for one in tables),
    }


def _purged(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "objected": one["expected"],
        "objected_found": one["found"],
        "objected_hidden_s": one["hidden_in"],
        "objected_rewritten_s": one["rewritten_in"],
        "objected_left": one["left"],
        "objected_files_rewritten": one["files_rewritten"],
    }


def told(facts: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Print one line a measure."""
    made = facts["made"]
    print(f"\n{made['units']:,} units, distributions from {made['distributions']}; "
          f"{pl.thread_pool_size()} threads, load average {os.getloadavg()[0]:.1f}\n")  # fmt: skip
    for name, took in facts["load_first"]["steps"].items():
        print(f"  {name:<48} {took:>8.1f} s")
    print()
    for name, value in found.items():
        print(f"{name:<28} {value:>12,}")
    for name, one in facts.get("lookups", {}).items():
        if isinstance(one, dict):
            print(f"{name:<44} {one['median_ms']:>8} ms median, {one['p95_ms']} ms p95, "
                  f"{one['cpu_ms']} ms processor, warm")  # fmt: skip
    if "diff_changes" in facts:
        print(f"mass operations flagged: {facts['diff_changes']['mass_operations']}")


def record(
    scale: Fraction, facts: Mapping[str, Any], found: Mapping[str, Any], *, csv: bool
) -> None:
    """Add the result to the kept ones, in place of an older one of the same scale."""
    kept: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    averages = [one["load_average"] for one in facts.values()
                if isinstance(one, dict) and "load_average" in one]  # fmt: skip
    kept[f"{scale}{' csv' if csv else ''}"] = {
        "measured_at": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {_memory_gb()} GB, "
        f"Python {platform.python_version()}, Polars {pl.__version__}, DuckDB {duckdb.__version__}",
        "load_average": [round(min(averages), 1), round(max(averages), 1)],
        "ratios": dict(found),
        "facts": dict(facts),
    }
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")


def _memory_gb() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)


def main() -> None:
    """Measure at one scale and print."""
    parser = argparse.ArgumentParser(description="The register at the size of France")
    parser.add_argument("--scale", type=Fraction, default=Fraction(1, 64), help="1 is France")
    parser.add_argument("--folder", type=Path, help="kept between runs; a temporary one if absent")
    parser.add_argument("--csv", action="store_true", help="CSV in a zip instead of Parquet")
    parser.add_argument("--load", action="store_true", help="one load and its floor, no more")
    parser.add_argument("--keep", action="store_true", help="leave the files in --folder")
    parser.add_argument("--record", action="store_true", help="keep the result in results.json")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="bench-france-"))
    if given.scale < 1:
        print(f"REDUCED: {given.scale} of France; the whole: python -m benchmarks france --scale 1")
    facts = measured(folder, given.scale, csv=given.csv, load_only=given.load)
    found = ratios(facts)
    told(facts, found)
    if given.record:
        record(given.scale, facts, found, csv=given.csv)
    if not given.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
