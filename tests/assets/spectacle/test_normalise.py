"""Show licences, on the two real declarations of one association: one test for each trap."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from register_reading import RECORDS, Read, normalised, read


@pytest.fixture
def done(tmp_path: Path) -> Read:
    return read("spectacle", RECORDS / "spectacle.csv", tmp_path)


def changed(done: Read, **values: object) -> dict[str, object]:
    """Return the row that the valid declaration would give with other values."""
    rows = done.typed.filter(statut_recepisse="Valide").with_columns(
        pl.lit(value, dtype=done.typed.schema[name]).alias(name) for name, value in values.items()
    )
    (row,) = normalised("spectacle", rows).to_dicts()
    return row


def test_golden_licence(done: Read) -> None:
    (row,) = done.table.filter(statut="valide").to_dicts()
    assert row == {
        "numero_recepisse": "PLATESV-R-2021-006658",
        "categorie": 2,
        "siren": "800329849",
        "siret": "80032984900023",
        "raison_sociale": "THEATRE STEPHANE GILDAS",
        "personne_morale": True,
        "statut": "valide",
        "renouvellement": True,
        "code_postal": "75013",
        "activite": "90.01Z - Arts du spectacle vivant",
        "date_depot": date(2021, 5, 27),
        "date_validite": date(2021, 7, 11),
        "record_key": "PLATESV-R-2021-006658/2",
        "publication_date": None,
    }


def test_refused_declaration_has_no_first_day(done: Read) -> None:
    (row,) = done.table.filter(statut="invalide").to_dicts()
    assert (row["numero_recepisse"], row["date_validite"]) == ("PLATESV-R-2021-006193", None)


def test_status_keeps_its_accent(done: Read) -> None:
    assert changed(done, statut_recepisse="Invalidé")["statut"] == "invalidé"
    assert changed(done, statut_recepisse="valide")["statut"] == "valide"


@pytest.mark.parametrize(
    ("number", "siren", "siret"),
    [
        ("800329849", "800329849", None),
        ("800 329 849 00023", "800329849", "80032984900023"),
        ("800329848", None, None),
        ("8003298", None, None),
        (None, None, None),
    ],
)
def test_number_of_9_or_14_digits(
    done: Read, number: str | None, siren: str | None, siret: str | None
) -> None:
    row = changed(done, siren_siret=number)
    assert (row["siren"], row["siret"]) == (siren, siret)


@pytest.mark.parametrize(
    ("kind", "legal"),
    [
        ("une association de loi 1901", True),
        ("une société commerciale", True),
        ("Personne physique", False),
        ("un entrepreneur individuel", False),
        (None, None),
    ],
)
def test_only_legal_persons_keep_their_name(
    done: Read, kind: str | None, legal: bool | None
) -> None:
    row = changed(done, type_declarant=kind)
    assert row["personne_morale"] is legal
    assert (row["raison_sociale"] is not None) == bool(legal)


def test_first_request_is_no_renewal(done: Read) -> None:
    assert changed(done, type_declaration="Première demande")["renouvellement"] is False


def test_latin_1_accents_are_read(tmp_path: Path) -> None:
    text = (RECORDS / "spectacle.csv").read_text("latin-1").replace("THEATRE", "THÉÂTRE")
    path = tmp_path / "spectacle.csv"
    path.write_text(text, "latin-1")
    names = read("spectacle", path, tmp_path / "work").table["raison_sociale"].to_list()
    assert "THÉÂTRE STEPHANE GILDAS" in names
