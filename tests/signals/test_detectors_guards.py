"""Guards that all rules share, proven for each of them: time, who it is about, what was withdrawn.

Each rule is made to speak by one row (``tests/support/telling_rows.py``); then it must be silent
where the row is too old or too young, says of nobody whom it is about, or was taken back.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from telling_rows import CASES, Case

from signals.registry import registry

#: What they tell ends with a period of their own, before their window does.
NARROWER = ("winning_streak",)
each = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}, {case.table}")


def of(*wanted: Any) -> Any:
    """Run for the cases that satisfy all of ``wanted``."""
    chosen = [case for case in CASES if all(one(case) for one in wanted)]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: f"{case.code}, {case.table}")


def steady(case: Case) -> bool:
    return registry()[case.code].signal.time_driven


def in_delta(case: Case) -> bool:
    return not (case.gone or case.stays)


def notice(case: Case) -> bool:
    return case.table.startswith("bodacc__")


def says_who(case: Case) -> bool:
    return case.table in ("sirene_changes", "spectacle__licences")


def events(case: Case, frames: Any = None) -> list[dict[str, Any]]:
    frames = case.frames() if frames is None else frames
    return registry()[case.code].detect(frames).collect().to_dicts()


def occurred(case: Case) -> date:
    (event,) = events(case)
    day = event["occurred_at"]
    assert isinstance(day, date)
    return day


def test_every_signal_has_a_row_that_makes_it_speak() -> None:
    assert {case.code for case in CASES} == set(registry())


@each
def test_the_row_tells_one_event_about_its_company(case: Case) -> None:
    (event,) = events(case)
    assert event["siren"] == case.row[case.siren]
    assert event["dataclassification"] == case.company


@each
def test_an_event_of_tomorrow_is_none_yet(case: Case) -> None:
    assert events(case, case.frames(occurred(case) - timedelta(days=1))) == []


@each
def test_an_event_older_than_the_window_is_none(case: Case) -> None:
    last = occurred(case) + timedelta(days=registry()[case.code].signal.window_days)
    assert events(case, case.frames(last + timedelta(days=1))) == []


@of(lambda case: not steady(case) and case.code not in NARROWER)
def test_the_last_day_of_the_window_counts(case: Case) -> None:
    last = occurred(case) + timedelta(days=registry()[case.code].signal.window_days)
    assert len(events(case, case.frames(last))) == 1


@each
def test_a_row_about_nobody_is_no_event(case: Case) -> None:
    assert events(case, case.frames(**{case.siren: None})) == []


@of(in_delta)
def test_a_row_that_is_not_there_any_more_is_no_event(case: Case) -> None:
    assert events(case, case.dropped()) == []


@of(says_who)
@pytest.mark.parametrize(("said", "told"), [(False, "sole_trader"), (None, None)])
def test_who_is_no_company_is_not_called_one(case: Case, said: bool | None, told: Any) -> None:
    (event,) = events(case, case.frames(personne_morale=said))
    assert event["dataclassification"] == told


@of(lambda case: case.table == "sirene_changes")
def test_a_rule_reads_its_own_kinds_of_change(case: Case) -> None:
    others = [
        other.row
        for other in CASES
        if other.table == case.table and other.row["change"] != case.row["change"]
    ]
    assert events(case, case.among(*others)) == []
    assert events(case, case.frames(change="unit_other")) == []


@of(lambda case: case.table == "decp__awards")
def test_a_winner_abroad_is_no_company_of_the_register(case: Case) -> None:
    assert events(case, case.frames(titulaire_siren="FR4219975")) == []


@of(lambda case: case.table == "decp__awards")
@pytest.mark.parametrize("number", ["42199758", "421997586000355", "FR42199758600035"])
def test_a_number_that_is_no_siret_is_not_called_one(case: Case, number: str) -> None:
    (event,) = events(case, case.frames(titulaire_id=number))
    assert event["siret"] is None
    (event,) = events(case, case.frames(acheteur_id=number))
    assert event["counterparty_siren"] is None


@of(lambda case: case.table == "decp__awards" and case.code not in ("big_win",))
@pytest.mark.parametrize("amount", [999.0, 99_999_999.0, 13e9])
def test_an_amount_that_cannot_be_is_not_shown(case: Case, amount: float) -> None:
    (event,) = events(case, case.frames(montant_eur=amount))
    assert json.loads(event["after"])["montant_eur"] is None


@of(lambda case: case.table == "decp__awards" and case.code not in ("big_win",))
def test_the_ceiling_of_a_framework_is_in_no_title(case: Case) -> None:
    (event,) = events(case, case.frames(nature="Accord-cadre"))
    assert "€" not in event["title_fr"] + event["title_en"]


@of(lambda case: case.table == "bodacc__modifications")
@pytest.mark.parametrize(
    ("effect", "dated"),
    [
        (date(2025, 5, 2), "effect"),
        (date(2024, 12, 28), "notice"),
        (date(2025, 6, 28), "notice"),
    ],
    ids=["lately", "of another event", "to come"],
)
def test_a_modification_is_dated_by_its_effect_if_that_is_near(
    case: Case, effect: date, dated: str
) -> None:
    notice = case.row["date_parution"]
    (event,) = events(case, case.frames(case.today, date_effet=effect))
    assert event["occurred_at"] == (effect if dated == "effect" else notice)


def correction(case: Case, kind: str) -> dict[str, Any]:
    """Return what takes the place of the row of ``case``, with the same content."""
    return {
        **case.row,
        "notice_id": "A2099000101",
        "type_avis": kind,
        "previous_notice_id": case.row["notice_id"],
    }


@of(notice)
def test_an_annulled_notice_and_its_annulment_say_nothing(case: Case) -> None:
    annulment = correction(case, "annulation")
    assert events(case, case.among(case.row, annulment)) == []
    assert events(case, case.among(annulment)) == []


@of(notice)
def test_an_annulment_of_another_family_is_heeded(case: Case) -> None:
    values = ("notice_id", "date_parution", "type_avis", "previous_notice_id")
    annulment = {name: correction(case, "annulation")[name] for name in values}
    around = {**case.around, "bodacc__notices": [annulment]}
    assert events(replace(case, around=around)) == []


@of(notice)
def test_of_a_rectified_notice_the_later_one_speaks(case: Case) -> None:
    (event,) = events(case, case.among(case.row, correction(case, "rectificatif")))
    assert event["record_key"].startswith("A2099000101")


@of(notice)
def test_a_correction_that_cites_nothing_takes_nothing_back(case: Case) -> None:
    stray = {**correction(case, "annulation"), "previous_notice_id": None}
    assert len(events(case, case.among(case.row, stray))) == 1


@of(notice)
def test_a_notice_that_cites_another_without_correcting_it_takes_nothing_back(case: Case) -> None:
    (event, *_) = events(case)
    later = {**correction(case, "annonce"), "notice_id": "A0000000101"}
    told = {one["record_key"] for one in events(case, case.among(case.row, later))}
    assert event["record_key"] in told


@of(lambda case: case.table == "bodacc__insolvencies")
def test_a_judgment_that_was_retracted_says_nothing(case: Case) -> None:
    retraction = {
        **correction(case, "annonce"),
        "jugement_famille": "Rétractation sur tierce opposition",
        "stage": "other",
    }
    assert events(case, case.among(case.row, retraction)) == []
