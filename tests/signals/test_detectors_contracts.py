"""Rules that look at contracts over time: extensions, renewals, streaks, and the two sources.

Extensions and streaks are checked on the bundled contracts, the renewal on a real contract of 2018;
no award with SIRETs was at hand in BOAMP, so those are *synthetic*.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from event_worlds import State, World, rows, told

from assets.decp.normalise import normalise
from opendata.catalogue import load_dataset
from opendata.contract import read_resource

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data/sample/decp"
RESOURCE = load_dataset(ROOT / "assets/decp/dataset.yml").resource("decp")
TABLE, NOTICES = "decp__awards", "boamp__awards"
TODAY = date(2025, 1, 6)


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> tuple[State, State]:
    """Return the bundled contracts as of October 2024 and of January 2025."""
    found: list[State] = []
    for day in ("2024-10-01", "2025-01-06"):
        path = SAMPLE / day / "decp.csv"
        result = read_resource(RESOURCE, [path], work=tmp_path_factory.mktemp(day))
        table = normalise({"decp": pl.scan_parquet(result.path)})[TABLE]
        found.append({TABLE: table.with_columns(source_id=pl.lit("decp@v1")).collect()})
    return found[0], found[1]


def _read_by_hand() -> set[str]:
    """Return the contracts extended after September, straight from the published rows."""
    versions: dict[str, list[tuple[str, float, int]]] = {}
    with (SAMPLE / "2025-01-06" / "decp.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            version = (row["dateNotification"], float(row["montant"]), int(row["dureeMois"]))
            versions.setdefault(f"{row['uid']}/{row['titulaire_id']}", []).append(version)
    found = set()
    for key, rows_ in versions.items():
        (first, was, months), (last, now, longer) = min(rows_), max(rows_)
        if first < last and last > "2024-09-30" and now <= 2 * was and now >= 1000 <= was:
            found |= {key} if now > was or longer > months else set()
    return found


def test_real_extensions(states: tuple[State, State]) -> None:
    before, after = states
    events = told("contract_extension", World(TODAY, after, before))
    assert {event["record_key"] for event in events} == _read_by_hand()
    (event,) = [one for one in events if one["siren"] == "494177249"]
    assert event["title_fr"] == "Marché public prolongé ou augmenté, + 16 k€"
    assert event["event_key"] == "21400296600015202403TX03|2024-11-26"
    assert json.loads(event["before"]) == {"montant_eur": 317812.0, "duree_mois": 24}
    # Six times the amount of its lot: the total of the operation was typed in its place.
    assert not [one for one in events if one["event_key"].startswith("19490970100303202310")]
    assert told("contract_extension", World(TODAY, after, before, None)) == []


def test_real_streaks(states: tuple[State, State]) -> None:
    before, after = states
    events = told("winning_streak", World(TODAY, after, before))
    (event,) = [one for one in events if one["company_name"] == "SCHINDLER"]
    assert (event["event_key"], event["occurred_at"]) == ("2024-Q4", date(2024, 12, 5))
    assert json.loads(event["after"])["wins"] == 3
    # With less than 180 days of contracts there is nothing to compare with.
    assert told("winning_streak", World(date(2024, 12, 20), after, before)) == []


#: *Real*: SOCIETE GIENNOISE D ASSAINISSEMENT cleans sewers for two years from February 2019.
UPKEEP: dict[str, Any] = {
    "uid": "24450021100127201920231802300", "acheteur_id": "24450021100127",
    "acheteur_nom": "COMMUNAUTE DES COMMUNES GIENNOISES", "titulaire_id": "30600163700025",
    "titulaire_siren": "306001637", "titulaire_nom": "SOCIETE GIENNOISE D ASSAINISSEMENT SAS",
    "nature": "Marché", "code_cpv": "90470000-2",
    "montant_eur": 200000.0, "montant_initial_eur": 200000.0, "winners": 1, "duree_mois": 24,
    "duree_initiale_mois": 24, "date_premiere_notification": date(2019, 2, 4),
    "date_notification": date(2019, 2, 4), "versions": 1, "modifications": 0,
}  # fmt: skip
OPENED = date(2020, 5, 4)


def renewed(
    *given: Mapping[str, Any],
    today: date = date(2020, 5, 20),
    seen: date | None = date(2020, 5, 1),
    known: bool = True,
) -> list[dict[str, Any]]:
    state = {TABLE: rows(TABLE, *given)}
    world = World(today, state, state if known else {}, seen)
    return told("contract_renewal_window", world)


def test_renewal_is_told_when_its_window_opens() -> None:
    (event,) = renewed(UPKEEP)
    assert (event["siren"], event["occurred_at"]) == ("306001637", OPENED)
    assert event["title_fr"] == "Marché public à renouveler avant le 04/02/2021"
    assert renewed(UPKEEP, today=OPENED) != []
    assert renewed(UPKEEP, today=date(2020, 5, 3)) == []


def test_windows_already_open_are_not_news_but_contracts_that_come_with_one_are() -> None:
    assert renewed(UPKEEP, seen=None) == []
    assert renewed(UPKEEP, seen=OPENED) == []
    assert len(renewed(UPKEEP, seen=OPENED, known=False)) == 1
    assert renewed(UPKEEP, today=date(2020, 12, 5), seen=date(2020, 12, 1), known=False) == []


def test_a_window_is_told_once_though_its_contract_is_new() -> None:
    assert len(renewed(UPKEEP, known=False)) == 1


def test_a_contract_that_was_corrected_is_not_learned_anew() -> None:
    former = {TABLE: rows(TABLE, {**UPKEEP, "montant_eur": 190_000.0})}
    world = World(date(2020, 5, 20), {TABLE: rows(TABLE, UPKEEP)}, former, OPENED)
    assert told("contract_renewal_window", world) == []


@pytest.mark.parametrize(
    ("months", "first", "found"),
    [
        (5, date(2020, 5, 10), 0),
        (6, date(2020, 5, 10), 1),
        (120, date(2011, 2, 4), 1),
        (121, date(2011, 1, 4), 0),
    ],
)
def test_only_terms_of_half_a_year_to_ten_years_are_renewed(
    months: int, first: date, found: int
) -> None:
    row = {**UPKEEP, "duree_mois": months, "date_premiere_notification": first}
    assert len(renewed(row, known=False)) == found


@pytest.mark.parametrize(
    "values",
    [
        {"code_cpv": "45331000-6"},
        {"type_marche": "Travaux"},
        {"duree_mois": None},
        {"duree_mois": 5},
        {"duree_mois": 380},
        {"duree_mois": 50},
        {"titulaire_siren": None},
    ],
    ids=["works", "works too", "unknown", "one-off", "typing error", "prolonged", "foreign"],
)
def test_no_renewal(values: Mapping[str, Any]) -> None:
    assert renewed({**UPKEEP, **values}) == []


LONGER = {**UPKEEP, "date_notification": date(2021, 5, 1), "duree_mois": 30, "modifications": 1}


def extended(new: Mapping[str, Any]) -> list[dict[str, Any]]:
    world = World(date(2021, 6, 1), {TABLE: rows(TABLE, new)}, {TABLE: rows(TABLE, UPKEEP)})
    return told("contract_extension", world)


def test_extension_in_months_and_in_money() -> None:
    (event,) = extended(LONGER)
    assert (event["occurred_at"], event["amends_only"]) == (date(2021, 5, 1), False)
    assert event["title_fr"] == "Marché public prolongé ou augmenté"
    (event,) = extended({**LONGER, "montant_eur": 250_000.0})
    assert event["title_en"] == "Public contract extended, + €50k"


@pytest.mark.parametrize(
    "values",
    [
        {"date_notification": date(2019, 2, 4)},
        {"date_premiere_notification": date(2021, 5, 1)},
        {"duree_mois": 24, "montant_eur": 99_999_999.0, "montant_initial_eur": 60_000_000.0},
        {"duree_mois": 24, "montant_eur": 13e9, "montant_initial_eur": 12e9},
        {"duree_mois": 24, "montant_eur": 900.0, "montant_initial_eur": 500.0},
        {"duree_mois": 24},
        {"duree_mois": 20, "montant_eur": 100_000.0},
        {"duree_mois": 24, "montant_eur": 410_000.0},
        {"duree_mois": 24, "montant_eur": 160.0},
        {"montant_eur": 900_000.0},
        {"date_notification": date(2021, 1, 1)},
        {"date_notification": date(2021, 7, 1)},
    ],
    ids=[
        "correction",
        "won that day",
        "filler",
        "absurd",
        "tiny",
        "same",
        "less",
        "doubled",
        "k€",
        "another total",
        "stale",
        "future",
    ],
)
def test_no_extension(values: Mapping[str, Any]) -> None:
    assert extended({**LONGER, **values}) == []


def wins(*days: tuple[str, date]) -> pl.DataFrame:
    found = [
        {
            **UPKEEP, "uid": f"u{place}", "acheteur_id": buyer, "date_premiere_notification": day,
            "date_notification": day,
        }
        for place, (buyer, day) in enumerate(days)
    ]  # fmt: skip
    return rows(TABLE, *found)


FORMER = [("13001898900017", date(2020, 1, 1))]
THREE = [(f"1300189890001{n}", date(2021, 5, n + 1)) for n in range(3)]


def streak(*days: tuple[str, date], known: int = 0) -> list[dict[str, Any]]:
    """Return what is told of ``days``, the first ``known`` of which were told before."""
    state = {TABLE: wins(*FORMER, *days)}
    before = {TABLE: wins(*FORMER, *days[:known])}
    return told("winning_streak", World(date(2021, 6, 1), state, before))


@pytest.mark.parametrize(
    ("days", "found"),
    [
        (THREE, 1),
        (THREE[:2], 0),
        ([(THREE[0][0], date(2021, 5, 1))] * 5, 0),
        ([*THREE, ("x", date(2021, 2, 1))], 1),
        ([*THREE, ("x", date(2021, 2, 1)), ("y", date(2021, 2, 2))], 0),
        ([*THREE[:2], ("x", date(2921, 5, 1))], 0),
    ],
    ids=["three", "two", "lots of one day", "one before", "two before", "year 2921"],
)
def test_streak(days: list[tuple[str, date]], found: int) -> None:
    assert len(streak(*days)) == found


def test_a_streak_is_dated_by_its_last_award_not_by_one_to_come() -> None:
    (event,) = streak(*THREE, ("x", date(2921, 5, 1)))
    assert event["occurred_at"] == THREE[-1][1]


def test_a_streak_told_before_is_not_told_of_an_old_award_or_of_a_correction() -> None:
    assert len(streak(*THREE, ("x", date(2021, 5, 20)), known=3)) == 1
    assert streak(*THREE, ("x", date(2021, 2, 11)), known=3) == []
    before = wins(*FORMER, *THREE)
    after = before.with_columns(montant_eur=pl.col("montant_eur") + 1)
    assert told("winning_streak", World(date(2021, 6, 1), {TABLE: after}, {TABLE: before})) == []


def test_a_streak_is_compared_with_days_that_are_known() -> None:
    # A year 218 (real) is no history, no more than a contract without a day.
    impossible = wins(("x", date(218, 10, 29)), *THREE)
    undated = wins(*THREE).with_columns(date_premiere_notification=pl.lit(None, pl.Date))
    for state in (wins(*THREE), impossible, undated):
        assert told("winning_streak", World(date(2021, 6, 1), {TABLE: state})) == []


def test_a_winner_abroad_has_no_streak() -> None:
    abroad = wins(*FORMER, *THREE).with_columns(titulaire_siren=pl.lit("FR4219975"))
    assert told("winning_streak", World(date(2021, 6, 1), {TABLE: abroad})) == []


#: *Synthetic*: the award of the same contract in BOAMP.
AWARD: dict[str, Any] = {
    "idweb": "19-00001", "contrat": "CON-0001", "titulaire_siret": "30600163700025",
    "titulaire_siren": "306001637", "date_parution": date(2019, 3, 1), "etat": "INITIAL",
    "acheteur_siret": "24450021100127", "acheteur_siren": "244500211", "montant_eur": 200000.0,
    "url": "https://www.boamp.fr/pages/avis/?q=idweb:19-00001", "source_id": "boamp@v1",
}  # fmt: skip
WON = date(2019, 3, 5)


def confirmed(
    award: Mapping[str, Any] = AWARD,
    *,
    first: str | None = None,
    contracts: tuple[Mapping[str, Any], ...] = (UPKEEP,),
) -> list[dict[str, Any]]:
    after = {TABLE: rows(TABLE, *contracts), NOTICES: rows(NOTICES, award)}
    before = {first: after[first]} if first else {}
    return told("contract_won", World(WON, after, before))


@pytest.mark.parametrize("first", [None, TABLE, NOTICES])
def test_the_two_sources_tell_one_event_whichever_came_first(first: str | None) -> None:
    events = confirmed(first=first)
    assert {event["event_key"] for event in events} == {UPKEEP["uid"]}
    assert len(events) == (1 if first == TABLE else 2)
    sources = {event["source_id"].split("@")[0]: event for event in events}
    assert set(sources) == ({"boamp"} if first == TABLE else {"boamp", "decp"})
    second = sources["boamp"]
    assert (second["record_key"], second["record_url"]) == (
        "19-00001/CON-0001/30600163700025",
        AWARD["url"],
    )
    assert second["amends_only"] is True


@pytest.mark.parametrize(
    ("award", "contracts"),
    [
        ({"montant_eur": 210_000.0}, (UPKEEP,)),
        ({"montant_eur": None}, (UPKEEP,)),
        ({"acheteur_siren": "219505989"}, (UPKEEP,)),
        ({"titulaire_siren": "752461681"}, (UPKEEP,)),
        ({"date_parution": date(2019, 7, 1)}, (UPKEEP,)),
        ({"date_parution": date(2018, 12, 1)}, (UPKEEP,)),
        ({"etat": "ANNULATION"}, (UPKEEP,)),
        ({}, (UPKEEP, {**UPKEEP, "uid": "twin"})),
    ],
    ids=[
        "amount",
        "no amount",
        "buyer",
        "winner",
        "late",
        "early",
        "cancelled",
        "two contracts fit",
    ],
)
def test_an_award_that_does_not_clearly_agree_is_left_alone(
    award: Mapping[str, Any], contracts: tuple[Mapping[str, Any], ...]
) -> None:
    events = confirmed({**AWARD, **award}, contracts=contracts)
    assert {event["source_id"].split("@")[0] for event in events} == {"decp"}


def test_of_two_awards_that_fit_one_contract_neither_is_taken() -> None:
    twin = {**AWARD, "idweb": "19-00002", "contrat": "CON-0002"}
    after = {TABLE: rows(TABLE, UPKEEP), NOTICES: rows(NOTICES, AWARD, twin)}
    events = told("contract_won", World(WON, after))
    assert {event["source_id"].split("@")[0] for event in events} == {"decp"}


def test_an_award_alone_announces_nothing() -> None:
    world = World(WON, {NOTICES: rows(NOTICES, AWARD)})
    assert told("contract_won", world) == []
