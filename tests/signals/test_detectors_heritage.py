"""Rules on the label of living heritage, with their guards. All rows are *synthetic*."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from register_lists import Lists, detected

TABLE = "epv__labels"
TODAY = date(2026, 3, 10)
LABEL: dict[str, Any] = {
    "siret": "38245605100004", "siren": "382456051", "raison_sociale": "EXEMPLE TISSAGE",
    "univers": "Mode et beauté", "date_debut": date(2026, 2, 15), "date_fin": date(2031, 2, 14),
}  # fmt: skip
ELSE = {**LABEL, "siret": "35600000000048", "siren": "356000000"}


def gained(*lists: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return detected("epv_gained", Lists(TODAY, {TABLE: lists}))


def test_epv_gained() -> None:
    (event,) = gained([ELSE], [ELSE, LABEL])
    assert (event["siret"], event["occurred_at"]) == ("38245605100004", date(2026, 2, 15))
    assert json.loads(event["after"]) == {
        "univers": "Mode et beauté", "date_debut": "2026-02-15", "date_fin": "2031-02-14",
    }  # fmt: skip


@pytest.mark.parametrize(
    "lists",
    [
        [[ELSE, LABEL]],
        [[ELSE, {**LABEL, "date_debut": date(2021, 2, 15)}], [ELSE, LABEL]],
        [[ELSE, LABEL], [ELSE], [ELSE, LABEL]],
        [[ELSE], [ELSE, {**LABEL, "date_debut": date(2025, 11, 9)}]],
        [[ELSE], [ELSE, {**LABEL, "date_debut": date(2026, 3, 11)}]],
        [[ELSE], [ELSE, {**LABEL, "date_debut": None}]],
    ],
    ids=["baseline", "renewed", "left out for a day", "old", "to come", "no day"],
)
def test_no_epv_gained(lists: list[list[dict[str, Any]]]) -> None:
    assert gained(*lists) == []


ENDING = {**LABEL, "date_debut": date(2021, 9, 5), "date_fin": date(2026, 9, 4)}
BEGINS = date(2026, 3, 8)


def expiring(row: dict[str, Any], seen: date | None) -> list[dict[str, Any]]:
    lists = [[row]] if seen is None else [[row], [row]]
    return detected("epv_expiring", Lists(TODAY, {TABLE: lists}, seen=seen, moved=False))


def test_epv_expiring_when_its_last_180_days_begin() -> None:
    (event,) = expiring(ENDING, date(2026, 3, 7))
    assert (event["siret"], event["occurred_at"]) == ("38245605100004", BEGINS)
    assert event["title_fr"] == (
        "Label Entreprise du patrimoine vivant à renouveler avant le 04/09/2026"
    )
    assert event["title_en"] == "Living heritage label to be renewed before 2026-09-04"


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        ({}, None),
        ({}, BEGINS),
        ({"date_fin": date(2026, 9, 7)}, date(2026, 3, 7)),
        ({"date_fin": date(2026, 3, 9)}, date(2020, 1, 1)),
        ({"date_fin": None}, date(2026, 3, 7)),
    ],
    ids=["baseline", "told before", "not yet", "over", "no day"],
)
def test_no_epv_expiring(values: dict[str, Any], seen: date | None) -> None:
    assert expiring({**ENDING, **values}, seen) == []
