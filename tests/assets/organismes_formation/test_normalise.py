"""Training bodies, on the two real declarations of La Poste: one test for each trap."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from register_reading import RECORDS, Read, normalised, read


@pytest.fixture
def done(tmp_path: Path) -> Read:
    return read("organismes_formation", RECORDS / "organismes_formation.csv", tmp_path)


def test_golden_declaration_of_la_poste(done: Read) -> None:
    row = done.table.row(by_predicate=pl.col("numero_declaration") == "11755762075", named=True)
    assert row == {
        "numero_declaration": "11755762075",
        "numero_precedent": "11755762075",
        "siren": "356000000",
        "siret": "35600000000048",
        "denomination": "LA POSTE",
        "code_postal": None,
        "ville": None,
        "code_region": "11",
        "certifications": "Actions de formations",
        "qualiopi": True,
        "actions_formation": True,
        "bilans_competences": False,
        "vae": False,
        "apprentissage": False,
        "date_declaration": date(2024, 5, 31),
        "debut_exercice": date(2023, 1, 1),
        "fin_exercice": date(2023, 12, 31),
        "stagiaires": 309,
        "formateurs": 77,
        "specialites": "Transport, manutention, magasinage/Commerce, vente",
        "record_key": "11755762075",
        "publication_date": None,
    }


def test_two_ways_of_writing_dates_in_one_record(done: Read) -> None:
    assert done.result.rules == {}
    assert done.table.select("debut_exercice", "fin_exercice").null_count().row(0) == (0, 0)


def test_one_company_may_have_several_numbers(done: Read) -> None:
    assert done.table["siren"].to_list() == ["356000000", "356000000"]
    assert done.table["denomination"].to_list() == ["Institut Groupe La Poste", "LA POSTE"]


@pytest.mark.parametrize(
    ("values", "certified"),
    [
        ({"certifications": None, "actions_formation": None}, False),
        ({"certifications": " ", "actions_formation": False}, False),
        ({"certifications": None, "actions_formation": False, "vae": True}, True),
    ],
    ids=["unknown", "blank", "scope only"],
)
def test_certified_only_if_the_list_says_so(
    done: Read, values: dict[str, object], certified: bool
) -> None:
    rows = done.typed.head(1).with_columns(
        pl.lit(value, dtype=done.typed.schema[name]).alias(name) for name, value in values.items()
    )
    assert normalised("organismes_formation", rows)["qualiopi"].to_list() == [certified]


def test_wrong_siren_is_refused(tmp_path: Path) -> None:
    text = (RECORDS / "organismes_formation.csv").read_text("utf-8")
    path = tmp_path / "of.csv"
    path.write_text(text.replace(";356000000;", ";356000001;", 1), "utf-8")
    assert read("organismes_formation", path, tmp_path / "work").result.rules == {"siren:luhn": 1}


def test_later_declaration_of_a_number_is_kept(done: Read) -> None:
    later = done.typed.head(1).with_columns(
        date_declaration=pl.lit(date(2025, 5, 1)), stagiaires=pl.lit(5, dtype=pl.Int64)
    )
    both = pl.concat([done.typed.head(1), later])
    assert normalised("organismes_formation", both)["stagiaires"].to_list() == [5]
