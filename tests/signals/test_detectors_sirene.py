"""Rules on Sirene changes: each finds its event, and each guard refuses its trap."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import polars as pl
import pytest
from signal_tables import Tables, change

from signals.contract import EVENT_SCHEMA
from signals.registry import registry

TODAY = date(2017, 4, 11)


def found(code: str, *rows: dict[str, Any], today: date = TODAY, **tables: Any) -> pl.DataFrame:
    frames = Tables(today, {"sirene_changes": rows, **tables})
    events = registry()[code].detect(frames).collect()
    assert events.schema == EVENT_SCHEMA
    return events


OPENED = change("establishment_opened")
CLOSED = change("establishment_closed")
#: Siblings of the real file of 2017-04-07: the site moved from NIC 00012 to 00020.
MOVED = change("establishment_moved", other_siret="03897544700012", change_id="c-link")
TAKEN = change(
    "establishment_taken_over", siret="38245605100038", siren="382456051",
    other_siret="44786174100015",
)  # fmt: skip
HQ = change(
    "hq_moved", other_siret="03897544700012", from_commune="75102", to_commune="92012",
    distance_km=9.4,
)  # fmt: skip
RENAMED = change("unit_renamed", column="denomination", before="ALPHA", after="OMEGA")
NAF = change("unit_activity_changed", column="activite_principale", before="81.10Z", after="68.32A")
EMPLOYER = change(
    "unit_became_employer", column="caractere_employeur", before="N", after="O",
    to_commune="75102",
)  # fmt: skip
RISEN = change("unit_headcount_changed", column="tranche_effectifs", before="03", after="11")
FALLEN = {**RISEN, "before": "11", "after": "03"}
CLASS = change(
    "unit_size_class_changed", column="categorie_entreprise", before="PME", after="ETI"
)  # fmt: skip
MISSION = change("unit_mission_changed", column="societe_mission", before="N", after="O")
FORM = change("unit_legal_form_changed", column="categorie_juridique", before="5499", after="5710")

POSITIVE = {
    "site_opened": OPENED,
    "site_closed": CLOSED,
    "hq_moved": HQ,
    "company_created": change("unit_created"),
    "company_closed": change("unit_closed", before="A", after="C"),
    "company_reactivated": change("unit_reactivated", before="C", after="A"),
    "site_taken_over": TAKEN,
    "renamed": RENAMED,
    "activity_changed": NAF,
    "legal_form_changed": FORM,
    "first_employee": EMPLOYER,
    "headcount_band_up": RISEN,
    "headcount_band_down": FALLEN,
    "size_class_up": CLASS,
    "mission_or_ess_status": MISSION,
}


@pytest.mark.parametrize("code", POSITIVE)
def test_event_is_found_with_its_evidence(code: str) -> None:
    row = POSITIVE[code]
    (event,) = found(code, row).iter_rows(named=True)
    assert event["siren"] == row["siren"]
    assert event["occurred_at"] == date(2017, 3, 1)
    assert (event["source_id"], event["record_key"]) == ("sirene_changes@v1", row["change_id"])
    assert event["publication_date"] == date(2017, 4, 7)
    assert event["dataclassification"] == "company"
    assert json.loads(event["after"])


@pytest.mark.parametrize("code", POSITIVE)
@pytest.mark.parametrize("day", [date(2017, 4, 12), date(2014, 1, 1), None])
def test_future_stale_and_undated_changes_are_no_event(code: str, day: date | None) -> None:
    assert found(code, {**POSITIVE[code], "occurred_at": day}).is_empty()


@pytest.mark.parametrize("code", POSITIVE)
def test_last_day_of_the_window_counts_and_the_next_does_not(code: str) -> None:
    window = registry()[code].signal.window_days
    edge = date.fromordinal(TODAY.toordinal() - window)
    assert found(code, {**POSITIVE[code], "occurred_at": edge}).height == 1
    before = date.fromordinal(edge.toordinal() - 1)
    assert found(code, {**POSITIVE[code], "occurred_at": before}).is_empty()


@pytest.mark.parametrize("code", POSITIVE)
def test_a_row_removed_from_the_table_is_no_event(code: str) -> None:
    assert found(code, {**POSITIVE[code], "_op": "removed"}).is_empty()


@pytest.mark.parametrize(
    ("code", "rows"),
    [
        pytest.param("site_opened", [OPENED, MOVED], id="new site is the end of a move"),
        pytest.param("site_opened", [OPENED, change("hq_moved")], id="new site is the new seat"),
        pytest.param(
            "site_opened",
            [OPENED, change("establishment_taken_over", other_siret="44786174100015")],
            id="new site was taken over",
        ),
        pytest.param(
            "site_opened",
            [OPENED, change("unit_created", siret=None)],
            id="first site of a new company",
        ),
        pytest.param(
            "site_closed",
            [change("establishment_closed", siret="03897544700012"), MOVED],
            id="closed site is the start of a move",
        ),
        pytest.param(
            "site_closed",
            [change("establishment_closed", siret="44786174100015", siren="447861741"), TAKEN],
            id="closed site was taken over",
        ),
        pytest.param(
            "site_closed", [CLOSED, change("unit_closed", siret=None)], id="the company ceases"
        ),
        pytest.param(
            "hq_moved", [{**HQ, "other_siret": HQ["siret"]}], id="same establishment renumbered"
        ),
        pytest.param(
            "site_taken_over",
            [{**TAKEN, "other_siret": "38245605100012"}],
            id="same company on both ends",
        ),
        pytest.param(
            "renamed", [{**RENAMED, "before": "Société Alpha", "after": "SOCIETE ALPHA."}],
            id="case and accents",
        ),
        pytest.param("renamed", [{**RENAMED, "after": "[ND]"}], id="name becomes masked"),
        pytest.param("renamed", [{**RENAMED, "before": None}], id="name was unknown"),
        pytest.param(
            "activity_changed",
            [{**NAF, "column": "activite_principale_naf25", "after": "68.32B"}],
            id="another nomenclature",
        ),
        pytest.param("renamed", [{**RENAMED, "before": "[ND]"}], id="name was masked"),
        pytest.param("renamed", [{**RENAMED, "before": "."}], id="name was a dot"),
        pytest.param("renamed", [{**RENAMED, "after": ""}], id="name becomes empty"),
        pytest.param("activity_changed", [{**NAF, "after": "81.10Z"}], id="same activity"),
        pytest.param("legal_form_changed", [{**FORM, "after": "5499"}], id="same form"),
        pytest.param("legal_form_changed", [{**FORM, "before": "[ND]"}], id="form was masked"),
        pytest.param("legal_form_changed", [{**FORM, "after": "[ND]"}], id="form becomes masked"),
        pytest.param("mission_or_ess_status", [{**MISSION, "after": "N"}], id="same status"),
        pytest.param("activity_changed", [{**NAF, "is_mass_operation": True}], id="mass recoding"),
        pytest.param("activity_changed", [{**NAF, "before": "00.00Z"}], id="was unknown"),
        pytest.param("activity_changed", [{**NAF, "after": "[ND]"}], id="becomes masked"),
        pytest.param("headcount_band_up", [FALLEN], id="band fell"),
        pytest.param("headcount_band_up", [{**RISEN, "before": "NN"}], id="band was unknown"),
        pytest.param("headcount_band_down", [RISEN], id="band rose"),
        pytest.param("headcount_band_down", [{**FALLEN, "after": "NN"}], id="band not known now"),
        pytest.param("size_class_up", [{**CLASS, "before": "GE"}], id="class fell"),
        pytest.param("size_class_up", [{**CLASS, "before": None}], id="class was unknown"),
        pytest.param("mission_or_ess_status", [{**MISSION, "before": None}], id="status unknown"),
        pytest.param("mission_or_ess_status", [{**MISSION, "before": "[ND]"}], id="was masked"),
        pytest.param(
            "mission_or_ess_status", [{**MISSION, "is_mass_operation": True}], id="all recoded"
        ),
        pytest.param(
            "legal_form_changed", [{**FORM, "is_mass_operation": True}], id="forms recoded"
        ),
        pytest.param("legal_form_changed", [{**FORM, "before": None}], id="form was unknown"),
    ],
)  # fmt: skip
def test_trap_is_no_event(code: str, rows: list[dict[str, Any]]) -> None:
    assert found(code, *rows).is_empty()


def test_opening_long_after_the_creation_is_an_opening() -> None:
    old = change("unit_created", siret=None, occurred_at=date(2016, 11, 1))
    assert found("site_opened", OPENED, old).height == 1


def test_closing_long_before_the_company_ceases_is_a_closing() -> None:
    ceased = change("unit_closed", siret=None, occurred_at=date(2016, 11, 1))
    assert found("site_closed", CLOSED, ceased).height == 1


def test_closing_of_one_site_does_not_hide_another() -> None:
    elsewhere = change("unit_closed", siren="382456051", siret=None)
    assert found("site_closed", CLOSED, elsewhere).height == 1


def test_mass_operation_is_marked_not_dropped_for_closures() -> None:
    row = change("unit_closed", before="A", after="C", is_mass_operation=True)
    assert found("company_closed", row)["is_mass_operation"].to_list() == [True]


def test_take_over_names_the_other_company_and_both_sites() -> None:
    (event,) = found("site_taken_over", TAKEN).iter_rows(named=True)
    assert event["counterparty_siren"] == "447861741"
    assert event["event_key"] == "38245605100038|44786174100015"


def test_move_is_named_by_the_new_site_whatever_record_tells_it() -> None:
    again = {**HQ, "change_id": "c-other", "observed_at": date(2017, 4, 10)}
    assert found("hq_moved", HQ, again)["event_key"].unique().to_list() == ["03897544700020"]


def test_titles_say_the_distance() -> None:
    (event,) = found("hq_moved", HQ).iter_rows(named=True)
    assert event["title_fr"] == "Déménagement du siège à 9 km"
    near = found("hq_moved", {**HQ, "distance_km": 0.2})
    assert near["title_fr"].to_list() == ["Déménagement du siège"]


def test_yearly_figures_say_their_year_and_what_they_went_through() -> None:
    row = {**RISEN, "occurred_at": date(2015, 12, 31)}
    (event,) = found("headcount_band_up", row).iter_rows(named=True)
    assert event["title_fr"] == "Effectif : 6-9 → 10-19 (2015)"
    assert json.loads(event["after"]) == {"value": "11", "year": 2015}
    assert registry()["headcount_band_up"].signal.time_precision == "year"
    (event,) = found("size_class_up", CLASS).iter_rows(named=True)
    assert event["title_en"] == "Size class: SME → mid-size (2017)"


def test_published_band_of_one_year_is_one_event_even_if_corrected_later() -> None:
    later = {**RISEN, "after": "12", "change_id": "c-corrected"}
    keys = found("headcount_band_up", RISEN, later)["event_key"]
    assert keys.n_unique() == 1


def test_second_first_employee_is_the_same_event() -> None:
    again = {**EMPLOYER, "occurred_at": date(2017, 4, 1), "change_id": "c-again"}
    assert found("first_employee", EMPLOYER, again)["event_key"].n_unique() == 1


def test_status_says_which_and_whether_it_is_gained_or_lost() -> None:
    lost = {**MISSION, "change": "unit_ess_changed", "column": "ess", "before": "O", "after": "N"}
    titles = found("mission_or_ess_status", MISSION, lost)["title_fr"].to_list()
    assert titles == [
        "Société à mission : qualité acquise",
        "Économie sociale et solidaire : qualité perdue",
    ]
