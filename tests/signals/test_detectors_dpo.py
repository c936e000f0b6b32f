"""The rule on data protection officers, with its guards. All rows are *synthetic*."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from register_lists import Lists, detected

TABLE = "dpo__designations"
TODAY = date(2026, 3, 10)
DESIGNATED: dict[str, Any] = {
    "siren": "382456051", "nom": "EXEMPLE DISTRIBUTION", "externe": True,
    "dpo_siren": "552032534", "date_designation": date(2026, 3, 2),
}  # fmt: skip
ELSE = {**DESIGNATED, "siren": "356000000", "date_designation": date(2018, 5, 25)}


def found(*lists: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return detected("dpo_designated", Lists(TODAY, {TABLE: lists}))


def test_dpo_designated() -> None:
    (event,) = found([ELSE], [ELSE, DESIGNATED])
    assert (event["siren"], event["counterparty_siren"]) == ("382456051", "552032534")
    assert (event["occurred_at"], event["event_key"]) == (date(2026, 3, 2), "first")
    assert json.loads(event["after"]) == {"externe": True, "dpo_siren": "552032534"}


CHANGED = {**DESIGNATED, "externe": False, "dpo_siren": None, "date_designation": TODAY}


@pytest.mark.parametrize(
    "lists",
    [
        [[ELSE, DESIGNATED]],
        [[ELSE, DESIGNATED], [ELSE, CHANGED]],
        [[ELSE, DESIGNATED], [ELSE], [ELSE, CHANGED]],
        [[ELSE], [ELSE, {**DESIGNATED, "date_designation": date(2025, 12, 9)}]],
        [[ELSE], [ELSE, {**DESIGNATED, "date_designation": date(2026, 3, 11)}]],
        [[ELSE], [ELSE, {**DESIGNATED, "date_designation": None}]],
        [[ELSE, DESIGNATED], [ELSE]],
    ],
    ids=["baseline", "another officer", "left out for a day", "old", "to come", "no day", "ended"],
)
def test_no_dpo_designated(lists: list[list[dict[str, Any]]]) -> None:
    assert found(*lists) == []
