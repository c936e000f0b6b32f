"""What Insee computes once a year, and the first employees of a unit (synthetic rows)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from registers import ALPHA, BETA, NOW, changes, kinds, registry, site, unit

PERIOD = date(2026, 9, 15)
BAND = {"tranche_effectifs": "03", "annee_effectifs": 2023}
CLASS = {"categorie_entreprise": "PME", "annee_categorie_entreprise": 2023}


def refreshed(before: dict[str, Any], **after: Any) -> list[dict[str, Any]]:
    was = registry([unit(**before)], [site()])
    return changes(was, registry([unit(**(before | after))], [site()]))


def test_a_band_of_a_later_year_is_a_change_dated_by_the_end_of_that_year() -> None:
    (row,) = refreshed(BAND, tranche_effectifs="11", annee_effectifs=2024)
    assert (row["change"], row["before"], row["after"]) == ("unit_headcount_changed", "03", "11")
    assert (row["occurred_at"], row["is_mass_operation"]) == (date(2024, 12, 31), False)


def test_a_size_class_of_a_later_year_is_a_change() -> None:
    (row,) = refreshed(CLASS, categorie_entreprise="ETI", annee_categorie_entreprise=2024)
    assert (row["change"], row["after"]) == ("unit_size_class_changed", "ETI")
    assert row["occurred_at"] == date(2024, 12, 31)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({}, {"tranche_effectifs": "11"}, id="same year: a correction"),
        pytest.param({}, {"annee_effectifs": 2024}, id="same band"),
        pytest.param({}, {"tranche_effectifs": "11", "annee_effectifs": 2022}, id="older year"),
        pytest.param({}, {"tranche_effectifs": "11", "annee_effectifs": None}, id="no year"),
        pytest.param(
            {"tranche_effectifs": "NN", "annee_effectifs": None},
            {"tranche_effectifs": "11", "annee_effectifs": 2024},
            id="was unknown, as in the real files of 2017",
        ),
        pytest.param(
            {"tranche_effectifs": "NN"},
            {"tranche_effectifs": "11", "annee_effectifs": 2024},
            id="was NN with a year",
        ),
        pytest.param(
            {}, {"tranche_effectifs": "NN", "annee_effectifs": 2024}, id="becomes unknown"
        ),
        pytest.param({}, {"tranche_effectifs": None, "annee_effectifs": 2024}, id="becomes empty"),
    ],
)
def test_unknown_and_corrected_bands_are_no_change(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert refreshed(BAND | before, **after) == []


def test_the_yearly_refresh_is_no_mass_operation() -> None:
    numbers = [f"{number:09d}" for number in range(700)]
    before = registry([unit(one, **BAND) for one in numbers], [])
    after = [unit(one, tranche_effectifs="11", annee_effectifs=2024) for one in numbers]
    rows = changes(before, registry(after, []))
    assert len(rows) == 700
    assert not any(row["is_mass_operation"] for row in rows)


@pytest.mark.parametrize(
    ("column", "kind"), [("ess", "unit_ess_changed"), ("societe_mission", "unit_mission_changed")]
)
def test_a_status_is_gained_with_a_new_period_only(column: str, kind: str) -> None:
    (row,) = refreshed({column: "N"}, **{column: "O"}, date_debut=PERIOD)
    assert (row["change"], row["before"], row["after"]) == (kind, "N", "O")
    assert row["occurred_at"] == PERIOD
    assert refreshed({column: "N"}, **{column: "O"}) == []
    assert refreshed({column: None}, **{column: "O"}, date_debut=PERIOD) == []


def employing(*flags: str | None, **columns: Any) -> Any:
    """Return a register in which ALPHA has one establishment for each flag."""
    sites = [
        site(nic=f"{number:05d}", caractere_employeur=flag, **(columns if flag == "O" else {}))
        for number, flag in enumerate(flags, start=11)
    ]
    return registry([unit()], sites)


def test_the_first_establishment_that_declares_employees_makes_an_employer() -> None:
    (row,) = changes(employing("N", "N"), employing("N", "O", date_debut=PERIOD))
    assert (row["change"], row["siren"], row["siret"]) == (
        "unit_became_employer", ALPHA, ALPHA + "00012",
    )  # fmt: skip
    assert (row["before"], row["after"], row["occurred_at"]) == ("N", "O", PERIOD)
    assert row["to_commune"] == "75101"


def test_two_at_once_are_one_event_on_the_earlier_site() -> None:
    after = employing("O", "O", date_debut=PERIOD)
    assert [row["siret"] for row in changes(employing("N", "N"), after)] == [ALPHA + "00011"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(("O", "N"), ("O", "O"), id="already an employer elsewhere"),
        pytest.param((None, "N"), (None, "O"), id="another site is not known"),
        pytest.param((None,), ("O",), id="was not known"),
        pytest.param(("N",), (None,), id="is not known now"),
    ],
)
def test_unknown_flags_and_old_employers_are_no_first(
    before: tuple[str | None, ...], after: tuple[str | None, ...]
) -> None:
    assert kinds(employing(*before), employing(*after, date_debut=PERIOD)) == []


def test_a_closed_establishment_that_employed_is_remembered() -> None:
    closed = site(nic="00029", caractere_employeur="O", etat_administratif="F")
    was = registry([unit()], [site(caractere_employeur="N"), closed])
    now = registry([unit()], [site(caractere_employeur="O", date_debut=PERIOD), closed])
    assert kinds(was, now) == []


def test_an_old_period_that_turns_out_to_employ_is_a_correction() -> None:
    old = NOW - timedelta(days=121)
    assert kinds(employing("N"), employing("O", date_debut=old)) == []
    assert len(kinds(employing("N"), employing("O", date_debut=old + timedelta(days=1)))) == 1


def test_a_company_created_with_employees_is_created_only() -> None:
    born = {"date_creation": PERIOD, "date_debut": PERIOD}
    after = registry(
        [unit(), unit(BETA, **born)], [site(), site(BETA, caractere_employeur="O", **born)]
    )
    assert kinds(registry([unit()], [site()]), after) == ["unit_created"]


def test_nobody_under_partial_diffusion_becomes_an_employer() -> None:
    hidden = {"statut_diffusion": "P"}
    was = registry([unit()], [site(caractere_employeur="N", **hidden)])
    now = registry([unit()], [site(caractere_employeur="O", date_debut=PERIOD, **hidden)])
    assert kinds(was, now) == []
