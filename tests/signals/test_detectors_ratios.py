"""Rules on annual accounts: the traps are real (Danone, 487444697), growth is *synthetic*."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from event_worlds import World, rows, told

from assets.ratios.normalise import normalise
from opendata.catalogue import load_dataset
from opendata.contract import read_resource

ROOT = Path(__file__).parents[2]
FILE = ROOT / "tests/data/ratios/ratios.csv"
RESOURCE = load_dataset(ROOT / "assets/ratios/dataset.yml").resource("ratios")
TABLE = "ratios__years"
TURNS = ("turned_to_loss", "turned_to_profit")
CODES = ("revenue_growth", "revenue_drop", *TURNS)
LAST: dict[str, Any] = {
    "siren": "552032534", "date_cloture": date(2023, 12, 31), "type_bilan": "C",
    "chiffre_affaires_eur": 1_200_000.0, "resultat_net_eur": 50_000.0,
}  # fmt: skip
FORMER = {
    **LAST, "date_cloture": date(2022, 12, 31), "chiffre_affaires_eur": 1_000_000.0,
    "resultat_net_eur": 40_000.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    result = read_resource(RESOURCE, [FILE], work=tmp_path_factory.mktemp("ratios"))
    table = normalise({"ratios": pl.scan_parquet(result.path)})[TABLE]
    source = pl.lit("ratios@v1").alias("source_id")
    return table.with_columns(source, publication_date=pl.date(2024, 12, 12)).collect()


@pytest.mark.parametrize("year", range(2019, 2024))
def test_real_traps_give_no_growth_and_one_loss(real: pl.DataFrame, year: int) -> None:
    """Danone's k€ of 2019, its copied 2022, an unknown turnover of 0: none is a movement."""
    day = date(year + 1, 6, 1)
    known = real.filter(pl.col("date_cloture") < pl.date(year, 1, 1))
    world = World(day, {TABLE: real}, {TABLE: known})
    found = [
        (code, event["siren"], event["occurred_at"])
        for code in CODES
        for event in told(code, world)
    ]
    recent = [one for one in found if one[2].year == year]
    loss = ("turned_to_loss", "487444697", date(2021, 12, 31))
    assert recent == [loss] * (year == 2021)


def test_golden_loss(real: pl.DataFrame) -> None:
    known = real.filter(pl.col("date_cloture") < pl.date(2021, 1, 1))
    world = World(date(2022, 6, 1), {TABLE: real}, {TABLE: known})
    (event,) = told("turned_to_loss", world)
    assert event["title_fr"] == "Perte en 2021 : 716 k€"
    assert json.loads(event["before"])["resultat_net_eur"] == 2198.0
    assert event["dataclassification"] is None, "own accounts do not prove a company"


def moved(code: str, last: Mapping[str, Any], former: Mapping[str, Any] = FORMER) -> Any:
    state = {TABLE: rows(TABLE, former, last)}
    return told(code, World(date(2024, 7, 1), state, {TABLE: rows(TABLE, former)}))


def test_growth_and_drop() -> None:
    (event,) = moved("revenue_growth", LAST)
    assert event["title_fr"] == "Chiffre d'affaires 2023 : +20 %, 1,2 M€"
    assert moved("revenue_drop", LAST) == []
    (event,) = moved("revenue_drop", {**LAST, "chiffre_affaires_eur": 800_000.0})
    assert event["title_en"] == "Turnover 2023: -20%, €800k"


@pytest.mark.parametrize(
    "values",
    [
        {"chiffre_affaires_eur": 1_190_000.0},
        {"chiffre_affaires_eur": 5_000_001.0},
        {"chiffre_affaires_eur": 1_200.0},
        {"chiffre_affaires_eur": None},
        {"date_cloture": date(2023, 10, 31)},
        {"date_cloture": date(2024, 2, 29)},
        {"type_bilan": "K"},
        {"resultat_net_eur": 40_000.0},
        {"date_cloture": date(2022, 6, 30)},
    ],
    ids=["less", "k€", "to k€", "unknown", "short", "long", "other kind", "copied", "before"],
)
def test_no_movement_of_turnover(values: Mapping[str, Any]) -> None:
    for code in ("revenue_growth", "revenue_drop"):
        assert moved(code, {**LAST, **values}) == []


@pytest.mark.parametrize("code", ["revenue_growth", "revenue_drop"])
def test_years_without_turnover_are_not_compared(code: str) -> None:
    # Negative turnovers stand in the file; their quotient looks like one.
    values = {"chiffre_affaires_eur": -1_200_000.0 if code == "revenue_growth" else -800_000.0}
    former = {**FORMER, "chiffre_affaires_eur": -1_000_000.0}
    assert moved("revenue_growth", {**LAST, **values}, former) == []
    assert moved("revenue_drop", {**LAST, **values}, former) == []


@pytest.mark.parametrize("turnover", [1_200_000.0, 800_000.0])
def test_a_result_of_nothing_twice_is_no_copy(turnover: float) -> None:
    last = {**LAST, "chiffre_affaires_eur": turnover, "resultat_net_eur": 0.0}
    code = "revenue_growth" if turnover > 1e6 else "revenue_drop"
    assert len(moved(code, last, {**FORMER, "resultat_net_eur": 0.0})) == 1


#: What makes each of the four speak: the year before, the year.
PAIRS = {
    "revenue_growth": (FORMER, LAST),
    "revenue_drop": (FORMER, {**LAST, "chiffre_affaires_eur": 800_000.0}),
    "turned_to_loss": (FORMER, {**LAST, "resultat_net_eur": -50_000.0}),
    "turned_to_profit": ({**FORMER, "resultat_net_eur": -40_000.0}, LAST),
}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    "values",
    [
        {"date_cloture": date(2023, 10, 31)},
        {"date_cloture": date(2024, 2, 29)},
        {"type_bilan": "K"},
        {"chiffre_affaires_eur": FORMER["chiffre_affaires_eur"]},
    ],
    ids=["short year", "long year", "other accounts", "copied turnover"],
)
def test_what_cannot_be_compared_is_no_movement(code: str, values: Mapping[str, Any]) -> None:
    former, last = PAIRS[code]
    assert moved(code, {**last, **values}, former) == []


@pytest.mark.parametrize("code", ["revenue_growth", "revenue_drop"])
def test_a_copied_result_is_no_movement_of_turnover(code: str) -> None:
    former, last = PAIRS[code]
    assert moved(code, {**last, "resultat_net_eur": former["resultat_net_eur"]}, former) == []


@pytest.mark.parametrize("code", CODES)
def test_a_year_told_in_two_kinds_of_accounts_is_one_event_of_the_group(code: str) -> None:
    former, last = PAIRS[code]
    group = {"type_bilan": "K"}
    before = rows(TABLE, former, {**former, **group})
    after = rows(TABLE, former, last, {**former, **group}, {**last, **group})
    (event,) = told(code, World(date(2024, 7, 1), {TABLE: after}, {TABLE: before}))
    assert event["dataclassification"] == "company"


@pytest.mark.parametrize("code", TURNS)
@pytest.mark.parametrize(
    ("was", "now"),
    [(1_000_000.0, 1_200.0), (1_000.0, 1_200_000.0), (-1_000_000.0, -1_200_000.0)],
    ids=["to k€", "from k€", "below zero"],
)
def test_turnovers_that_cannot_be_compared_are_not_shown(code: str, was: float, now: float) -> None:
    former, last = PAIRS[code]
    column = "chiffre_affaires_eur"
    (event,) = moved(code, {**last, column: now}, {**former, column: was})
    assert [json.loads(event[side])[column] for side in ("before", "after")] == [None, None]


def test_the_group_speaks_for_the_company() -> None:
    group = {"type_bilan": "K", "chiffre_affaires_eur": 9_000_000.0}
    before = rows(TABLE, FORMER, {**FORMER, **group})
    after = rows(TABLE, FORMER, {**FORMER, **group}, LAST, {**LAST, **group})
    world = World(date(2024, 7, 1), {TABLE: after}, {TABLE: before})
    # Its turnover is that of the year before: a copied year, and the own accounts are told.
    (event,) = told("revenue_growth", world)
    assert json.loads(event["after"])["type_bilan"] == "C"
    grown = {**LAST, **group, "chiffre_affaires_eur": 12_000_000.0}
    after = rows(TABLE, FORMER, {**FORMER, **group}, LAST, grown)
    (event,) = told("revenue_growth", World(date(2024, 7, 1), {TABLE: after}, {TABLE: before}))
    assert json.loads(event["after"])["type_bilan"] == "K"
    assert event["dataclassification"] == "company"


@pytest.mark.parametrize(
    ("was", "now", "code"),
    [
        (40_000.0, -50_000.0, "turned_to_loss"),
        (-40_000.0, 50_000.0, "turned_to_profit"),
        (40_000.0, 0.0, None),
        (0.0, -50_000.0, None),
        (999.0, -50_000.0, None),
        (40_000.0, -999.0, None),
        (None, -50_000.0, None),
        (-40_000.0, -50_000.0, None),
        (40_000.0, 50_000.0, None),
    ],
)
def test_turns(was: float | None, now: float, code: str | None) -> None:
    former, last = {**FORMER, "resultat_net_eur": was}, {**LAST, "resultat_net_eur": now}
    assert [name for name in TURNS if moved(name, last, former)] == ([code] if code else [])


def test_first_accounts_have_nothing_to_be_compared_with() -> None:
    world = World(date(2024, 7, 1), {TABLE: rows(TABLE, LAST)})
    assert not any(told(code, world) for code in CODES)
