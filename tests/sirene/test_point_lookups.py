"""One unit on one day costs the row groups that can hold it, not the history of France.

Synthetic: numbers in order, as many as fill several row groups of the published size.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from opendata import parquet
from opendata.assembly import Content, assemble
from opendata.warehouse import Warehouse
from sirene.periods import SITE_PERIODS, at
from sirene.views import VIEWS

UNITS, PERIODS = 60_000, 8
VIEW = "sirene__establishments_as_of"
DAY = date(2024, 6, 1)


def numbers(unit: int) -> tuple[str, str]:
    """Return the SIREN and the SIRET of a unit."""
    return f"{100_000_000 + unit * 10}", f"{100_000_000 + unit * 10}00011"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write periods as a run does, from rows in no order of numbers."""
    work = tmp_path_factory.mktemp("periods")
    unit = pl.int_range(UNITS).repeat_by(PERIODS).explode()
    rows = pl.select(unit=unit).with_columns(turn=PERIODS - 1 - pl.int_range(pl.len()) % PERIODS)
    siren = (100_000_000 + pl.col("unit") * 10).cast(pl.String)
    starts = pl.date(2010 + pl.col("turn") * 2, 1, 1)
    ends = starts.dt.offset_by("2y") - pl.duration(days=1)
    periods = rows.select(
        siren=siren,
        siret=siren + "00011",
        date_debut=starts,
        date_fin=pl.when(pl.col("turn") < PERIODS - 1).then(ends),
        enseigne_1=pl.format("SIGN {}", pl.struct("unit", "turn").hash()),
    )
    key = ("siret", "date_debut")
    path = work / "periods.parquet"
    parquet.sink(periods.sort("date_debut", "siret").lazy(), path, sort_by=key)
    return path


def holding(path: Path, column: str, value: str) -> list[int]:
    """Return the row groups whose statistics do not rule ``value`` out."""
    footer = pq.ParquetFile(path).metadata
    index = footer.schema.to_arrow_schema().get_field_index(column)
    found = []
    for group in range(footer.num_row_groups):
        seen = footer.row_group(group).column(index).statistics
        assert seen is not None
        assert seen.has_min_max
        if seen.min <= value <= seen.max:
            found.append(group)
    return found


def damaged(path: Path, spared: list[int], target: Path) -> Path:
    """Write a copy whose data pages are noise, but for the row groups that are spared."""
    footer, content = pq.ParquetFile(path).metadata, bytearray(path.read_bytes())
    for group in set(range(footer.num_row_groups)) - set(spared):
        for column in range(footer.num_columns):
            chunk = footer.row_group(group).column(column)
            pages = [chunk.data_page_offset, chunk.dictionary_page_offset or chunk.data_page_offset]
            start = min(pages)
            content[start : start + chunk.total_compressed_size] = bytes(
                chunk.total_compressed_size
            )
    target.write_bytes(content)
    return target


def warehouse(path: Path, target: Path) -> Path:
    """Build the warehouse of a national table: a view over the file, not a copy."""
    view = VIEWS[VIEW]
    contents = {
        SITE_PERIODS: Content([path], ("siret", "date_debut")),
        VIEW: Content((), (), query=view.query, parameters=view.parameters),
    }
    assemble(contents, target, view_above=1000)
    return target


@pytest.mark.parametrize("key", ["siren", "siret"])
@pytest.mark.parametrize("unit", [0, UNITS // 2, UNITS - 1])
def test_only_the_row_groups_that_can_hold_it_are_read(
    published: Path, tmp_path: Path, key: str, unit: int
) -> None:
    value = dict(zip(("siren", "siret"), numbers(unit), strict=True))[key]
    groups = holding(published, key, value)
    assert pq.ParquetFile(published).metadata.num_row_groups >= 4
    assert len(groups) <= 2, "a unit stands in one row group, or at the edge of two"

    # The others may hold anything: they are not looked at.
    path = damaged(published, groups, tmp_path / "periods.parquet")
    (row,) = at(pl.scan_parquet(path), DAY).filter(pl.col(key) == value).collect().to_dicts()
    assert (row["siren"], row["date_debut"]) == (numbers(unit)[0], date(2024, 1, 1))
    with Warehouse.read_only(warehouse(path, tmp_path / "warehouse.duckdb")) as database:
        asked = f"FROM {VIEW}(DATE '{DAY}') WHERE {key} = '{value}'"
        assert database.rows(f"SELECT siren, date_debut {asked}") == [
            (row["siren"], row["date_debut"])
        ]


def test_the_noise_would_be_noticed(published: Path, tmp_path: Path) -> None:
    path = damaged(published, [], tmp_path / "periods.parquet")
    with pytest.raises(pl.exceptions.PolarsError):
        pl.scan_parquet(path).filter(pl.col("siren") == numbers(0)[0]).collect()


def test_the_footer_of_a_large_table_is_read_once(published: Path, tmp_path: Path) -> None:
    with Warehouse.read_only(warehouse(published, tmp_path / "warehouse.duckdb")) as database:
        assert database.rows("SELECT current_setting('parquet_metadata_cache')") == [(True,)]
