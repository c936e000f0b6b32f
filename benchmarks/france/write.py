"""The made register as files: official names and layouts, two months.

Belongs here: writing by ranges of units, so that memory does not grow with the register;
leaving finished files alone when run again; looking at the disk first. Does not belong here:
what the rows say.

Usage: ``python -m benchmarks.france.write FOLDER [--scale 1/16] [--csv] [--month 0|1]``
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from benchmarks.france import expected, histories, sites, units
from benchmarks.france.measured import Pools, pools
from benchmarks.france.recipe import AFTER, BEFORE, FRANCE, Plan, plan

#: Units made at a time: about 0.5 GB of rows.
RANGE = 200_000
ROW_GROUP = 1 << 17
Make = Callable[[Plan, int, Pools], pl.DataFrame]
FILES: dict[str, Make] = {
    "StockUniteLegale": units.units,
    "StockEtablissement": sites.sites,
    "StockUniteLegaleHistorique": histories.unit_periods,
    "StockEtablissementHistorique": histories.site_periods,
    "StockEtablissementLiensSuccession": histories.successions,
    "StockDoublons": histories.duplicates,
}
#: Bytes a unit in all six files of one month, as zstd Parquet and as unpacked CSV.
_PARQUET_BYTES, _CSV_BYTES = 240, 1_200
_SPARE = 4 << 30


def size_of(scale: Fraction) -> int:
    """Return the number of units at a scale; even, for sales join two."""
    return int(FRANCE * scale) // 2 * 2


def ranges(size: int, step: int = RANGE) -> Iterator[tuple[int, int]]:
    """Return the ranges of units of a register."""
    for start in range(0, size, step):
        yield start, min(size, start + step)


def parts(
    make: Make, month: int, size: int, made_of: Pools, intensity: int = 1
) -> Iterator[pl.DataFrame]:
    """Make the rows of one file range by range, one at a time in memory."""
    for start, stop in ranges(size):
        yield make(plan(start, stop, size, made_of, intensity=intensity), month, made_of)


def expectations(size: int, made_of: Pools, folder: Path, intensity: int = 1) -> None:
    """Write what a comparison of the two months must find, from the recipe alone."""
    found: dict[str, list[pl.DataFrame]] = {"changes": [], "units": [], "sites": []}
    if all((folder / f"expected_{name}.parquet").exists() for name in found):
        return
    for start, stop in ranges(size):
        one = plan(start, stop, size, made_of, intensity=intensity)
        found["changes"].append(expected.changes(one, made_of))
        found["units"].append(expected.unit_rows(one))
        found["sites"].append(expected.site_rows(one))
    for name, frames in found.items():
        whole(folder / f"expected_{name}.parquet", pl.concat(frames).write_parquet)


def whole(target: Path, write: Callable[[Path], Any]) -> None:
    """Write a file under another name first, so that a name stands for a finished file."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name}.part")
    write(temporary)
    temporary.replace(target)


def month_folder(folder: Path, month: int) -> Path:
    """Return where the files of a month lie."""
    return folder / (BEFORE, AFTER)[month].isoformat()


def parquet(frames: Iterator[pl.DataFrame], target: Path) -> None:
    """Write one file as the publisher's Parquet.

    By pyarrow, which writes a row group when it is given one: a sink of Polars takes in ranges
    faster than it writes them, and held 10 GB of them at full size.
    """
    left = next(frames)
    with pq.ParquetWriter(target, left.to_arrow().schema, compression="zstd") as writer:
        for frame in frames:
            left = pl.concat([left, frame])
            ready = left.height // ROW_GROUP * ROW_GROUP
            if ready:
                writer.write_table(left.head(ready).to_arrow(), row_group_size=ROW_GROUP)
                left = left.slice(ready)
        writer.write_table(left.to_arrow(), row_group_size=ROW_GROUP)


def zipped_csv(frames: Iterator[pl.DataFrame], target: Path) -> None:
    """Write one file as the publisher's CSV in a zip, straight into it."""
    name = target.name.partition(".")[0] + "_utf8.csv"
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(name, "w", force_zip64=True) as file,
    ):
        for number, frame in enumerate(frames):
            frame.with_columns(
                pl.selectors.boolean().cast(pl.String),
                pl.selectors.datetime().dt.strftime("%Y-%m-%dT%H:%M:%S"),
            ).write_csv(file, include_header=number == 0)


def require_space(folder: Path, needed: int) -> None:
    """Stop before anything is written if the disk is too full.

    Raises:
        SystemExit: with what is free and what is needed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE:
        raise SystemExit(
            f"{free / 1e9:.0f} GB free under {folder}, {(needed + _SPARE) / 1e9:.0f} GB needed: "
            "choose another folder or a smaller --scale"
        )


def write(
    folder: Path, scale: Fraction, *, csv: bool = False, months: tuple[int, ...] = (0, 1)
) -> dict[str, Any]:
    """Write every file that is not there yet; return what was measured on the way."""
    size = size_of(scale)
    require_space(folder, len(months) * size * (_CSV_BYTES if csv else _PARQUET_BYTES))
    made_of = pools()
    began = time.perf_counter()
    for month in months:
        for name, make in FILES.items():
            target = month_folder(folder, month) / f"{name}.{'zip' if csv else 'parquet'}"
            started = time.perf_counter()
            fresh = not target.exists()
            whole(
                target, partial(zipped_csv if csv else parquet, parts(make, month, size, made_of))
            )
            if fresh:
                took, size_mb = time.perf_counter() - started, target.stat().st_size / 1e6
                print(
                    f"{target.parent.name} {target.name:<44} {size_mb:>9,.0f} MB {took:>7.1f} s",
                    flush=True,
                )
    expectations(size, made_of, folder)
    facts = {
        "scale": str(scale),
        "units": size,
        "distributions": made_of.source,
        "seconds": round(time.perf_counter() - began, 1),
        "peak_mb": peak_mb(),
        "bytes": {path.parent.name + "/" + path.name: path.stat().st_size
                  for path in sorted(folder.glob("*/Stock*"))},
    }  # fmt: skip
    notes = folder / "made.json"
    if not notes.exists():
        notes.write_text(json.dumps(facts, indent=1))
    return facts


def held_bytes(folder: Path) -> int:
    """Return the bytes of the files under a folder; those that vanish meanwhile do not count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def peak_mb() -> int:
    """Return the most memory this process has held."""
    status = Path("/proc/self/status").read_text()
    return (
        int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
        // 1024
    )


def forget_peak() -> None:
    """Let :func:`peak_mb` count from here (proc(5), ``clear_refs``)."""
    Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    """Write the files and say how large they are."""
    parser = argparse.ArgumentParser(description="Official-format files of a made register")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=Fraction, default=Fraction(1, 64))
    parser.add_argument("--csv", action="store_true", help="CSV in a zip instead of Parquet")
    parser.add_argument("--month", type=int, action="append", choices=(0, 1))
    given = parser.parse_args()
    os.nice(10)
    facts = write(given.folder, given.scale, csv=given.csv, months=tuple(given.month or (0, 1)))
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
