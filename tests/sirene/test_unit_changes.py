"""Changes of legal units, one trap at a time (synthetic rows)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from registers import ALPHA, BETA, NOW, changes, kinds, registry, site, unit

PERIOD = date(2026, 9, 15)


def changed(**columns: Any) -> list[str]:
    """Return the kinds of change when ALPHA opens a period with ``columns``."""
    after = unit(**({"date_debut": PERIOD} | columns))
    return kinds(registry([unit()], [site()]), registry([after], [site()]))


def test_the_first_state_is_silent() -> None:
    assert changes(None, registry([unit(date_creation=PERIOD)], [site()])) == []


def test_a_new_company_is_created_on_its_own_date() -> None:
    after = registry(
        [unit(), unit(BETA, date_creation=PERIOD)], [site(), site(BETA, date_creation=PERIOD)]
    )
    (row,) = changes(registry([unit()], [site()]), after)
    assert row["change"] == "unit_created"
    assert (row["siren"], row["siret"]) == (BETA, None)
    assert (row["occurred_at"], row["observed_at"]) == (PERIOD, NOW)
    assert (row["departement"], row["activite_principale"]) == ("75", "62.01Z")
    assert (row["personne_morale"], row["prospecting_allowed"]) == (True, True)
    assert row["nom_complet"] == f"SOCIETE {BETA}"


@pytest.mark.parametrize(
    ("days", "expected"),
    [(90, ["unit_created"]), (91, []), (-366, ["unit_created"]), (-367, [])],
)
def test_an_older_company_that_appears_was_hidden_not_created(
    days: int, expected: list[str]
) -> None:
    born = NOW - timedelta(days=days)
    after = registry([unit(), unit(BETA, date_creation=born)], [site()])
    assert kinds(registry([unit()], [site()]), after) == expected


def test_a_company_without_known_creation_is_not_created() -> None:
    after = registry([unit(), unit(BETA, date_creation=None)], [site()])
    assert kinds(registry([unit()], [site()]), after) == []


def test_a_company_that_appears_closed_is_not_created() -> None:
    born = unit(BETA, date_creation=PERIOD, etat_administratif="C")
    assert kinds(registry([unit()]), registry([unit(), born])) == []


def test_the_closing_of_a_company_covers_its_establishments() -> None:
    before = registry([unit()], [site(), site(nic="00029")])
    shut = {"etat_administratif": "F", "date_debut": PERIOD}
    after = registry(
        [unit(etat_administratif="C", date_debut=PERIOD)],
        [site(**shut), site(nic="00029", **shut)],
    )
    (row,) = changes(before, after)
    assert (row["change"], row["before"], row["after"]) == ("unit_closed", "A", "C")
    assert row["occurred_at"] == PERIOD


def test_a_company_closed_as_of_its_creation_is_a_cancelled_registration() -> None:
    # What INSEE does with a SIREN given twice (StockDoublons).
    before = registry([unit(date_creation=date(2026, 8, 1))])
    after = registry(
        [
            unit(
                date_creation=date(2026, 8, 1),
                etat_administratif="C",
                date_debut=date(2026, 8, 1),
            )
        ]
    )
    assert kinds(before, after) == []


def test_a_company_that_vanishes_makes_no_change() -> None:
    # Duplicates are removed, purged or hidden units leave the file: none of them closes.
    before = registry([unit(), unit(BETA)], [site(), site(BETA)])
    assert kinds(before, registry([unit()], [site()])) == []


def test_a_reactivation_covers_the_establishments_that_open_with_it() -> None:
    before = registry([unit(etat_administratif="C")], [site(etat_administratif="F")])
    after = registry(
        [unit(date_debut=PERIOD)],
        [site(date_debut=PERIOD), site(nic="00029", date_creation=PERIOD)],
    )
    assert kinds(before, after) == ["unit_reactivated"]


def test_a_real_renaming_is_told_with_both_names() -> None:
    (row,) = changes(
        registry([unit(denomination="TURBOMECA")], [site()]),
        registry([unit(denomination="SAFRAN HELICOPTER ENGINES", date_debut=PERIOD)], [site()]),
    )
    assert row["change"] == "unit_renamed"
    assert (row["column"], row["before"], row["after"]) == (
        "denomination", "TURBOMECA", "SAFRAN HELICOPTER ENGINES"
    )  # fmt: skip
    assert row["nom_complet"] == "SAFRAN HELICOPTER ENGINES"


@pytest.mark.parametrize(
    "spelling",
    [
        "Societe Générale",
        "SOCIETE  GENERALE",
        "SOCIÉTÉ-GÉNÉRALE",
        "SOCIETE GENERALE SA",
        "S.A. SOCIETE GENERALE",
    ],
)
def test_another_spelling_of_the_same_name_is_no_renaming(spelling: str) -> None:
    before = registry([unit(denomination="SOCIETE GENERALE")], [site()])
    after = registry([unit(denomination=spelling, date_debut=PERIOD)], [site()])
    assert kinds(before, after) == []


def test_the_same_period_corrected_is_no_event() -> None:
    assert changed(denomination="AUTRE NOM") == ["unit_renamed"]
    assert changed(denomination="AUTRE NOM", date_debut=date(2010, 5, 5)) == []


def test_a_new_activity_is_an_event_within_one_nomenclature_only() -> None:
    assert changed(activite_principale="70.22Z") == ["unit_activity_changed"]
    assert changed(activite_principale="62.20G", nomenclature_activite="NAF2025") == []
    assert changed(activite_principale="70.22Z", nomenclature_activite=None) == []
    assert changed(activite_principale="00.00Z") == []
    assert changed(activite_principale=None) == []


def test_a_new_legal_form_is_an_event() -> None:
    assert changed(categorie_juridique="5599") == ["unit_legal_form_changed"]
    assert changed(categorie_juridique=None) == []


@pytest.mark.parametrize("column", ["tranche_effectifs", "categorie_entreprise", "sigle"])
def test_vintages_and_corrections_are_no_events(column: str) -> None:
    values = {"tranche_effectifs": ("NN", "12"), "categorie_entreprise": ("PME", "ETI")}
    before, after = values.get(column, ("O", "N"))
    assert (
        kinds(
            registry([unit(**{column: before})], [site()]),
            registry([unit(date_debut=PERIOD, **{column: after})], [site()]),
        )
        == []
    )


@pytest.mark.parametrize(("before", "after"), [("O", "P"), ("P", "O"), ("N", "P"), ("P", "P")])
def test_an_opposition_makes_no_event_and_hides_all(before: str, after: str) -> None:
    was = registry([unit(statut_diffusion=before)], [site(), site(nic="00029")])
    now = registry(
        [
            unit(
                statut_diffusion=after,
                denomination="AUTRE",
                date_debut=PERIOD,
                nic_siege="00029",
                activite_principale="70.22Z",
            )
        ],
        [site(etat_administratif="F", date_debut=PERIOD), site(nic="00029")],
    )
    assert kinds(was, now) == []


def test_a_hidden_company_that_appears_is_not_created() -> None:
    appeared = unit(BETA, date_creation=PERIOD, statut_diffusion="P")
    assert kinds(registry([unit()]), registry([unit(), appeared])) == []


def test_a_sole_trader_has_events_but_no_name() -> None:
    before = registry([unit(categorie_juridique="1000", denomination=None)], [site()])
    after = registry(
        [
            unit(
                categorie_juridique="1000",
                denomination=None,
                activite_principale="70.22Z",
                date_debut=PERIOD,
            )
        ],
        [site()],
    )
    (row,) = changes(before, after)
    assert (row["siren"], row["change"]) == (ALPHA, "unit_activity_changed")
    assert (row["personne_morale"], row["nom_complet"]) == (False, None)
