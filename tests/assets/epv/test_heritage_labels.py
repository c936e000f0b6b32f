"""Labels of living heritage: one test for each trap. All rows are *synthetic*."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from register_reading import RECORDS, Read, read

FILE = RECORDS / "epv.csv"


@pytest.fixture
def done(tmp_path: Path) -> Read:
    return read("epv", FILE, tmp_path)


def test_golden_holder_with_two_labels_is_one_row(done: Read) -> None:
    (row,) = done.table.filter(siren="382456051").to_dicts()
    assert row == {
        "siret": "38245605100004",
        "siren": "382456051",
        "raison_sociale": "EXEMPLE TISSAGE",
        "code_naf": "13.20Z",
        "region": "Bretagne",
        "univers": "Mode et beauté",
        "date_debut": date(2021, 2, 15),
        "date_fin": date(2031, 2, 14),
        "record_key": "38245605100004",
        "publication_date": None,
    }


def test_both_ways_to_write_a_day(done: Read) -> None:
    (row,) = done.table.filter(siren="752461681").to_dicts()
    assert (row["date_debut"], row["date_fin"]) == (date(2022, 3, 1), date(2027, 2, 28))


def test_a_row_without_siret_is_nobodys(done: Read) -> None:
    assert (done.typed.height, done.table.height) == (4, 2)


def test_labels_of_columns_are_read_as_their_technical_names(tmp_path: Path, done: Read) -> None:
    lines = FILE.read_text("utf-8").splitlines()
    lines[0] = (
        "Raison sociale;SIRET;Code NAF;Libellé NAF;Région;Date de labellisation;"
        "Date de fin de labellisation;Univers;geolocetablissement"
    )
    path = tmp_path / "epv.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    assert read("epv", path, tmp_path / "work").table.equals(done.table)
