"""Parquet files: same rows, same bytes, licence inside, atomic."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from opendata import files, parquet, warehouse
from opendata.errors import StateError

INFO = {"dataset": "essai", "licence_id": "lov2", "attribution": "Insee, « base Sirene »"}


def shuffled(rows: int = 5000, seed: int = 1) -> pl.LazyFrame:
    numbers = pl.int_range(rows, eager=True).shuffle(seed=seed)
    return pl.LazyFrame({"k": numbers, "v": numbers.cast(pl.String).str.zfill(9)})


def test_rows_come_back_sorted_with_their_hash_and_origin(tmp_path: Path) -> None:
    target = tmp_path / "t" / "a.parquet"
    written = parquet.sink(shuffled(), target, metadata=INFO, sort_by=["k"])
    assert pl.read_parquet(target)["k"].to_list() == list(range(5000))
    assert written.rows == parquet.count(target) == 5000
    assert written.sha256 == hashlib.sha256(target.read_bytes()).hexdigest()
    assert written.bytes == target.stat().st_size
    assert parquet.metadata(target) == INFO
    assert [path.name for path in target.parent.iterdir()] == ["a.parquet"]


def test_the_order_of_the_input_does_not_show_in_the_bytes(tmp_path: Path) -> None:
    hashes = {
        parquet.sink(shuffled(seed=seed), tmp_path / f"{seed}.parquet", sort_by=["k"]).sha256
        for seed in (1, 2, 3)
    }
    assert len(hashes) == 1


def test_a_sort_on_disk_gives_the_bytes_of_a_sort_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = parquet.sink(shuffled(), tmp_path / "a.parquet", metadata=INFO, sort_by=["v"])
    monkeypatch.setattr(parquet, "SORT_IN_MEMORY", 10)
    there = parquet.sink(shuffled(), tmp_path / "b.parquet", metadata=INFO, sort_by=["v"])
    assert here.sha256 == there.sha256
    assert sorted(path.name for path in tmp_path.glob("*.parquet*")) == ["a.parquet", "b.parquet"]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_number_of_threads_does_not_show_in_the_bytes(tmp_path: Path, seed: int) -> None:
    script = (
        "import sys, polars as pl; from pathlib import Path; from opendata import parquet\n"
        f"n = pl.int_range(400_000, eager=True).shuffle(seed={seed})\n"
        "f = pl.LazyFrame({'k': n, 'v': (n % 97).cast(pl.String)})\n"
        "print(parquet.sink(f, Path(sys.argv[1]), sort_by=['v', 'k']).sha256)\n"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / f"{threads}.parquet")],
            env={**os.environ, "POLARS_MAX_THREADS": str(threads)},
            check=True, capture_output=True, text=True,
        ).stdout
        for threads in (1, 3)
    }  # fmt: skip
    assert len(hashes) == 1


def test_a_failed_write_leaves_the_former_file(tmp_path: Path) -> None:
    target = tmp_path / "a.parquet"
    parquet.sink(pl.LazyFrame({"k": [1]}), target)
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        parquet.sink(pl.LazyFrame({"k": [2]}).select("absent"), target)
    assert pl.read_parquet(target)["k"].to_list() == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_kill_before_the_rename_leaves_the_former_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.parquet"
    parquet.sink(pl.LazyFrame({"k": [1]}), target)
    reached: list[str] = []

    def stop(point: str) -> None:
        reached.append(point)
        if point == "table:before-rename":
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "on_point", stop)
    with pytest.raises(KeyboardInterrupt):
        parquet.sink(pl.LazyFrame({"k": [2]}), target, point="table")
    assert pl.read_parquet(target)["k"].to_list() == [1]
    assert reached[-1] == "table:before-rename"


@pytest.mark.parametrize(
    ("rows", "ordered"),
    [
        ([(1, "a"), (1, "b"), (2, "a")], True),
        ([(1, "b"), (1, "a")], False),
        ([(2, "a"), (1, "b")], False),
        ([(None, "b"), (1, "a")], True),
        ([(1, "a"), (None, "b")], False),
        ([(1, None), (1, "a"), (2, None)], True),
        ([(1, "a"), (1, None)], False),
        ([(None, None), (None, "a")], True),
        ([(1, "a"), (1, "a")], True),
        ([], True),
    ],
)
def test_order_is_judged_over_all_the_columns(rows: list[tuple[int, str]], ordered: bool) -> None:
    frame = pl.LazyFrame(rows, schema={"x": pl.Int64, "y": pl.String}, orient="row")
    assert parquet.in_order(frame, ["x", "y"]) is ordered


def test_what_is_not_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 cut")
    with pytest.raises(StateError, match="not a readable Parquet file"):
        parquet.metadata(tmp_path / "a.parquet")


def numbered(count: int) -> pl.LazyFrame:
    numbers = pl.int_range(count, eager=True)
    shuffled = (numbers * 7919) % count
    return pl.LazyFrame(
        {"key": shuffled, "text": shuffled.cast(pl.String).str.pad_start(40, "x")},
    )


def test_large_files_spill_encrypted_and_are_written_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limits are lowered so that DuckDB really spills, encrypted, as on a national file."""
    small = tmp_path / "small.parquet"
    assert parquet.sink(numbered(600_000), small, sort_by=["text"]).rows == 600_000
    monkeypatch.setattr(parquet, "SORT_IN_MEMORY", 1000)
    opened = warehouse.Warehouse.in_memory
    monkeypatch.setattr(
        warehouse.Warehouse,
        "in_memory",
        lambda **more: opened(**more, memory_limit="48MB", threads=1),
    )
    large = tmp_path / "large.parquet"
    assert parquet.sink(numbered(600_000), large, sort_by=["text"]).rows == 600_000
    assert large.read_bytes() == small.read_bytes()
    assert pl.read_parquet(large)["text"].is_sorted()


@pytest.mark.parametrize("part", [1, 3, 1_000])
def test_rows_out_of_order_only_within_a_group_are_sorted_as_they_pass(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "PART_ROWS", part)
    groups = [f"{at:04d}" for at in range(300) for _ in range(at % 4)]
    newest_first = pl.DataFrame({"k": groups}).with_columns(
        pl.int_range(pl.len(), 0, -1).alias("day"), pl.int_range(pl.len()).alias("v")
    )
    newest_first.write_parquet(tmp_path / "rows.parquet")
    rows = pl.scan_parquet(tmp_path / "rows.parquet")
    arranged = parquet.arranged(rows, ("k", "day"), tmp_path / "work.parquet")
    assert arranged.collect(engine="streaming").equals(newest_first.sort("k", "day"))
    assert (
        arranged.select("v").head(5).collect().rows()
        == newest_first.sort("k", "day").select("v").head(5).rows()
    )
    kept = arranged.filter(pl.col("v") % 7 == 0).select("day").collect()
    assert kept.equals(newest_first.sort("k", "day").filter(pl.col("v") % 7 == 0).select("day"))
    assert not (tmp_path / "work.parquet").exists(), "nothing is written on the way"


def test_rows_in_no_order_are_sorted_on_the_way(tmp_path: Path) -> None:
    rows = shuffled()
    arranged = parquet.arranged(rows, ("k",), tmp_path / "work.parquet")
    assert arranged.collect()["k"].to_list() == list(range(5000))
    assert parquet.arranged(arranged, ("k",), tmp_path / "none.parquet") is arranged
