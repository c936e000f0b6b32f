"""Greenhouse gas balances, on a synthetic file in the published shape: one test a trap."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from register_reading import RECORDS, Read, read


@pytest.fixture
def done(tmp_path: Path) -> Read:
    return read("beges", RECORDS / "beges.jsonl", tmp_path)


def test_golden_balance_is_the_last_published_of_its_year(done: Read) -> None:
    (row,) = done.table.filter(siren="382456051", annee=2021).to_dicts()
    assert row == {
        "siren": "382456051",
        "annee": 2021,
        "raison_sociale": "EXEMPLE DISTRIBUTION",
        "ape": "4771Z",
        "date_publication": date(2023, 9, 15),
        "structure_obligee": True,
        "type_structure": "Entreprise",
        "consolidation": "Contrôle opérationnel",
        "region": "Bretagne",
        "departement": "35",
        "record_key": "382456051/2021",
        "publication_date": date(2023, 9, 15),
    }


def test_one_lost_zero_comes_back(done: Read) -> None:
    (row,) = done.table.filter(raison_sociale="ZÉRO PERDU EXEMPLE").to_dicts()
    assert row["siren"] == "055800296"
    assert row["date_publication"] == date(2024, 2, 1)


def test_number_cut_at_its_end_is_refused_though_its_check_digit_is_right(done: Read) -> None:
    assert done.table.filter(raison_sociale="FIN COUPÉE EXEMPLE").is_empty()
    assert done.result.rules == {"siren_principal:luhn": 1, "siren_principal:pattern": 1}


def test_year_described_is_not_the_year_of_publication(done: Read) -> None:
    (row,) = done.table.filter(annee=2015).to_dicts()
    assert row["date_publication"] == date(2026, 2, 1)
