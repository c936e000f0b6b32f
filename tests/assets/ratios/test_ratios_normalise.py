"""Annual accounts, on the fourteen real rows of ``tests/data/ratios``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.ratios.normalise import normalise
from opendata.catalogue import load_dataset
from opendata.contract import read_resource
from opendata.typing_rules import DTYPES

ROOT = Path(__file__).parents[3]
FILE = ROOT / "tests/data/ratios/ratios.csv"
DATASET = load_dataset(ROOT / "assets/ratios/dataset.yml")
RESOURCE = DATASET.resource("ratios")
TABLE = "ratios__years"
LINES = FILE.read_text(encoding="utf-8").splitlines()
Read = Callable[[list[str]], pl.DataFrame]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def table(lines: list[str]) -> pl.DataFrame:
        path = tmp_path / "ratios.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        result = read_resource(RESOURCE, [path], work=tmp_path / "w")
        assert result.rejected_rows == 0, result.rules
        return normalise({"ratios": pl.scan_parquet(result.path)})[TABLE].collect()

    return table


def test_the_real_rows(read: Read) -> None:
    table = read(LINES)
    described = DATASET.described_columns(TABLE)[:-1]
    assert dict(table.schema) == {one.name: DTYPES[one.type] for one in described}
    assert table.height == 14
    group = table.filter(siren="552032534", type_bilan="K").select(
        "date_cloture", "chiffre_affaires_eur", "resultat_net_eur"
    )
    assert group.rows() == [
        (date(2016, 12, 31), 21_944_000_000.0, 0.0),
        (date(2018, 12, 31), 24_812_000_000.0, 2_559_000_000.0),
        # In k€ among euros: kept as published, the rules that compare years refuse it.
        (date(2019, 12, 31), 25_287_000.0, 2_028_000_000.0),
        (date(2021, 12, 31), 24_281_000_000.0, 1_992_000_000.0),
        (date(2022, 12, 31), 24_281_000_000.0, 0.0),
    ]


def test_a_turnover_of_zero_is_unknown(read: Read) -> None:
    partly = read(LINES).filter(siren="487444697")
    assert partly["chiffre_affaires_eur"].to_list() == [None, 532463.0, None, 1848367.0]
    assert partly["confidentialite"].unique().sort().to_list() == [
        "Partiellement confidentiel",
        "Public",
    ]


def test_the_last_of_two_rows_counts(read: Read) -> None:
    former = LINES[1].replace("24812000000", "1")
    for order, kept in (([former, LINES[1]], 24_812_000_000.0), ([LINES[1], former], 1.0)):
        assert read([LINES[0], *order])["chiffre_affaires_eur"].to_list() == [kept]


def test_overflow_is_unknown(read: Read) -> None:
    row = LINES[1].replace("24812000000", "2147483647")
    assert read([LINES[0], row])["chiffre_affaires_eur"].to_list() == [None]


def test_the_headers_of_the_other_portal(read: Read) -> None:
    header = LINES[0].replace("chiffre_d", "Chiffre_d").replace("resultat_net", "Resultat_net")
    assert header != LINES[0]
    assert read([header, LINES[1]])["resultat_net_eur"].to_list() == [2_559_000_000.0]


def test_a_number_without_its_zeros_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ratios.csv"
    path.write_text("\n".join([LINES[0], LINES[1].replace("552032534", "55203253")]) + "\n")
    result = read_resource(RESOURCE, [path], work=tmp_path / "w")
    assert (result.accepted, result.rules) == (0, {"siren:luhn": 1})
