"""Rules on registers of labels, with their guards: RGE, Qualiopi, show licences.

Rows marked *real* are published records of legal persons; the others are specification
fixtures.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from register_lists import Lists, detected

RGE = "rge__qualifications"
TRAINING = "organismes_formation__declarations"
SHOWS = "spectacle__licences"
TODAY = date(2026, 3, 10)

#: Synthetic, in the shape of data-fair's answers.
INSULATION: dict[str, Any] = {
    "siret": "84370107900017", "siren": "843701079", "nom_entreprise": "COUVERTURE EXEMPLE SARL",
    "code_qualification": "3111D111", "domaine": "Isolation des combles perdus",
    "organisme": "qualibat", "date_debut": date(2026, 3, 1), "date_fin": date(2030, 2, 28),
}  # fmt: skip
WINDOWS = {**INSULATION, "code_qualification": "3511", "domaine": "Fenêtres"}
OTHER = {**INSULATION, "siret": "38245605100004", "siren": "382456051"}

#: *Real*: LA POSTE, training body, list of 16 December 2024.
POSTE: dict[str, Any] = {
    "numero_declaration": "11755762075", "numero_precedent": "11755762075",
    "siren": "356000000", "siret": "35600000000048", "denomination": "LA POSTE",
    "certifications": "Actions de formations", "qualiopi": True, "actions_formation": True,
    "bilans_competences": False, "vae": False, "apprentissage": False,
    "date_declaration": date(2024, 5, 31), "stagiaires": 309, "formateurs": 77,
}  # fmt: skip
#: *Real*: the same company under another number.
INSTITUTE = {
    **POSTE, "numero_declaration": "11755565775", "numero_precedent": "11755565775",
    "denomination": "Institut Groupe La Poste", "stagiaires": 111172, "formateurs": 400,
}  # fmt: skip
#: What the list would have shown of it without a certificate.
PLAIN = {**POSTE, "qualiopi": False, "certifications": None, "actions_formation": False}

#: *Real*: PLATESV-R-2021-006658, valid since 2021-07-11.
LICENCE: dict[str, Any] = {
    "numero_recepisse": "PLATESV-R-2021-006658", "categorie": 2, "siren": "800329849",
    "siret": "80032984900023", "raison_sociale": "THEATRE STEPHANE GILDAS",
    "personne_morale": True, "statut": "valide", "renouvellement": True,
    "code_postal": "75013", "date_depot": date(2021, 5, 27), "date_validite": date(2021, 7, 11),
}  # fmt: skip
#: *Real*: PLATESV-R-2021-006193, refused nine days earlier.
REFUSED = {
    **LICENCE, "numero_recepisse": "PLATESV-R-2021-006193", "statut": "invalide",
    "date_depot": date(2021, 5, 18), "date_validite": None,
}  # fmt: skip


def rge(code: str, *lists: list[dict[str, Any]], **values: Any) -> list[dict[str, Any]]:
    return detected(code, Lists(**{"today": TODAY, "versions": {RGE: lists}, **values}))


def training(code: str, *lists: list[dict[str, Any]]) -> list[dict[str, Any]]:
    day = date(2024, 12, 16)
    return detected(code, Lists(day, {TRAINING: lists}, published=day))


def shows(code: str, today: date, *lists: list[dict[str, Any]], **v: Any) -> list[dict[str, Any]]:
    return detected(code, Lists(today, {SHOWS: lists}, **v))


def test_rge_gained_is_one_event_for_all_fields() -> None:
    (event,) = rge("rge_gained", [OTHER], [OTHER, INSULATION, WINDOWS])
    assert (event["siret"], event["siren"]) == ("84370107900017", "843701079")
    assert event["occurred_at"] == date(2026, 3, 1)
    after = json.loads(event["after"])
    assert after["qualifications"] == 2
    assert after["domaines"] == "Fenêtres, Isolation des combles perdus"
    assert event["dataclassification"] is None  # a craftsman may be a person: proven elsewhere


@pytest.mark.parametrize(
    "lists",
    [
        [[OTHER, INSULATION]],
        [[INSULATION], [INSULATION, WINDOWS]],
        [[INSULATION], [OTHER], [OTHER, INSULATION]],
        [[OTHER], [OTHER, {**INSULATION, "date_debut": date(2025, 12, 1)}]],
        [[OTHER], [OTHER, {**INSULATION, "date_debut": date(2026, 4, 1)}]],
        [[OTHER], [OTHER, {**INSULATION, "date_debut": None}]],
    ],
    ids=["baseline", "another field", "left out for a day", "old holder", "future", "no date"],
)
def test_no_rge_gained(lists: list[list[dict[str, Any]]]) -> None:
    assert rge("rge_gained", *lists) == []


ENDING = {**INSULATION, "date_debut": date(2022, 6, 1), "date_fin": TODAY + timedelta(days=89)}


def test_rge_expiring_is_told_when_the_last_90_days_begin() -> None:
    both = [ENDING, {**ENDING, "code_qualification": "3511", "domaine": "Fenêtres"}]
    (event,) = rge("rge_expiring", both, both, seen=TODAY - timedelta(days=3))
    assert event["occurred_at"] == TODAY - timedelta(days=1)
    assert event["title_fr"] == "Label RGE à renouveler avant le 07/06/2026"
    assert event["event_key"] == "2026-06-07"
    assert json.loads(event["after"])["qualifications"] == 2


def test_rge_expiring_is_told_though_no_list_came() -> None:
    seen = TODAY - timedelta(days=3)
    assert len(rge("rge_expiring", [ENDING], [ENDING], seen=seen, moved=False)) == 1


RENEWED = {**ENDING, "domaine": "Combles aménagés", "date_fin": TODAY + timedelta(days=900)}


@pytest.mark.parametrize(
    ("rows", "seen"),
    [
        ([ENDING], None),
        ([ENDING], TODAY),
        ([{**ENDING, "date_fin": TODAY + timedelta(days=91)}], TODAY - timedelta(days=3)),
        ([{**ENDING, "date_fin": TODAY - timedelta(days=1)}], date(2020, 1, 1)),
        ([ENDING, RENEWED], TODAY - timedelta(days=3)),
    ],
    ids=["baseline", "had begun before", "not yet", "over", "renewed"],
)
def test_no_rge_expiring(rows: list[dict[str, Any]], seen: date | None) -> None:
    lists = [rows] if seen is None else [rows, rows]
    assert rge("rge_expiring", *lists, seen=seen) == []


OVER = {**ENDING, "date_fin": date(2026, 2, 28)}


def test_rge_lost_after_two_lists_without_it() -> None:
    (event,) = rge("rge_lost", [OVER, OTHER], [OTHER], [OTHER])
    assert (event["siret"], event["occurred_at"]) == ("84370107900017", date(2026, 3, 1))
    assert event["event_key"] == "2026-02-28"


@pytest.mark.parametrize(
    "lists",
    [
        [[OVER, OTHER], [OTHER]],
        [[OVER, OTHER], [OTHER], [OVER, OTHER]],
        [[{**OVER, "date_fin": date(2027, 1, 1)}, OTHER], [OTHER], [OTHER]],
        [[OVER, OTHER], [WINDOWS, OTHER], [WINDOWS, OTHER]],
        [[{**OVER, "date_fin": None}, OTHER], [OTHER], [OTHER]],
    ],
    ids=["one list", "came back", "ended early", "holds another", "no date"],
)
def test_no_rge_lost(lists: list[list[dict[str, Any]]]) -> None:
    assert rge("rge_lost", *lists) == []


def test_qualiopi_gained_by_a_real_body() -> None:
    (event,) = training("qualiopi_gained", [PLAIN], [POSTE])
    assert (event["siren"], event["company_name"]) == ("356000000", "LA POSTE")
    assert event["occurred_at"] == date(2024, 12, 16)
    assert event["record_key"] == "11755762075"
    assert json.loads(event["after"]) == {
        "certifications": "Actions de formations", "stagiaires": 309, "formateurs": 77,
    }  # fmt: skip


def test_new_body_that_is_certified_gains_it() -> None:
    assert len(training("qualiopi_gained", [{**PLAIN, "siren": "382456051"}], [POSTE])) == 1


#: The same, had it never had another number.
FIRST = {**POSTE, "numero_precedent": None}
HEIR = {**POSTE, "numero_declaration": "76310000001", "siren": "382456051"}


@pytest.mark.parametrize(
    "lists",
    [
        [[POSTE]],
        [[POSTE], [POSTE, INSTITUTE]],
        [[POSTE], [PLAIN], [POSTE]],
        [[POSTE], [HEIR]],
        [[PLAIN], [{**PLAIN, "stagiaires": 500}]],
        [[FIRST], [{**FIRST, "certifications": None, "qualiopi": False}], [FIRST]],
        [[FIRST], [{**FIRST, "stagiaires": 500}]],
    ],
    ids=[
        "baseline",
        "another number",
        "left out for a day",
        "changed its SIREN",
        "uncertified",
        "left out for a day, its first number",
        "its first number",
    ],
)
def test_no_qualiopi_gained(lists: list[list[dict[str, Any]]]) -> None:
    assert training("qualiopi_gained", *lists) == []


def test_qualiopi_lost_after_two_lists_without_it() -> None:
    (event,) = training("qualiopi_lost", [POSTE], [PLAIN], [PLAIN])
    assert (event["siren"], event["occurred_at"]) == ("356000000", date(2024, 12, 16))
    other = [HEIR | {"numero_precedent": "1"}]
    assert len(training("qualiopi_lost", [POSTE, INSTITUTE], other, other)) == 1


@pytest.mark.parametrize(
    "lists",
    [
        [[POSTE], [PLAIN]],
        [[POSTE], [PLAIN], [POSTE]],
        [[POSTE, INSTITUTE], [PLAIN, INSTITUTE], [PLAIN, INSTITUTE]],
        [[POSTE], [HEIR], [HEIR]],
        [[PLAIN], [PLAIN], [PLAIN]],
    ],
    ids=["one list", "came back", "another number", "changed its SIREN", "never had it"],
)
def test_no_qualiopi_lost(lists: list[list[dict[str, Any]]]) -> None:
    assert training("qualiopi_lost", *lists) == []


def test_show_licence_of_a_real_theatre() -> None:
    gained = "licence_spectacle_gained"
    (event,) = shows(gained, date(2021, 7, 20), [REFUSED], [REFUSED, LICENCE])
    assert (event["siren"], event["siret"]) == ("800329849", "80032984900023")
    assert event["occurred_at"] == date(2021, 7, 11)
    assert event["title_fr"] == "Licence de spectacle renouvelée, producteur"
    assert event["title_en"] == "Show licence renewed, production"
    assert event["dataclassification"] == "company"
    asked = {**LICENCE, "statut": "en instruction"}
    assert len(shows(gained, date(2021, 7, 20), [asked], [LICENCE])) == 1
    first = {**LICENCE, "renouvellement": False}
    (event,) = shows(gained, date(2021, 7, 20), [REFUSED], [REFUSED, first])
    assert event["title_fr"] == "Licence de spectacle obtenue, producteur"
    assert event["title_en"] == "Show licence obtained, production"


@pytest.mark.parametrize(
    ("today", "before", "now"),
    [
        (date(2021, 5, 30), [], [REFUSED]),
        (date(2021, 7, 20), [REFUSED], [{**LICENCE, "statut": "invalidé"}]),
        (date(2021, 7, 20), [LICENCE], [{**LICENCE, "code_postal": "75014"}]),
        (date(2022, 1, 1), [REFUSED], [LICENCE]),
        (date(2021, 7, 1), [REFUSED], [LICENCE]),
    ],
    ids=["refused", "withdrawn", "was valid before", "published again later", "not yet valid"],
)
def test_no_show_licence(
    today: date, before: list[dict[str, Any]], now: list[dict[str, Any]]
) -> None:
    assert shows("licence_spectacle_gained", today, before, now) == []


def test_natural_person_is_marked_and_has_no_name() -> None:
    person = {**LICENCE, "personne_morale": False, "raison_sociale": None}
    (event,) = shows("licence_spectacle_gained", date(2021, 7, 20), [REFUSED], [REFUSED, person])
    assert (event["dataclassification"], event["company_name"]) == ("sole_trader", None)


#: Five years after 2021-07-11, less 90 days.
BEGINS = date(2026, 4, 12)


def test_show_licence_of_a_real_theatre_ends() -> None:
    rows = [REFUSED, LICENCE]
    (event,) = shows(
        "licence_spectacle_expiring", date(2026, 4, 13), rows, rows, seen=date(2026, 4, 10)
    )
    assert (event["siren"], event["occurred_at"]) == ("800329849", BEGINS)
    assert event["title_fr"] == "Licence de spectacle à renouveler avant le 11/07/2026, producteur"


SUCCESSOR = {**LICENCE, "numero_recepisse": "later", "date_validite": date(2026, 3, 1)}
ASKED = {
    **LICENCE, "numero_recepisse": "asked", "statut": "en instruction",
    "date_depot": date(2026, 2, 1), "date_validite": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "today", "seen"),
    [
        ([LICENCE], date(2026, 4, 11), date(2026, 4, 1)),
        ([LICENCE], date(2026, 4, 13), date(2026, 4, 12)),
        ([LICENCE], date(2026, 7, 12), date(2026, 4, 1)),
        ([LICENCE, SUCCESSOR], date(2026, 4, 13), date(2026, 4, 1)),
        ([LICENCE, ASKED], date(2026, 4, 13), date(2026, 4, 1)),
        ([{**LICENCE, "statut": "invalidé"}], date(2026, 4, 13), date(2026, 4, 1)),
    ],
    ids=["not yet", "told before", "over", "renewed", "renewal asked", "withdrawn"],
)
def test_no_show_licence_ends(rows: list[dict[str, Any]], today: date, seen: date) -> None:
    assert shows("licence_spectacle_expiring", today, rows, rows, seen=seen) == []


def test_a_later_licence_that_was_withdrawn_renews_nothing() -> None:
    rows = [LICENCE, {**SUCCESSOR, "statut": "invalidé"}]
    day, seen = date(2026, 4, 13), date(2026, 4, 1)
    assert len(shows("licence_spectacle_expiring", day, rows, rows, seen=seen)) == 1


def test_show_licence_is_silent_on_the_baseline() -> None:
    assert shows("licence_spectacle_expiring", date(2026, 4, 13), [LICENCE]) == []
