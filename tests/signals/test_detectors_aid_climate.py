"""Rules on grants and greenhouse gas balances, with their guards.

No real record of these registers is at hand: all rows are specification fixtures.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from register_lists import Lists, detected

from signals.detect import detect_all
from signals.registry import registry

ADEME, MINIMIS = "aides_ademe__grants", "aides_minimis__grants"
REPORTS, UNITS = "beges__reports", "sirene__legal_units"
TODAY = date(2026, 3, 10)

GRANT: dict[str, Any] = {
    "reference_decision": "25IFD0020", "siret": "38245605100004", "siren": "382456051",
    "nom_beneficiaire": "EXEMPLE INDUSTRIE SAS", "attribuant": "ADEME",
    "date_octroi": date(2026, 2, 12), "montant_eur": 185200.6,
    "objet": "Récupération de chaleur fatale", "dispositif": "Fonds décarbonation",
}  # fmt: skip
#: The same grant as the State's register tells it: no reference, no cents.
SAME: dict[str, Any] = {
    "siren": "382456051", "date_octroi": date(2026, 2, 12), "montant_eur": 185201.0,
    "autorite": "ADEME - Agence de la transition écologique", "regime": "Minimis",
    "instrument_aide": "Subvention directe", "aides": 1,
}  # fmt: skip


def granted(
    ademe: list[list[dict[str, Any]]], minimis: list[list[dict[str, Any]]] | None = None
) -> Lists:
    return Lists(TODAY, {ADEME: ademe, **({MINIMIS: minimis} if minimis else {})})


def test_subsidy_granted() -> None:
    (event,) = detected("subsidy_granted", granted([[], [GRANT]]))
    assert (event["siren"], event["siret"]) == ("382456051", "38245605100004")
    assert event["occurred_at"] == date(2026, 2, 12)
    assert event["event_key"] == "2026-02-12|185201"
    assert event["title_fr"] == "Aide publique accordée, 185 k€"
    assert json.loads(event["after"])["dispositif"] == "Fonds décarbonation"


def test_one_grant_in_two_registers_is_one_event_with_two_pieces_of_evidence() -> None:
    lists = granted([[], [GRANT]], [[], [SAME]])
    unit = {"siren": "382456051", "personne_morale": True, "statut_diffusion": "O"}
    known = Lists(TODAY, {**lists.versions, UNITS: [[unit]]})
    (row,) = detect_all(
        known,
        recorded=datetime(2026, 3, 10, 9, tzinfo=UTC),
        run_id="r",
        detectors={"subsidy_granted": registry()["subsidy_granted"]},
    ).to_dicts()
    assert [one["dataset_id"] for one in row["evidence"]] == ["aides_ademe", "aides_minimis"]
    assert row["confidence"] == pytest.approx(0.99)
    assert json.loads(row["after"])["objet"] == "Récupération de chaleur fatale"


@pytest.mark.parametrize(
    "values",
    [
        {"montant_eur": 999.0},
        {"montant_eur": None},
        {"montant_eur": 99999999.0},
        {"montant_eur": 13e9},
        {"date_octroi": date(2025, 9, 1)},
        {"date_octroi": date(2026, 3, 11)},
        {"date_octroi": None},
    ],
    ids=["small", "no amount", "filler", "absurd", "old", "future", "no date"],
)
def test_no_subsidy(values: dict[str, Any]) -> None:
    assert detected("subsidy_granted", granted([[], [{**GRANT, **values}]])) == []


def test_baseline_of_grants_is_silent_and_a_dropped_one_says_nothing() -> None:
    assert detected("subsidy_granted", granted([[GRANT]])) == []
    assert detected("subsidy_granted", granted([[GRANT], []])) == []


def test_corrected_grant_amends_only() -> None:
    (event,) = detected(
        "subsidy_granted", granted([[GRANT], [{**GRANT, "dispositif": "Fonds chaleur"}]])
    )
    assert event["amends_only"] is True


REPORT: dict[str, Any] = {
    "siren": "382456051", "annee": 2022, "raison_sociale": "EXEMPLE DISTRIBUTION",
    "date_publication": date(2026, 2, 20), "structure_obligee": True,
}  # fmt: skip
LARGE: dict[str, Any] = {
    "siren": "382456051", "tranche_effectifs": "41", "etat_administratif": "A",
    "personne_morale": True,
}  # fmt: skip


def test_carbon_report_published() -> None:
    (event,) = detected("carbon_report_published", Lists(TODAY, {REPORTS: [[], [REPORT]]}))
    assert (event["siren"], event["occurred_at"]) == ("382456051", date(2026, 2, 20))
    assert event["title_fr"] == "Bilan carbone publié, année 2022"
    assert event["event_key"] == "2022"


@pytest.mark.parametrize(
    "lists",
    [
        [[REPORT]],
        [[REPORT], [{**REPORT, "raison_sociale": "AUTRE"}]],
        [[], [{**REPORT, "date_publication": date(2025, 12, 1)}]],
        [[], [{**REPORT, "date_publication": None}]],
    ],
    ids=["baseline", "corrected", "old", "no date"],
)
def test_no_carbon_report_published(lists: list[list[dict[str, Any]]]) -> None:
    assert detected("carbon_report_published", Lists(TODAY, {REPORTS: lists})) == []


def due(
    rows: list[dict[str, Any]], unit: dict[str, Any] | None, seen: date | None
) -> list[dict[str, Any]]:
    lists = [rows] if seen is None else [rows, rows]
    units = {} if unit is None else {UNITS: [[unit]]}
    frames = Lists(TODAY, {REPORTS: lists, **units}, seen=seen, moved=False)
    return detected("carbon_report_due", frames)


def test_carbon_report_due_when_its_year_begins() -> None:
    (event,) = due([REPORT], LARGE, date(2025, 12, 20))
    assert (event["occurred_at"], event["event_key"]) == (date(2026, 1, 1), "2022")
    assert event["title_en"] == "Carbon report due in 2026"


def test_carbon_report_that_was_due_last_year_is_not_news() -> None:
    lists = {REPORTS: [[REPORT], [REPORT]], UNITS: [[LARGE]]}
    frames = Lists(date(2027, 1, 2), lists, seen=date(2025, 12, 20), moved=False)
    assert detected("carbon_report_due", frames) == []


LATER = {**REPORT, "annee": 2024}


@pytest.mark.parametrize(
    ("rows", "unit", "seen"),
    [
        ([REPORT], LARGE, None),
        ([REPORT], LARGE, date(2026, 1, 1)),
        ([REPORT, LATER], LARGE, date(2025, 12, 20)),
        ([REPORT], {**LARGE, "tranche_effectifs": "32"}, date(2025, 12, 20)),
        ([REPORT], {**LARGE, "tranche_effectifs": "NN"}, date(2025, 12, 20)),
        ([REPORT], {**LARGE, "tranche_effectifs": None}, date(2025, 12, 20)),
        ([REPORT], {**LARGE, "etat_administratif": "C"}, date(2025, 12, 20)),
        ([REPORT], None, date(2025, 12, 20)),
        ([{**REPORT, "annee": 2023}], LARGE, date(2025, 12, 20)),
    ],
    ids=[
        "baseline", "told before", "a later balance", "smaller", "unknown band", "no band",
        "closed", "no Sirene", "next year",
    ],
)  # fmt: skip
def test_no_carbon_report_due(
    rows: list[dict[str, Any]], unit: dict[str, Any] | None, seen: date | None
) -> None:
    assert due(rows, unit, seen) == []
