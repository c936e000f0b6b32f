"""The rule on food hygiene inspections, with its guards. All rows are *synthetic*."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from register_lists import Lists, detected

TABLE = "alimconfiance__inspections"
TODAY = date(2026, 3, 10)
WANTING: dict[str, Any] = {
    "siret": "38245605100004", "siren": "382456051", "date_inspection": date(2026, 3, 2),
    "niveau": 3, "activites": "Restaurant",
}  # fmt: skip
ELSE = {**WANTING, "siret": "35600000000048", "siren": "356000000", "niveau": 1}


def found(*lists: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return detected("hygiene_to_improve", Lists(TODAY, {TABLE: lists}))


@pytest.mark.parametrize(
    ("level", "title", "english"),
    [
        (3, "Hygiène à améliorer", "Hygiene to be improved"),
        (4, "Hygiène à corriger de manière urgente", "Hygiene to be mended at once"),
    ],
)
def test_hygiene_to_improve(level: int, title: str, english: str) -> None:
    (event,) = found([ELSE], [ELSE, {**WANTING, "niveau": level}])
    assert (event["siret"], event["occurred_at"]) == ("38245605100004", date(2026, 3, 2))
    assert (event["title_fr"], event["title_en"]) == (title, english)
    assert json.loads(event["after"]) == {"niveau": level, "activites": "Restaurant"}
    assert event["amends_only"] is False


BETTER = {**WANTING, "niveau": 2, "date_inspection": date(2026, 3, 8)}
EARLIER = {**WANTING, "niveau": 2, "date_inspection": date(2025, 12, 8)}


@pytest.mark.parametrize(
    "lists",
    [
        [[WANTING]],
        [[WANTING], [WANTING]],
        [[ELSE], [ELSE, {**WANTING, "niveau": 2}]],
        [[ELSE], [ELSE, {**WANTING, "niveau": None}]],
        [[ELSE], [ELSE, WANTING, BETTER]],
        [[ELSE], [ELSE, {**WANTING, "date_inspection": date(2025, 12, 1)}]],
        [[ELSE], [ELSE, {**WANTING, "date_inspection": date(2026, 3, 11)}]],
        [[ELSE, WANTING], [ELSE]],
    ],
    ids=["baseline", "known", "fine", "unknown", "answered since", "old", "to come", "rolled out"],
)
def test_no_hygiene_to_improve(lists: list[list[dict[str, Any]]]) -> None:
    assert found(*lists) == []


def test_an_earlier_inspection_answers_nothing() -> None:
    assert len(found([ELSE, EARLIER], [ELSE, EARLIER, WANTING])) == 1


def test_a_corrected_result_amends_and_never_announces() -> None:
    (event,) = found([ELSE, WANTING], [ELSE, {**WANTING, "niveau": 4}])
    assert event["amends_only"] is True
