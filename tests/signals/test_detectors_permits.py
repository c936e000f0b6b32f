"""Rules on building permits: golden on the bundled vintages, then each guard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from event_worlds import World, rows, told

from assets.sitadel.normalise import normalise
from opendata.catalogue import load_dataset
from opendata.contract import read_resource

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data/sample/sitadel"
DATASET = load_dataset(ROOT / "assets/sitadel/dataset.yml")
TABLE = "sitadel__permits"
TODAY = date(2025, 1, 6)
#: *Real*: offices of ORTHODONTIE KLEBER at Montreuil, authorised on 26 November 2024.
OFFICES: dict[str, Any] = {
    "fichier": "locaux", "type_autorisation": "DP", "numero": "09304824B0468", "etat": "2",
    "siren": "934043704", "denomination": "ORTHODONTIE KLEBER", "categorie_juridique": "6540",
    "activite_principale": "68.20B", "departement": "93", "commune": "93048", "destination": "3",
    "surface_m2": 187, "date_autorisation": date(2024, 11, 26),
}  # fmt: skip
#: The same, had it been asked for by its occupier, a company of 8 000 m² of warehouse.
WAREHOUSE = {**OFFICES, "activite_principale": "52.10B", "destination": "8", "surface_m2": 8000}
CODES = ("premises_authorised", "works_started", "works_finished")


def vintage(day: str, work: Path) -> pl.DataFrame:
    raw = {}
    for path in sorted((SAMPLE / day).glob("*.csv")):
        result = read_resource(DATASET.resource(path.stem), [path], work=work / day / path.stem)
        raw[path.stem] = pl.scan_parquet(result.path)
    source = pl.lit("sitadel@v1").alias("source_id")
    return normalise(raw)[TABLE].with_columns(source).collect()


def test_what_the_bundled_vintages_show(tmp_path: Path) -> None:
    before, after = vintage("2024-08-01", tmp_path), vintage("2025-01-02", tmp_path)
    world = World(TODAY, {TABLE: after}, {TABLE: before})
    assert [
        (code, event["company_name"], event["occurred_at"], event["title_fr"])
        for code in CODES
        for event in told(code, world)
    ] == [
        (
            "premises_authorised",
            "ORTHODONTIE KLEBER",
            date(2024, 11, 26),
            "Permis accordé : 187 m² (bureaux)",
        ),
        (
            "premises_authorised",
            "VULCAIN",
            date(2024, 8, 7),
            "Permis accordé : 1252 m² (industrie)",
        ),
        (
            "works_started",
            "SCCV TOULOUSE 142 AVENUE DES ETATS UNIS",
            date(2024, 8, 23),
            "Chantier ouvert : terrain de 28247 m²",
        ),
        ("works_finished", "A-VENIR", date(2024, 10, 1), "Travaux achevés : terrain de 4209 m²"),
    ]
    baseline = World(TODAY, {TABLE: after}, {}, None)
    assert not any(told(code, baseline) for code in CODES)


def permits(code: str, new: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> Any:
    before = {TABLE: rows(TABLE, old)} if old else {}
    return told(code, World(TODAY, {TABLE: rows(TABLE, new)}, before))


def test_who_builds_for_another_is_believed_half() -> None:
    (event,) = permits("premises_authorised", OFFICES)
    assert (event["confidence"], json.loads(event["after"])["applicant"]) == (0.5, "developer")
    (event,) = permits("premises_authorised", WAREHOUSE)
    assert (event["confidence"], json.loads(event["after"])["applicant"]) == (0.9, "occupier")
    assert event["event_key"] == "DP|09304824B0468"


@pytest.mark.parametrize(
    "values",
    [
        {"surface_m2": 149},
        {"surface_m2": None},
        {"destination": "1"},
        {"destination": "9"},
        {"destination": "4", "surface_m2": 299},
        {"destination": "8", "surface_m2": 499},
        {"fichier": "demolir"},
        {"categorie_juridique": "7210"},
        {"date_autorisation": date(2024, 7, 1)},
        {"date_autorisation": date(2025, 2, 1)},
        {"siren": None},
    ],
)
def test_no_premises_authorised(values: Mapping[str, Any]) -> None:
    assert permits("premises_authorised", {**OFFICES, **values}) == []


def test_correction_of_a_permit_amends_but_works_announce() -> None:
    larger = {**OFFICES, "surface_m2": 300}
    (event,) = permits("premises_authorised", larger, OFFICES)
    assert event["amends_only"] is True
    begun = {**OFFICES, "date_ouverture_chantier": date(2024, 12, 20)}
    (event,) = permits("works_started", begun, OFFICES)
    assert (event["amends_only"], event["occurred_at"]) == (False, date(2024, 12, 20))


#: No works of a size or of an applicant that counts, whatever is built: what is changed of
#: :data:`OFFICES`.
SMALL: tuple[Mapping[str, Any], ...] = (
    {"surface_m2": 20},
    {"surface_m2": 20, "logements_crees": 10},
    {"surface_m2": 20, "superficie_terrain_m2": 28247},
    {"fichier": "demolir"},
    {"fichier": "logements", "logements_crees": 9},
    {"fichier": "amenager", "superficie_terrain_m2": 499},
    {"categorie_juridique": "7344"},
)
BEGUN = {"date_ouverture_chantier": date(2024, 12, 20)}
ENDED = {"date_achevement": date(2025, 1, 2)}
WORKS = (("works_started", BEGUN), ("works_finished", ENDED))


@pytest.mark.parametrize(("code", "works"), WORKS, ids=[code for code, _ in WORKS])
@pytest.mark.parametrize("values", SMALL)
def test_no_works_that_count(
    code: str, works: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    assert len(permits(code, {**OFFICES, **works})) == 1
    assert permits(code, {**OFFICES, **works, **values}) == []


@pytest.mark.parametrize(
    "values", [{}, {"date_ouverture_chantier": date(2024, 6, 1)}, {**BEGUN, **ENDED}]
)
def test_no_works_started(values: Mapping[str, Any]) -> None:
    assert permits("works_started", {**OFFICES, **values}) == []


@pytest.mark.parametrize(("code", "works"), WORKS, ids=[code for code, _ in WORKS])
def test_dwellings_and_sites_count_by_their_own_measure(
    code: str, works: Mapping[str, Any]
) -> None:
    row = {**OFFICES, **works, "destination": None, "surface_m2": None}
    (event,) = permits(code, {**row, "fichier": "logements", "logements_crees": 10})
    assert event["title_fr"].endswith(" : 10 logements")
    (event,) = permits(code, {**row, "fichier": "amenager", "superficie_terrain_m2": 500})
    assert event["title_fr"].endswith(" : terrain de 500 m²")


@pytest.mark.parametrize(
    ("ended", "found"),
    [
        (date(2024, 12, 20), True),
        (date(2024, 8, 1), False),
        (date(2024, 11, 25), False),
        (date(2025, 1, 7), False),
        (None, False),
    ],
    ids=["ended", "stale", "before the authorisation", "future", "not known"],
)
def test_works_finished(ended: date | None, found: bool) -> None:
    events = permits("works_finished", {**OFFICES, "date_achevement": ended}, OFFICES)
    assert [event["occurred_at"] for event in events] == [ended] * found
