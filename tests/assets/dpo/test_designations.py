"""Designations of data protection officers: one test for each trap. All rows are *synthetic*."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from register_reading import RECORDS, Read, read


@pytest.fixture
def done(tmp_path: Path) -> Read:
    return read("dpo", RECORDS / "dpo.csv", tmp_path)


def test_golden_designation_is_the_latest_one(done: Read) -> None:
    (row,) = done.table.filter(siren="382456051").to_dicts()
    assert row == {
        "siren": "382456051",
        "nom": "EXEMPLE DISTRIBUTION",
        "code_naf": "4771Z",
        "code_postal": "75002",
        "externe": True,
        "dpo_siren": "552032534",
        "date_designation": date(2026, 3, 2),
        "record_key": "382456051",
        "publication_date": None,
    }


def test_an_officer_who_is_a_person_is_not_told(done: Read) -> None:
    (row,) = done.table.filter(siren="752461681").to_dicts()
    assert (row["externe"], row["dpo_siren"], row["code_postal"]) == (False, None, None)
    assert "NOMFICTIF" not in done.typed.write_csv()


def test_who_has_no_siren_is_nobody_of_the_register(done: Read) -> None:
    assert done.typed.height == 5
    assert sorted(done.table["siren"]) == ["382456051", "552032534", "752461681"]
    assert done.result.rejected_rows == 0


def test_a_row_without_kind_or_day_is_kept_and_says_so(tmp_path: Path) -> None:
    text = (RECORDS / "dpo.csv").read_text("utf-8")
    text = text.replace('"Personne physique";"14/01/2026"', '"NULL";"NULL"')
    path = tmp_path / "dpo.csv"
    path.write_text(text, "utf-8")
    (row,) = read("dpo", path, tmp_path / "work").table.filter(siren="752461681").to_dicts()
    assert (row["externe"], row["date_designation"]) == (None, None)
