"""RGE qualifications: one real record, then synthetic ones in its shape for each trap."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from register_reading import RECORDS, Read, read


@pytest.fixture
def done(tmp_path: Path) -> Read:
    return read("rge", RECORDS / "rge.jsonl", tmp_path)


def test_real_qualification_whose_days_were_not_asked_for(done: Read) -> None:
    (row,) = done.table.filter(siren="843701079").to_dicts()
    assert row["nom_entreprise"] == "BESOIN DE TOIT"
    assert row["nom_qualification"] == "Tuiles canal (3111D111)"
    # As published, with two spaces.
    assert row["domaine"].startswith("Isolation par l'intérieur des murs ou rampants de toitures")
    assert (row["particulier"], row["date_debut"], row["date_fin"]) == (True, None, None)


def test_golden_row(done: Read) -> None:
    row = done.table.row(
        by_predicate=pl.col("domaine") == "Isolation par l'intérieur des murs", named=True
    )
    assert row == {
        "siret": "38245605100004",
        "siren": "382456051",
        "nom_entreprise": "COUVERTURE EXEMPLE SARL",
        "code_postal": "81170",
        "commune": "CORDES",
        "code_qualification": "3111D111",
        "nom_qualification": "Tuiles canal (3111D111)",
        "nom_certificat": "QUALIBAT-RGE",
        "domaine": "Isolation par l'intérieur des murs",
        "meta_domaine": "Travaux d'efficacité énergétique",
        "organisme": "qualibat",
        "particulier": True,
        "date_debut": date(2024, 6, 23),
        "date_fin": date(2028, 6, 22),
        "record_key": "38245605100004/3111D111/Isolation par l'intérieur des murs",
        "publication_date": None,
    }


def test_of_overlapping_periods_the_one_that_ends_last_counts(done: Read) -> None:
    rows = done.table.filter(domaine="Isolation des combles perdus")
    assert rows.select("date_debut", "date_fin").rows() == [(date(2025, 5, 1), date(2028, 4, 30))]


def test_trial_rows_are_left_out(done: Read) -> None:
    assert "89255250600008" in done.typed["siret"].to_list()
    assert "89255250600008" not in done.table["siret"].to_list()


def test_impossible_dates_are_unknown(done: Read) -> None:
    poste = done.table.filter(siren="356000000")
    assert poste.select("date_debut", "date_fin").rows() == [(None, None)]
    distant = done.table.filter(siren="005780960")
    assert distant.select("date_debut", "date_fin").rows() == [(date(2025, 1, 1), None)]
    assert done.result.rules == {"date_fin:unreadable": 1}


def test_la_poste_and_leading_zeros_come_through(done: Read) -> None:
    assert done.result.rejected_rows == 0
    assert {"35600000000048", "00578096000018"} <= set(done.table["siret"])


def test_wrong_siret_is_refused(tmp_path: Path) -> None:
    text = (RECORDS / "rge.jsonl").read_text("utf-8").replace("00578096000018", "00578096000019")
    path = tmp_path / "rge.jsonl"
    path.write_text(text, "utf-8")
    assert read("rge", path, tmp_path / "work").result.rules["siret:luhn"] == 1
