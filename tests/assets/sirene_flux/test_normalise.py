"""Records of the API as INSEE sent them, and the columns that they become."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets import discovery
from assets.sirene_flux.normalise import normalise
from opendata.contract import ReadResult, read_resource

RECORDED = Path(__file__).resolve().parents[2] / "data" / "recorded" / "insee" / "records.json"
RECORDS: dict[str, list[dict[str, Any]]] = json.loads(RECORDED.read_text(encoding="utf-8"))
DATASET = discovery.sources()["sirene_flux"].dataset
STOCK = discovery.sources()["sirene"].dataset


def read(records: dict[str, list[dict[str, Any]]], work: Path) -> dict[str, ReadResult]:
    results = {}
    for resource in DATASET.resources:
        path = work / f"{resource.name}.jsonl"
        lines = (json.dumps(record) + "\n" for record in records[resource.id])
        path.write_text("".join(lines), encoding="utf-8")
        results[resource.name] = read_resource(
            resource, [path], work=work / resource.name, empty_ok=True
        )
    return results


def tables(records: dict[str, list[dict[str, Any]]], work: Path) -> dict[str, pl.DataFrame]:
    raw = {name: pl.scan_parquet(one.path) for name, one in read(records, work).items()}
    return {name: rows.collect() for name, rows in normalise(raw).items()}


@pytest.fixture
def found(tmp_path: Path) -> dict[str, pl.DataFrame]:
    return tables(RECORDS, tmp_path)


def test_every_recorded_record_is_read(tmp_path: Path) -> None:
    results = read(RECORDS, tmp_path)
    assert {name: (one.read, one.accepted) for name, one in results.items()} == {
        "siren": (6, 6),
        "siret": (3, 3),
        "liens-succession": (3, 3),
    }


def test_a_unit_is_what_its_current_period_says(found: dict[str, pl.DataFrame]) -> None:
    units = found["sirene_flux__legal_units"]
    row = units.filter(pl.col("siren") == "485319149").row(0, named=True)
    assert (row["denomination"], row["nom_complet"]) == ("QUALITBON", "QUALITBON (P C Q B)")
    assert row["personne_morale"] is True
    # The period that opened on 2019-12-04, not the one that ended the day before.
    assert row["date_debut"] == date(2019, 12, 4)
    assert row["date_dernier_traitement"] == datetime.fromisoformat("2019-12-08T18:01:37")
    assert (row["etat_administratif"], row["statut_diffusion"]) == ("A", "O")


def test_an_establishment_is_flat_and_its_unit_a_legal_person(
    found: dict[str, pl.DataFrame],
) -> None:
    sites = found["sirene_flux__establishments"]
    row = sites.filter(pl.col("siret") == "41816609600069").row(0, named=True)
    assert (row["siren"], row["nic"], row["siege"]) == ("418166096", "00069", True)
    assert (row["numero_voie"], row["type_voie"], row["libelle_voie"]) == (
        "34",
        "AVENUE",
        "DE L'OPERA",
    )
    assert (row["code_postal"], row["code_commune"], row["departement"]) == ("75002", "75102", "75")
    assert row["lambert_x"] == pytest.approx(651099.646)
    assert (row["tranche_effectifs"], row["annee_effectifs"]) == ("41", 2022)
    assert (row["etat_administratif"], row["date_debut"]) == ("A", date(2016, 11, 28))
    # Its unit was not treated itself: it has no row, the establishment says what it is.
    assert "418166096" not in found["sirene_flux__legal_units"]["siren"].to_list()


def test_a_sole_trader_keeps_neither_name_nor_street(tmp_path: Path) -> None:
    site = json.loads(json.dumps(RECORDS["siret"][-1]))
    site["uniteLegale"]["categorieJuridiqueUniteLegale"] = "1000"
    site["periodesEtablissement"][0]["enseigne1Etablissement"] = "CHEZ MARTIN"
    shown = tables({**RECORDS, "siret": [site]}, tmp_path)["sirene_flux__establishments"]
    row = shown.row(0, named=True)
    assert row["enseigne_1"] is row["libelle_voie"] is row["lambert_x"] is None
    assert row["code_commune"] == "75102"


def test_a_record_treated_twice_stands_once_as_it_was_last(tmp_path: Path) -> None:
    first = RECORDS["siren"][0]
    later = {
        **first,
        "dateDernierTraitementUniteLegale": "2019-12-09T09:00:00.250",
        "sigleUniteLegale": "X",
    }
    shown = tables({**RECORDS, "siren": [later, first]}, tmp_path)["sirene_flux__legal_units"]
    assert shown["sigle"].to_list() == ["X"]
    assert shown["date_dernier_traitement"].to_list() == [
        datetime.fromisoformat(later["dateDernierTraitementUniteLegale"])
    ]


def test_a_record_whose_first_period_is_over_is_refused(tmp_path: Path) -> None:
    record = json.loads(json.dumps(RECORDS["siren"][0]))
    record["periodesUniteLegale"].reverse()
    result = read({**RECORDS, "siren": [record]}, tmp_path)["siren"]
    assert (result.accepted, result.rules) == (0, {"date_fin:pattern": 1})


def test_the_tables_have_the_columns_of_the_stock() -> None:
    for table in DATASET.tables:
        base = f"sirene__{table.removeprefix('sirene_flux__')}"
        assert DATASET.described_columns(table) == STOCK.described_columns(base)


@pytest.mark.parametrize(
    ("resource", "stock", "table"),
    [
        ("siren", "stock-unite-legale", "sirene__legal_units"),
        ("siret", "stock-etablissement", "sirene__establishments"),
    ],
)
def test_every_field_that_is_kept_is_asked_for_and_no_name_of_a_person(
    resource: str, stock: str, table: str
) -> None:
    asked = set(DATASET.resource(resource).query["champs"].split(","))
    kept = {column.name for column in STOCK.described_columns(table)}
    wanted = {column.header for column in STOCK.resource(stock).columns if column.name in kept}
    unit = {"categorieJuridiqueUniteLegale"} if resource == "siret" else set()
    assert asked == wanted | unit | {"dateFin"}
    assert not [field for field in asked if field.startswith(("nomU", "prenom", "pseudo", "sexe"))]
