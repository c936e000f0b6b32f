"""De minimis aid, on a synthetic file in the published shape: one test for each trap."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from register_reading import RECORDS, Read, read


@pytest.fixture
def done(tmp_path: Path) -> Read:
    return read("aides_minimis", RECORDS / "aides_minimis.csv", tmp_path)


def test_golden_aid(done: Read) -> None:
    (row,) = done.table.filter(siren="382456051", montant_eur=3490.0).to_dicts()
    assert row == {
        "siren": "382456051",
        "nom_beneficiaire": None,
        "date_octroi": date(2026, 2, 3),
        "montant_eur": 3490.0,
        "regime": "Minimis",
        "instrument_aide": "Subvention directe",
        "secteur_aide": "C.16.23",
        "autorite": "DGE - Economie Finances",
        "operateur": "DGFIP - Economie Finances",
        "aides": 1,
        "record_key": "382456051/2026-02-03/3490.0/DGE - Economie Finances/Subvention directe",
        "publication_date": date(2026, 2, 25),
    }


def test_aid_that_nothing_tells_apart_is_one_row_with_its_number(done: Read) -> None:
    (row,) = done.table.filter(siren="005780960").to_dicts()
    assert (row["aides"], row["nom_beneficiaire"]) == (2, "EXEMPLE SA")
    assert row["publication_date"] == date(2026, 2, 21)


def test_a_dash_is_no_name(done: Read) -> None:
    assert "-" not in done.table["nom_beneficiaire"].to_list()


def test_foreign_and_wrong_numbers_are_no_siren(done: Read) -> None:
    assert done.typed.height == 6
    assert sorted(set(done.table["siren"])) == ["005780960", "382456051"]
