"""Food hygiene inspections: one test for each trap. All rows are *synthetic*."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from register_reading import RECORDS, Read, read


@pytest.fixture
def done(tmp_path: Path) -> Read:
    return read("alimconfiance", RECORDS / "alimconfiance.csv", tmp_path)


def test_golden_inspection(done: Read) -> None:
    (row,) = done.table.filter(siret="75246168100021").to_dicts()
    assert row == {
        "siret": "75246168100021",
        "siren": "752461681",
        "date_inspection": date(2026, 3, 5),
        "niveau": 4,
        "activites": "Alimentation générale",
        "code_postal": "35000",
        "record_key": "75246168100021/2026-03-05",
        "publication_date": None,
    }


def test_of_two_results_of_one_day_the_more_severe_stays(done: Read) -> None:
    (row,) = done.table.filter(siren="382456051").to_dicts()
    assert (row["niveau"], row["activites"]) == (3, "Restaurant")


def test_an_inspection_without_siret_is_nobodys(done: Read) -> None:
    assert done.typed.height == 5
    assert sorted(done.table["niveau"]) == [1, 3, 4]


def test_an_unknown_level_is_put_aside_and_not_guessed(tmp_path: Path) -> None:
    text = (RECORDS / "alimconfiance.csv").read_text("utf-8")
    path = tmp_path / "alimconfiance.csv"
    path.write_text(text.replace("Très satisfaisant", "Excellent"), "utf-8")
    again = read("alimconfiance", path, tmp_path / "work")
    assert again.table.filter(siren="356000000").is_empty()
    assert again.result.rules == {"synthese:one_of": 1}


def test_neither_sign_nor_address_is_read(done: Read) -> None:
    assert set(done.typed.columns) - {"_line"} == {
        "siret", "date_inspection", "synthese", "activites", "code_postal",
    }  # fmt: skip
