"""Rules on public contracts and equality declarations, with their guards."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import polars as pl
import pytest
from signal_tables import AWARD, DECLARATION, Tables

from signals.contract import EVENT_SCHEMA
from signals.registry import registry

TODAY = date(2025, 1, 10)
BIG = {**AWARD, "montant_eur": 2_500_000.0}


def won(code: str, *rows: dict[str, Any], old: Any = (), today: date = TODAY) -> pl.DataFrame:
    frames = Tables(today, {"decp__awards": rows}, {"decp__awards": old})
    events = registry()[code].detect(frames).collect()
    assert events.schema == EVENT_SCHEMA
    return events


def declared(
    code: str, *rows: dict[str, Any], old: Any = (), today: date = date(2021, 3, 15)
) -> pl.DataFrame:
    frames = Tables(today, {"egapro__declarations": rows}, {"egapro__declarations": old})
    events = registry()[code].detect(frames).collect()
    assert events.schema == EVENT_SCHEMA
    return events


def test_contract_won() -> None:
    (event,) = won("contract_won", AWARD).iter_rows(named=True)
    assert (event["siren"], event["siret"]) == ("421997586", "42199758600035")
    assert event["counterparty_siren"] == "200062586"
    assert event["event_key"] == AWARD["uid"]
    assert event["title_fr"] == "Marché public remporté, 61 k€"
    assert event["dataclassification"] is None  # a winner may be a person: proven elsewhere


def test_two_sites_of_a_company_win_one_contract() -> None:
    other = {**AWARD, "titulaire_id": "42199758600043"}
    assert won("contract_won", AWARD, other)["event_key"].n_unique() == 1


@pytest.mark.parametrize(
    "values",
    [
        {"date_premiere_notification": date(2024, 9, 1)},
        {"date_premiere_notification": date(2025, 1, 11)},
        {"date_premiere_notification": date(218, 10, 29)},
        {"titulaire_siren": None},
        {"titulaire_siren": "FR4219975"},
        {"_op": "removed"},
    ],
    ids=["stale", "future", "year 218 (real)", "no winner", "foreign winner", "removed"],
)
def test_no_contract(values: dict[str, Any]) -> None:
    assert won("contract_won", {**AWARD, **values}).is_empty()


def test_modification_of_an_old_contract_is_not_a_new_one() -> None:
    row = {
        **AWARD,
        "date_notification": date(2025, 1, 2),
        "date_premiere_notification": date(2023, 1, 2),
    }
    assert won("contract_won", row).is_empty()


def test_correction_amends_but_never_announces() -> None:
    assert won("contract_won", {**AWARD, "_op": "modified"})["amends_only"].to_list() == [True]
    assert won("contract_won", AWARD)["amends_only"].to_list() == [False]


def test_big_win_counts_the_share_of_each_winner() -> None:
    assert won("big_win", BIG)["title_fr"].to_list() == ["Gros marché public remporté, 2,5 M€"]
    assert won("big_win", {**BIG, "winners": 2}).height == 1
    assert won("big_win", {**BIG, "winners": 3}).is_empty()


@pytest.mark.parametrize(
    "values",
    [
        {"nature": "Accord-cadre"},
        {"montant_eur": 2.0e10},
        {"montant_eur": 99999999.0},
        {"montant_eur": 999_999.0},
        {"montant_eur": None},
    ],
    ids=["framework", "absurd", "filler", "below", "unknown"],
)
def test_no_big_win(values: dict[str, Any]) -> None:
    assert won("big_win", {**BIG, **values}).is_empty()


#: *Synthetic*: a contract of 300 k€, and the last accounts of its winner.
MIDDLE = {**AWARD, "montant_eur": 300_000.0}
YEAR = {
    "siren": AWARD["titulaire_siren"], "date_cloture": date(2023, 12, 31), "type_bilan": "C",
    "chiffre_affaires_eur": 1_500_000.0,
}  # fmt: skip


def large(award: dict[str, Any], *years: dict[str, Any]) -> list[dict[str, Any]]:
    frames = Tables(TODAY, {"decp__awards": [award]}, {"ratios__years": years})
    return registry()["big_win"].detect(frames).collect().to_dicts()


def test_a_fifth_of_the_turnover_is_a_big_win() -> None:
    (event,) = large(MIDDLE, YEAR)
    assert json.loads(event["after"])["large_by"] == "part_of_turnover"
    assert event["title_fr"] == "Gros marché public remporté, 300 k€"
    (event,) = large(BIG, YEAR)
    assert json.loads(event["after"])["large_by"] == "amount"
    assert len(large(BIG)) == 1


@pytest.mark.parametrize(
    ("award", "years"),
    [
        ({}, []),
        ({}, [{"chiffre_affaires_eur": 1_500_001.0}]),
        ({"montant_eur": 99_999.0}, [{"chiffre_affaires_eur": 400_000.0}]),
        ({}, [{"chiffre_affaires_eur": 59_999.0}]),
        ({}, [{"chiffre_affaires_eur": 0.0}]),
        ({}, [{"chiffre_affaires_eur": -300_000.0}]),
        ({}, [{"siren": "833802648"}]),
        ({}, [{"date_cloture": date(2021, 12, 31)}]),
        ({}, [{"date_cloture": date(2025, 1, 1)}]),
        ({}, [{}, {"date_cloture": date(2024, 6, 30), "chiffre_affaires_eur": 9e6}]),
        ({}, [{}, {"type_bilan": "K", "chiffre_affaires_eur": 9e6}]),
        ({"nature": "Accord-cadre"}, [{}]),
        ({"winners": 2}, [{}]),
    ],
    ids=[
        "no accounts",
        "less than a fifth",
        "small",
        "another unit",
        "turnover of 0",
        "negative turnover",
        "another company",
        "old accounts",
        "accounts to come",
        "later accounts",
        "accounts of the group",
        "framework",
        "shared",
    ],
)
def test_no_part_of_the_turnover(award: dict[str, Any], years: list[dict[str, Any]]) -> None:
    assert large({**MIDDLE, **award}, *({**YEAR, **year} for year in years)) == []


@pytest.mark.parametrize(
    ("before", "last"), [(9e6, 1_500_000.0), (1_500_000.0, 0.0)], ids=["the last", "0 is unknown"]
)
def test_the_last_turnover_that_is_known_counts(before: float, last: float) -> None:
    later = {**YEAR, "date_cloture": date(2024, 6, 30), "chiffre_affaires_eur": last}
    assert len(large(MIDDLE, {**YEAR, "chiffre_affaires_eur": before}, later)) == 1


def test_two_contracts_of_one_day_are_two_big_wins() -> None:
    other = {**MIDDLE, "uid": "other"}
    frames = Tables(TODAY, {"decp__awards": [MIDDLE, other]}, {"ratios__years": [YEAR]})
    assert registry()["big_win"].detect(frames).collect()["event_key"].n_unique() == 2


def test_framework_and_k_euro_amounts_are_not_in_the_title() -> None:
    for values in ({"nature": "Accord-cadre"}, {"montant_eur": 61.1}):
        title = won("contract_won", {**AWARD, **values})["title_fr"].to_list()
        assert title == ["Marché public remporté"]


OTHER = {
    **AWARD, "uid": "older", "titulaire_id": "83380264800026", "titulaire_siren": "833802648",
    "date_notification": date(2021, 6, 1),
}  # fmt: skip


def test_first_contract_needs_three_years_of_history() -> None:
    code = "first_public_contract"
    assert won(code, AWARD, old=[OTHER]).height == 1
    young = {**OTHER, "date_notification": date(2022, 6, 1)}
    assert won(code, AWARD, old=[young]).is_empty()
    impossible = {**young, "date_notification": date(218, 10, 29)}
    assert won(code, AWARD, old=[young, impossible]).is_empty()


def test_the_twin_of_a_contract_that_was_taken_back_is_not_new() -> None:
    gone, twin = {**AWARD, "_op": "removed"}, {**AWARD, "uid": "twin"}
    assert won("first_public_contract", gone, old=[OTHER, twin]).is_empty()


def test_without_any_dated_contract_none_is_the_first() -> None:
    undated = {**AWARD, "date_notification": None, "date_premiere_notification": None}
    assert won("first_public_contract", undated).is_empty()


def test_company_that_won_before_does_not_win_its_first() -> None:
    before = {**AWARD, "uid": "before", "date_notification": date(2022, 5, 1)}
    assert won("first_public_contract", AWARD, old=[OTHER, before]).is_empty()


def test_index_below_75() -> None:
    (event,) = declared("egapro_index_below_75", DECLARATION).iter_rows(named=True)
    assert event["title_fr"] == "Index égalité 2020 : 73"
    assert (event["siren"], event["occurred_at"]) == ("391378239", date(2020, 12, 31))
    assert json.loads(event["after"])["note_index"] == 73


@pytest.mark.parametrize(
    "values",
    [
        {"note_index": 75},
        {"note_index": None},
        {"note_index": -1},
        {"annee": 2018},
        {"annee": 2021},
    ],
    ids=["75", "not computable", "impossible", "old campaign", "year not over"],
)
def test_index_not_low(values: dict[str, Any]) -> None:
    assert declared("egapro_index_below_75", {**DECLARATION, **values}).is_empty()


#: Another company that had declared the year before (real: STE DES COLORANTS DU SUD OUEST).
COVERED = {**DECLARATION, "siren": "473201929", "annee": 2019}
FIRST = "egapro_first_declaration"


def test_first_declaration_where_others_had_declared() -> None:
    assert declared(FIRST, DECLARATION, old=[COVERED])["event_key"].to_list() == ["first"]


@pytest.mark.parametrize(
    ("row", "old"),
    [
        (DECLARATION, []),
        (DECLARATION, [{**COVERED, "annee": 2018}]),
        (DECLARATION, [COVERED, {**DECLARATION, "annee": 2019}]),
        ({**DECLARATION, "structure": "Unité Economique et Sociale (UES)"}, [COVERED]),
        ({**DECLARATION, "structure": "UES"}, [COVERED]),
        ({**DECLARATION, "structure": "Unité économique et sociale"}, [COVERED]),
        ({**DECLARATION, "tranche_effectifs": "1000:"}, [COVERED]),
    ],
    ids=[
        "no history",
        "year before missing",
        "declared before",
        "both",
        "UES",
        "in full",
        "large",
    ],
)
def test_no_first_declaration(row: dict[str, Any], old: list[dict[str, Any]]) -> None:
    assert declared(FIRST, row, old=old).is_empty()


@pytest.mark.parametrize("band", ["50:250", "50 à 250 salariés", None])
def test_band_of_50_is_a_crossing(band: str | None) -> None:
    assert declared(FIRST, {**DECLARATION, "tranche_effectifs": band}, old=[COVERED]).height == 1


def test_first_declaration_of_the_first_campaign_is_no_crossing() -> None:
    row, old = {**DECLARATION, "annee": 2019}, [{**COVERED, "annee": 2018}]
    assert declared(FIRST, row, old=old, today=date(2020, 3, 15)).is_empty()
    row, old = DECLARATION, [COVERED]
    assert declared(FIRST, row, old=old, today=date(2020, 12, 31)).height == 1
