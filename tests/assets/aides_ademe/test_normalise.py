"""Grants of ADEME, on a synthetic file in the published shape: one test for each trap."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from register_reading import RECORDS, Read, read

FILE = RECORDS / "aides_ademe.csv"


@pytest.fixture
def done(tmp_path: Path) -> Read:
    return read("aides_ademe", FILE, tmp_path)


def test_golden_grant_keeps_the_highest_line(done: Read) -> None:
    rows = done.table.filter(reference_decision="25IFD0020")
    assert rows.to_dicts() == [
        {
            "reference_decision": "25IFD0020",
            "siret": "38245605100004",
            "siren": "382456051",
            "nom_beneficiaire": "EXEMPLE INDUSTRIE SAS",
            "attribuant": "ADEME",
            "date_octroi": date(2026, 2, 12),
            "montant_eur": 485200.6,
            "objet": "Récupération de chaleur fatale sur four",
            "dispositif": "Fonds décarbonation",
            "nature": "aide en numéraire",
            "record_key": "25IFD0020/38245605100004/2026-02-12",
            "publication_date": None,
        }
    ]


def test_only_a_right_siret_identifies_a_beneficiary(done: Read) -> None:
    assert "34985092375832" in done.typed["id_beneficiaire"].to_list()
    assert done.table.filter(reference_decision="25RPD0010").is_empty()
    assert "35600000000048" in done.table["siret"].to_list()


def test_lost_zeros_of_a_siret_come_back(tmp_path: Path) -> None:
    path = tmp_path / "aides.csv"
    path.write_text(FILE.read_text("utf-8").replace("00578096000018", "578096000018"), "utf-8")
    assert "00578096000018" in read("aides_ademe", path, tmp_path / "w").table["siret"].to_list()


def test_what_is_not_positive_is_no_amount(done: Read) -> None:
    row = done.table.filter(reference_decision="25RPD0011")
    assert row["montant_eur"].to_list() == [None]


def test_purpose_that_names_somebody_is_left_out(done: Read) -> None:
    assert "Dupont" in str(done.typed["objet"].to_list())
    assert done.table.filter(reference_decision="25RPD0009")["objet"].to_list() == [None]
    assert done.table.filter(pl.col("objet").is_not_null()).height == 3


def test_the_grantors_header_has_two_spellings(tmp_path: Path) -> None:
    path = tmp_path / "aides.csv"
    text = FILE.read_text("utf-8").replace("Nom de l attribuant", "Nom_de_l_attribuant")
    path.write_text(text, "utf-8")
    done = read("aides_ademe", path, tmp_path / "work")
    assert done.table["attribuant"].unique().to_list() == ["ADEME"]
