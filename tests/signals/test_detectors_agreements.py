"""Rules on collective agreements, with their guards.

The row marked *real* has the values that were published; the others are specification
fixtures.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from register_lists import Lists, detected

TABLE = "acco__agreements"
TODAY = date(2026, 4, 28)
#: *Real*: ACCOTEXT000053935667, CLAYENS GENAS, health and provident scheme.
CLAYENS: dict[str, Any] = {
    "agreement_id": "ACCOTEXT000053935667", "nature": "ACCORD", "siret": "32509072800057",
    "siren": "325090728", "theme_codes": "112",
    "themes": "Prévoyance collective, autre que santé maladie",
    "date_depot": date(2026, 3, 26), "date_effet": date(2026, 4, 1),
    "url": "https://www.legifrance.gouv.fr/acco/id/ACCOTEXT000053935667",
    "publication_date": date(2026, 4, 24),
}  # fmt: skip
HEALTH: dict[str, Any] = {
    **CLAYENS, "agreement_id": "ACCOTEXT1", "numero": "T03526000001", "siren": "382456051",
    "siret": "38245605100004", "theme_codes": "111",
    "themes": "Couverture complémentaire santé - maladie", "date_texte": date(2023, 4, 1),
    "date_fin": date(2026, 10, 26),
}  # fmt: skip
CUTS = {
    **CLAYENS, "theme_codes": "077", "themes": "Plan de sauvegarde de l'emploi (PSE)",
}  # fmt: skip


def found(code: str, *lists: list[dict[str, Any]], **values: Any) -> list[dict[str, Any]]:
    return detected(code, Lists(**{"today": TODAY, "versions": {TABLE: lists}, **values}))


def test_agreement_signed_by_a_real_company() -> None:
    (event,) = found("agreement_signed", [HEALTH], [HEALTH, CLAYENS])
    assert (event["siren"], event["siret"]) == ("325090728", "32509072800057")
    assert event["occurred_at"] == date(2026, 3, 26)
    assert event["title_fr"] == (
        "Accord d'entreprise signé : Prévoyance collective, autre que santé maladie"
    )
    assert json.loads(event["after"])["topic"] == "benefits"
    assert event["record_url"].endswith("ACCOTEXT000053935667")


@pytest.mark.parametrize(
    "values",
    [
        {"nature": "DENONCIATION"},
        {"nature": None},
        {"date_depot": date(2025, 12, 1)},
        {"date_depot": date(2026, 5, 1)},
        {"siren": None},
        {"themes": CUTS["themes"], "theme_codes": "077"},
    ],
    ids=["denounced", "unknown nature", "old", "future", "no number", "job cuts"],
)
def test_no_agreement_signed(values: dict[str, Any]) -> None:
    assert found("agreement_signed", [HEALTH], [HEALTH, {**CLAYENS, **values}]) == []


def test_agreement_delivered_again_is_the_same_event() -> None:
    first = {**CLAYENS, "numero": "T06926000009"}
    again = {**first, "agreement_id": "ACCOTEXT2"}
    events = found("agreement_signed", [HEALTH], [HEALTH, first, again])
    assert {event["event_key"] for event in events} == {"T06926000009"}
    assert found("agreement_signed", [first], [{**first, "code_ape": "2229A"}]) == []
    assert found("agreement_signed", [CLAYENS]) == []


def test_restructuring_is_a_risk_of_its_own() -> None:
    (event,) = found("restructuring_agreement", [HEALTH], [HEALTH, CUTS])
    assert json.loads(event["after"])["topic"] == "restructuring"
    assert found("restructuring_agreement", [HEALTH], [HEALTH, CLAYENS]) == []
    titled = {**CLAYENS, "titre": "Accord sur le plan de sauvegarde de l'emploi"}
    assert found("restructuring_agreement", [HEALTH], [HEALTH, titled]) == []
    assert found("restructuring_agreement", [CUTS], [{**CUTS, "code_ape": "2229A"}]) == []
    ended = {**CUTS, "nature": "DENONCIATION"}
    assert found("restructuring_agreement", [HEALTH], [HEALTH, ended]) == []


@pytest.mark.parametrize(
    ("themes", "codes", "topic"),
    [
        ("Télétravail", "060", "telework"),
        ("Intéressement | Télétravail", "051,060", "profit_sharing"),
        ("Travail de nuit", "030", "capacity"),
        ("Autre thème", "113", "benefits"),
        ("Égalité salariale femmes hommes", "081", "other"),
        (None, None, "other"),
        ("Autre thème", "1110", "other"),
    ],
)
def test_topic_of_the_themes(themes: str | None, codes: str | None, topic: str) -> None:
    row = {**CLAYENS, "themes": themes, "theme_codes": codes}
    (event,) = found("agreement_signed", [], [row])
    assert json.loads(event["after"])["topic"] == topic


SEEN = date(2026, 4, 20)


def test_agreement_expiring_when_its_last_six_months_begin() -> None:
    (event,) = found("agreement_expiring", [HEALTH], [HEALTH], seen=SEEN, moved=False)
    assert (event["siren"], event["occurred_at"]) == ("382456051", date(2026, 4, 27))
    assert event["title_fr"] == (
        "Accord d'entreprise à renégocier avant le 26/10/2026 : "
        "Couverture complémentaire santé - maladie"
    )


RENEWED = {**HEALTH, "agreement_id": "ACCOTEXT3", "numero": "T2", "date_texte": date(2026, 2, 1),
           "date_fin": None}  # fmt: skip
TELEWORK = {**RENEWED, "theme_codes": "060", "themes": "Télétravail"}


@pytest.mark.parametrize(
    ("rows", "seen"),
    [
        ([HEALTH], None),
        ([HEALTH], date(2026, 4, 27)),
        ([{**HEALTH, "date_fin": None}], SEEN),
        ([{**HEALTH, "date_fin": date(2026, 10, 28)}], SEEN),
        ([{**HEALTH, "date_fin": date(2026, 4, 27)}], date(2020, 1, 1)),
        ([HEALTH, RENEWED], SEEN),
        ([{**HEALTH, "themes": "Autre", "theme_codes": "099"}], SEEN),
        ([{**HEALTH, "nature": "DENONCIATION"}], SEEN),
    ],
    ids=[
        "baseline", "told before", "without term", "not yet", "over", "renewed", "other topic",
        "denounced",
    ],
)  # fmt: skip
def test_no_agreement_expiring(rows: list[dict[str, Any]], seen: date | None) -> None:
    lists = [rows] if seen is None else [rows, rows]
    assert found("agreement_expiring", *lists, seen=seen, moved=False) == []


@pytest.mark.parametrize("values", [{"themes": "Autre thème"}, {"theme_codes": None}])
def test_a_topic_is_told_by_its_code_or_by_its_words(values: dict[str, Any]) -> None:
    rows = [{**HEALTH, **values}]
    assert len(found("agreement_expiring", rows, rows, seen=SEEN, moved=False)) == 1


def test_another_topic_renews_nothing() -> None:
    rows = [HEALTH, TELEWORK]
    assert len(found("agreement_expiring", rows, rows, seen=SEEN, moved=False)) == 1
