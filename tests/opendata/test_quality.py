"""The gates: what blocks, what warns, what waits for a person."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest
from descriptions import dataset as described
from establishments import REAL

from opendata.catalogue import Dataset
from opendata.errors import QualityError
from opendata.quality import (
    CheckResult,
    check_new_columns,
    check_rejected,
    check_table,
    reason_to_hold,
    require,
)

TABLE = "essai__sites"


def essai(**assertions: Any) -> Dataset:
    columns = [
        {"name": name, "type": kind, "fr": "x", "en": "x"}
        for name, kind in (("siret", "code"), ("siren", "code"), ("date", "date"), ("etat", "text"))
    ]
    table = {
        "title_fr": "x", "title_en": "x", "key": ["siret"], "date": "date", "columns": columns,
        "assertions": assertions,
    }  # fmt: skip
    return described(tables={TABLE: table})


def sites() -> pl.DataFrame:
    real = pl.read_csv(REAL, infer_schema=False)
    return real.select(
        "siret",
        "siren",
        pl.col("dateCreationEtablissement").str.to_date().alias("date"),
        pl.col("etatAdministratifEtablissement").alias("etat"),
        pl.lit("essai@1").alias("source_id"),
    ).sort("siret")


def check(
    rows: pl.DataFrame, previous: pl.DataFrame | None = None, **assertions: Any
) -> dict[str, CheckResult]:
    results = check_table(
        essai(**assertions),
        TABLE,
        rows.lazy(),
        previous=None if previous is None else previous.lazy(),
        today=dt.date(2026, 11, 23),
    )
    return {result.name: result for result in results}


def test_a_real_table_passes_every_gate() -> None:
    results = check(
        sites(), sites(), rows_floor=700, rows_ceiling=800, luhn_floor={"siret": 1.0, "siren": 1.0},
        fill_floor={"etat": 1.0}, changed_ceiling_min_rows=100,
    )  # fmt: skip
    assert set(results) == {
        "rows_floor", "rows_ceiling", "unique_key", "fill_floor:etat", "luhn_floor:siret",
        "luhn_floor:siren", "date_range", "rows_vs_previous", "changed_ceiling",
    }  # fmt: skip
    assert [name for name, result in results.items() if not result.passed] == []
    require(results.values(), dataset="essai")
    assert reason_to_hold(results.values()) is None


def test_40_percent_fewer_rows_block_the_version() -> None:
    found = check(sites().head(466), sites(), changed_ceiling_min_rows=10)
    gate = found["rows_vs_previous"]
    assert not gate.passed
    assert gate.severity == "error"
    assert "466 rows where the previous version had 777 (60.0%, at least 98.0%)" in gate.message
    # A shrunken file is refused, not offered for release as a mass change.
    assert "changed_ceiling" not in found
    with pytest.raises(QualityError, match="466 rows where the previous version had 777"):
        require(found.values(), dataset="essai")


def test_a_repeated_key_blocks_wherever_it_stands() -> None:
    twice = pl.concat([sites(), sites().head(3)])
    for rows in (twice, twice.sort("siret")):
        gate = check(rows)["unique_key"]
        assert not gate.passed
        assert gate.facts == {"rows": 780, "keys": 777}
        assert "3 of 780 rows repeat a key (siret)" in gate.message


def test_a_null_first_key_is_no_repetition_but_two_are() -> None:
    schema = sites().schema
    nothing = pl.DataFrame({name: [None] for name in schema}, schema=schema)
    assert check(pl.concat([nothing, sites()]))["unique_key"].passed
    assert not check(pl.concat([nothing, nothing, sites()]))["unique_key"].passed


def test_floors_and_ceilings_of_rows() -> None:
    found = check(sites(), rows_floor=778, rows_ceiling=776)
    assert (found["rows_floor"].passed, found["rows_floor"].severity) == (False, "error")
    assert (found["rows_ceiling"].passed, found["rows_ceiling"].severity) == (False, "warn")
    assert check(sites().clear())["rows_floor"].passed is False


def test_an_emptied_column_is_noticed() -> None:
    third = sites().with_columns(pl.when(pl.int_range(pl.len()) % 3 > 0).then("etat").alias("etat"))
    gate = check(third, fill_floor={"etat": 0.9})["fill_floor:etat"]
    assert not gate.passed
    assert gate.facts["good"] == 518
    assert check(third, fill_floor={"etat": 0.6})["fill_floor:etat"].passed


def test_shifted_identifiers_are_noticed_and_nulls_are_not_counted() -> None:
    numbered = sites().with_columns(pl.int_range(pl.len()).cast(pl.String).alias("siren"))
    gate = check(numbered, luhn_floor={"siren": 0.99})["luhn_floor:siren"]
    assert not gate.passed
    assert gate.facts["share"] < 0.2
    half = sites().with_columns(
        pl.when(pl.int_range(pl.len()) % 2 > 0).then("siren").alias("siren")
    )
    gate = check(half, luhn_floor={"siren": 1.0})["luhn_floor:siren"]
    assert gate.passed
    assert gate.facts["of"] == 388


@pytest.mark.parametrize("day", [dt.date(218, 10, 29), dt.date(2921, 3, 1)])
def test_absurd_dates_warn_and_do_not_block(day: dt.date) -> None:
    spoiled = sites().with_columns(
        pl.when(pl.int_range(pl.len()) == 5).then(pl.lit(day)).otherwise("date").alias("date")
    )
    found = check(spoiled)
    assert (found["date_range"].passed, found["date_range"].severity) == (False, "warn")
    assert day.isoformat() in found["date_range"].message
    require(found.values(), dataset="essai")


def test_a_mass_change_holds_the_version_and_says_how_to_release_it() -> None:
    changed = sites().with_columns(
        pl.when(pl.int_range(pl.len()) % 10 == 0).then(pl.lit("X")).otherwise("etat").alias("etat"),
        pl.lit("essai@2").alias("source_id"),
    )
    found = check(changed, sites(), changed_ceiling_min_rows=100)
    gate = found["changed_ceiling"]
    assert (gate.passed, gate.held) == (False, True)
    assert gate.facts["modified"] == 78
    assert reason_to_hold(found.values()) == gate.message
    assert "company-signals release essai" in gate.message
    require(found.values(), dataset="essai")
    assert check(changed, sites(), changed_ceiling=0.2, changed_ceiling_min_rows=100)[
        "changed_ceiling"
    ].passed
    # Small tables move a lot: the guard leaves them alone.
    assert "changed_ceiling" not in check(changed, sites(), changed_ceiling_min_rows=1000)


def test_where_a_row_comes_from_is_not_a_change() -> None:
    moved = sites().with_columns(pl.lit("essai@2").alias("source_id"))
    gate = check(moved, sites(), changed_ceiling_min_rows=1)["changed_ceiling"]
    assert gate.facts["share"] == 0


def test_references_are_counted_over_present_values() -> None:
    declared = essai(references={"siren": ("essai__units.numero", 0.9)})
    known = pl.LazyFrame({"numero": sites()["siren"].unique().sort().head(100)})
    rows = pl.concat(
        [sites(), sites().head(1).with_columns(pl.lit(None, pl.String).alias("siren"))]
    )
    results = check_table(declared, TABLE, rows.lazy(), others={"essai__units": known})
    gate = next(one for one in results if one.name == "references:siren")
    expected = sites().filter(pl.col("siren").is_in(known.collect()["numero"].implode())).height
    assert (gate.passed, gate.facts["found"], gate.facts["of"]) == (False, expected, 777)
    with pytest.raises(QualityError, match="references:siren"):
        require(results, dataset="essai")


def test_too_many_refused_records_block() -> None:
    declared = essai(rejected_ceiling=0.01)
    assert check_rejected(declared, 1000, 10).passed
    gate = check_rejected(declared, 1000, 11)
    assert not gate.passed
    assert "11 of 1,000 records refused (1.10%, at most 1.00%)" in gate.message
    with pytest.raises(QualityError):
        require([gate], dataset="essai")


def test_a_new_column_is_reported_once() -> None:
    (added,) = check_new_columns(["stock.naf25", "stock.ancien"], ["stock.ancien"])
    assert (added.passed, added.severity, added.facts) == (
        False,
        "warn",
        {"columns": ["stock.naf25"]},
    )
    assert "stock.naf25" in added.message
    assert check_new_columns(["stock.naf25"], ["stock.naf25", "stock.ancien"]) == []
    require([added], dataset="essai")
    assert reason_to_hold([added]) is None
