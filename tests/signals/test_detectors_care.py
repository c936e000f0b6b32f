"""The opening of care sites: golden on the publisher's extract, then each guard."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from event_worlds import World, rows, told
from register_reading import RECORDS, read

CODE, TABLE, SITES = "care_site_opened", "finess__sites", "sirene__establishments"
TODAY, SEEN = date(2024, 11, 15), date(2024, 11, 1)
#: *Real*: a hospital of Wallis.
HOSPITAL: dict[str, Any] = {
    "numero_finess": "980600027", "numero_finess_entite": "980600019", "siret": "13000323900014",
    "siren": "130003239", "denomination": "AGENCE DE SANTE DE WALLIS ET FUTUNA",
    "categorie": "355", "code_commune": "98613", "en_service": True,
    "date_autorisation": date(2024, 10, 30), "date_ouverture": date(2024, 10, 30),
}  # fmt: skip


def test_what_the_extract_shows(tmp_path: Path) -> None:
    now = read("finess", RECORDS / "finess.json", tmp_path).table
    now = now.with_columns(source_id=pl.lit("finess@v1"))
    before = now.filter(pl.col("siren") != "130003239")
    events = told(CODE, World(TODAY, {TABLE: now}, {TABLE: before}, SEEN))
    assert [(one["event_key"], one["siret"], one["occurred_at"]) for one in events] == [
        ("980600027", "13000323900014", date(2024, 10, 30)),
        ("980600035", None, date(2024, 10, 30)),
    ]
    assert {(one["departement"], one["amends_only"]) for one in events} == {("986", False)}
    assert json.loads(events[0]["after"]) == {
        "numero_finess": "980600027", "categorie": "355", "code_commune": "98613",
        "date_autorisation": "2024-10-30",
    }  # fmt: skip
    assert told(CODE, World(TODAY, {TABLE: now}, {}, None)) == []


def opened(
    *, was: dict[str, Any] | None = None, known: date | None = None, **values: Any
) -> list[dict[str, Any]]:
    """Return what is told of the hospital with other ``values``, as it was when last seen."""
    after = {TABLE: rows(TABLE, {**HOSPITAL, **values})}
    if known is not None:
        after[SITES] = rows(SITES, {"siret": HOSPITAL["siret"], "date_creation": known})
    before = {TABLE: rows(TABLE, {**HOSPITAL, **was})} if was is not None else {}
    return told(CODE, World(TODAY, after, before, SEEN))


@pytest.mark.parametrize(
    "values",
    [
        {"en_service": False},
        {"date_ouverture": date(2024, 11, 16)},
        {"date_ouverture": date(2024, 5, 1)},
        {"date_ouverture": None},
        {"siren": None},
    ],
    ids=["closed", "to come", "old", "no day", "nobody"],
)
def test_no_opening(values: dict[str, Any]) -> None:
    assert opened(**values) == []


@pytest.mark.parametrize(
    ("known", "found"), [(date(2023, 10, 29), 0), (date(2023, 10, 30), 1)], ids=["older", "new"]
)
def test_what_sirene_knew_long_before_is_a_new_number_only(known: date, found: int) -> None:
    assert len(opened(known=known)) == found


def test_what_was_listed_before_is_told_on_the_day_it_opens_and_once() -> None:
    (event,) = opened(was={}, date_ouverture=date(2024, 11, 10))
    assert (event["occurred_at"], event["amends_only"]) == (date(2024, 11, 10), False)
    listed = {"date_ouverture": date(2024, 11, 10)}
    (event,) = opened(was=listed, **listed)
    assert event["amends_only"] is False
    assert opened(was={}) == []


def test_a_correction_amends_and_never_announces() -> None:
    (event,) = opened(was={"categorie": "101"})
    assert event["amends_only"] is True


@pytest.mark.parametrize(
    ("commune", "departement"), [("2A004", "2A"), ("97411", "974"), ("01053", "01")]
)
def test_the_department_is_that_of_the_commune(commune: str, departement: str) -> None:
    (event,) = opened(code_commune=commune)
    assert event["departement"] == departement
