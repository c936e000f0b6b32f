"""StockEtablissement: from the zip to typed Parquet, against doing less.

The floor is what the fastest of two engines needs to turn the same CSV into Parquet
without looking at it: bare Polars and bare DuckDB, all text, same threads. Ours also
types 48 columns, checks identifiers digit by digit and accounts for every record.
Rounds are interleaved, so that a busy machine slows all of them alike.

Usage: ``python -m benchmarks.load_establishments [--rounds N] [--memory 1,4,16]``
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from opendata.catalogue import Column, Luhn, Resource, load_dataset
from opendata.contract import read_resource

ROOT = Path(__file__).resolve().parents[1]
REAL = "sirene/JugurthaK+sirene/StockEtablissement_utf8.zip"
REDUCED = ROOT / "tests" / "data" / "sirene" / "2020-06" / "StockEtablissement_utf8.csv"
LA_POSTE = Luhn(exempt_prefix="356000000", exempt_digit_sum_multiple_of=5)
TYPES = {
    "dateCreationEtablissement": "date",
    "dateDebut": "date",
    "dateDernierTraitementEtablissement": "timestamp",
    "etablissementSiege": "boolean",
    "anneeEffectifsEtablissement": "integer",
    "nombrePeriodesEtablissement": "integer",
}
RULES: dict[str, dict[str, Any]] = {
    "siren": {"pattern": "[0-9]{9}", "luhn": Luhn(), "nullable": False},
    "siret": {"pattern": "[0-9]{14}", "luhn": LA_POSTE, "nullable": False},
    "nic": {"pattern": "[0-9]{5}", "nullable": False},
    "statutDiffusionEtablissement": {"one_of": ("O", "P", "N")},
    "etatAdministratifEtablissement": {"one_of": ("A", "F")},
    "codePostalEtablissement": {"pattern": "[0-9]{5}", "on_error": "null"},
    "codeCommuneEtablissement": {"pattern": "[0-9AB]{5}", "on_error": "null"},
    "dateCreationEtablissement": {"on_error": "null"},
    "dateDebut": {"on_error": "null"},
}


def contract(csv: Path) -> Resource:
    """Return a contract of every column of the file, with the rules of the register."""
    header = csv.open(encoding="utf-8").readline().strip().split(",")
    described = (
        {"name": name, "fr": name, "en": name, "type": TYPES.get(name, "text")} for name in header
    )
    columns = tuple(
        Column.model_validate({**one, **RULES.get(one["name"], {})}) for one in described
    )
    return Resource(name="establishments", id="bench", format="csv", columns=columns)


def unpacked(work: Path) -> tuple[Path, Path | None]:
    """Return the CSV to read and the zip it came from; the reduced set has no zip."""
    folder = Path(os.environ.get("BENCH_DATA", ROOT.parent / "shared" / "data"))
    archive = folder / REAL
    target = work / "StockEtablissement_utf8.csv"
    if archive.exists():
        unzip(archive, target)
        return target, archive
    print(f"{archive.name} is not there (BENCH_DATA): REDUCED set, the bundled rows 500 times\n")
    repeated(REDUCED, target, 500)
    return target, None


def unzip(archive: Path, target: Path) -> None:
    """Write the only member of the archive to ``target``."""
    with zipfile.ZipFile(archive) as opened:
        (member,) = [name for name in opened.namelist() if name.endswith(".csv")]
        with opened.open(member) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)


def repeated(source: Path, target: Path, times: int) -> None:
    """Write the records of ``source`` several times under one header."""
    with target.open("wb") as sink, source.open("rb") as stream:
        sink.write(stream.readline())
        start = stream.tell()
        for _ in range(times):
            stream.seek(start)
            shutil.copyfileobj(stream, sink, 1 << 20)


def by_polars(csv: Path, work: Path) -> None:
    """Copy the text to Parquet with bare Polars."""
    pl.scan_csv(csv, infer_schema=False).sink_parquet(work / "polars.parquet", compression="zstd")


def by_duckdb(csv: Path, work: Path) -> None:
    """Copy the text to Parquet with bare DuckDB, as many threads."""
    with duckdb.connect(config={"threads": pl.thread_pool_size()}) as db:
        db.execute(
            f"COPY (FROM read_csv('{csv}', all_varchar = true, header = true)) "
            f"TO '{work / 'duckdb.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
        )


def by_us(csv: Path, work: Path) -> str:
    """Read the file by its contract; say what became of its records."""
    result = read_resource(contract(csv), [csv], work=work / "ours")
    assert result.accepted + result.rejected_rows == result.read
    return (
        f"{result.accepted:,} accepted + {result.rejected_rows:,} quarantined = "
        f"{result.read:,} records"
    )


def by_dataset(csv: Path, work: Path) -> str:
    """Read the file by the contract that the pipeline has for it; say the same."""
    described = load_dataset(ROOT / "assets" / "sirene" / "dataset.yml")
    resource = described.resource("stock-etablissement")
    result = read_resource(resource, [csv], work=work / "dataset")
    shutil.rmtree(work / "dataset")
    return (
        f"{result.accepted:,} accepted + {result.rejected_rows:,} quarantined = "
        f"{result.read:,} records; {result.rules or 'no rule broken'}"
    )


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return elapsed and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(csv: Path, archive: Path | None, work: Path, rounds: int) -> None:
    """Print every time measured, the medians and the ratio."""
    ways: dict[str, Callable[[], object]] = {
        "floor Polars": lambda: by_polars(csv, work),
        "floor DuckDB": lambda: by_duckdb(csv, work),
        "ours": lambda: by_us(csv, work),
    }
    if archive is not None:
        ways["unzip"] = lambda: unzip(archive, csv)
    for way in ways.values():
        way()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(timed(way))
    wall = {name: statistics.median(one for one, _ in found) for name, found in times.items()}
    cpu = {name: statistics.median(one for _, one in found) for name, found in times.items()}
    print(f"{'':<14} {'median':>7} {'cpu':>7}   all (seconds, warm, interleaved)")
    for name, found in times.items():
        every = " ".join(f"{one:.2f}" for one, _ in found)
        print(f"{name:<14} {wall[name]:>7.2f} {cpu[name]:>7.2f}   {every}")
    floor = min(("floor Polars", "floor DuckDB"), key=wall.__getitem__)
    rows = read_rows(work / "ours" / "establishments.parquet")
    slower, busier = wall["ours"] / wall[floor], cpu["ours"] / cpu[floor]
    print(f"\nours / {floor}: {slower:.2f} elapsed, {busier:.2f} processor")
    print(f"{rows / wall['ours']:,.0f} rows/s typed, checked and counted")
    if archive is not None:
        whole, least = wall["unzip"] + wall["ours"], wall["unzip"] + wall[floor]
        print(f"zip to typed Parquet: {whole:.2f} s, {whole / least:.2f} x unzip and floor")


def read_rows(path: Path) -> int:
    """Return the number of rows of a Parquet file."""
    return int(pl.scan_parquet(path).select(pl.len()).collect().item())


# VmHWM starts anew with the program; getrusage would show the peak of the parent.
PEAK = """
import sys
from pathlib import Path
from benchmarks.load_establishments import by_us
by_us(Path(sys.argv[1]), Path(sys.argv[2]))
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


def memory(csv: Path, work: Path, sizes: list[int]) -> None:
    """Print the peak memory of a process that reads the file, at several sizes."""
    print(f"\n{'size':>6} {'rows':>12} {'CSV MB':>8} {'peak MB':>8}")
    for times in sizes:
        larger = work / f"x{times}.csv"
        repeated(csv, larger, times)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(larger), str(work)],
            check=True, capture_output=True, text=True, cwd=ROOT,
        )  # fmt: skip
        rows = read_rows(work / "ours" / "establishments.parquet")
        peak = int(done.stdout) / 1024
        print(f"{times:>5}x {rows:>12,} {larger.stat().st_size / 1e6:>8.0f} {peak:>8.0f}")
        larger.unlink()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="From the zip to typed Parquet")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="1,4", help="multiples of the file, e.g. 1,4,16")
    arguments = parser.parse_args()
    print(f"Polars {pl.__version__}, DuckDB {duckdb.__version__}, {pl.thread_pool_size()} threads")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        work = Path(folder)
        csv, archive = unpacked(work)
        print(f"{csv.name}: {csv.stat().st_size / 1e6:,.0f} MB, {by_us(csv, work)}")
        print(f"by the contract of assets/sirene: {by_dataset(csv, work)}\n")
        compare(csv, archive, work, arguments.rounds)
        memory(csv, work, [int(one) for one in arguments.memory.split(",") if one])


if __name__ == "__main__":
    main()
