"""Establishments of FINESS: golden on the publisher's own extract, then one test for each trap."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from register_reading import RECORDS, Read, read

FILE = RECORDS / "finess.json"


@pytest.fixture
def done(tmp_path: Path) -> Read:
    return read("finess", FILE, tmp_path)


def changed(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> Read:
    """Read the extract after ``change`` was made to its clinic, an active one."""
    content = json.loads(FILE.read_text("utf-8"))
    change(content["pmej"][1])
    path = tmp_path / "finess.json"
    path.write_text(json.dumps(content), "utf-8")
    return read("finess", path, tmp_path / "work")


def of_clinic(done: Read) -> dict[str, Any]:
    (row,) = done.table.filter(numero_finess="010780195").to_dicts()
    return row


def test_golden_establishment(done: Read) -> None:
    (row,) = done.table.filter(numero_finess="980600027").to_dicts()
    assert row == {
        "numero_finess": "980600027",
        "numero_finess_entite": "980600019",
        "siret": "13000323900014",
        "siren": "130003239",
        "denomination": "AGENCE DE SANTE DE WALLIS ET FUTUNA",
        "statut_juridique": "10",
        "categorie": "355",
        "code_commune": "98613",
        "en_service": True,
        "date_autorisation": date(2024, 10, 30),
        "date_ouverture": date(2024, 10, 30),
        "date_fermeture": None,
        "record_key": "980600027",
        "publication_date": None,
    }


def test_every_establishment_of_every_entity_is_one_row(done: Read) -> None:
    rows = done.table.select("numero_finess", "siren", "siret", "en_service").rows()
    assert rows == [
        ("010002699", "546920075", "54692007500043", False),
        ("010002749", "546920075", None, False),
        ("010780195", "772201489", "77220148900022", True),
        ("980600027", "130003239", "13000323900014", True),
        ("980600035", "130003239", None, True),
    ]


def test_the_address_is_that_of_the_place_wherever_it_stands(tmp_path: Path) -> None:
    def reception_first(entity: dict[str, Any]) -> None:
        entity["ege"][0]["adresse"].insert(0, {"usageAdresse": "06", "cogCommune": "69123"})

    assert of_clinic(changed(tmp_path, reception_first))["code_commune"] == "01053"


@pytest.mark.parametrize("siret", ["77220148900023", "13000323900014", "7722014890002", None])
def test_a_wrong_siret_or_that_of_another_company_is_left_out(
    siret: str | None, tmp_path: Path
) -> None:
    def other(entity: dict[str, Any]) -> None:
        entity["ege"][0]["informationsGeneralesEGE"]["siret"] = siret

    assert of_clinic(changed(tmp_path, other))["siret"] is None


@pytest.mark.parametrize("siren", ["772201488", None])
def test_an_entity_without_a_right_siren_is_nobody_of_the_register(
    siren: str | None, tmp_path: Path
) -> None:
    def unnamed(entity: dict[str, Any]) -> None:
        entity["informationsGeneralesPMEJ"]["siren"] = siren

    done = changed(tmp_path, unnamed)
    assert done.table.filter(numero_finess="010780195").is_empty()
    assert done.table.height == 4


@pytest.mark.parametrize(
    ("state", "closed"), [("A", "2026-01-31"), ("I", None)], ids=["closed", "inactive"]
)
def test_what_is_closed_or_inactive_is_not_in_service(
    state: str, closed: str | None, tmp_path: Path
) -> None:
    def ended(entity: dict[str, Any]) -> None:
        entity["ege"][0]["etatObjet"] = state
        entity["ege"][0]["informationsGeneralesEGE"]["dateFermeture"] = closed

    assert of_clinic(changed(tmp_path, ended))["en_service"] is False


def test_contacts_are_not_read(tmp_path: Path) -> None:
    def reachable(entity: dict[str, Any]) -> None:
        entity["contact"] = entity["ege"][0]["contact"] = [{"telecom": {"telephone": "0102030405"}}]

    text = changed(tmp_path, reachable).table.write_csv()
    assert "0102030405" not in text
