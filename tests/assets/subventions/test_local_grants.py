"""Grants of local authorities in the statutory format: real records, and one test for each trap."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from register_reading import RECORDS, Read, read
from signal_tables import Tables

from assets import discovery
from assets.subventions.normalise import normalise
from pipelines.jobs import chosen_datasets
from signals.registry import registry

FILE = RECORDS / "subventions.csv"
#: *Real* agreement of the Ville du Plessis-Trévise, in the same format.
TREVISE = {
    "attribuant": "Ville du Plessis-Trévise",
    "id_attribuant": "21940059500019",
    "date_convention": date(2016, 12, 14),
    "reference_decision": "2016-089",
    "nom_beneficiaire": "AMICALE DU PERSONNEL COMMUNAL",
    "id_beneficiaire": "80998194700017",
    "objet": "Subvention de fonctionnement association APC 2017",
    "montant_texte": "31\u00a0000,00",
    "nature": "Aide en numéraire",
    "periode_versement": "2017-01-09/2017-04-05",
    "dispositif": None,
}


@pytest.fixture
def done(tmp_path: Path) -> Read:
    return read("subventions", FILE, tmp_path)


def grant(**changes: object) -> dict[str, object]:
    schema = {name: pl.String() for name in TREVISE} | {"date_convention": pl.Date()}
    rows = pl.LazyFrame([{**TREVISE, **changes}], schema=schema)
    found = normalise({"subventions": rows})["subventions__grants"].collect().to_dicts()
    return found[0] if found else {}


def test_golden_grant_of_toulouse_is_dated_by_its_payment(done: Read) -> None:
    assert done.table.to_dicts() == [
        {
            "reference_decision": None,
            "siret": "49856303000010",
            "siren": "498563030",
            "nom_beneficiaire": "A.S.E.I. SPORTS",
            "attribuant": "Toulouse Métropole",
            "date_octroi": date(2023, 12, 7),
            "montant_eur": 2500.0,
            "objet": "Subvention de Fonctionnement",
            "dispositif": None,
            "nature": "aide en numéraire",
            "record_key": "-/49856303000010/2023-12-07",
            "publication_date": None,
        }
    ]


def test_golden_grant_of_plessis_trevise_is_dated_by_its_agreement() -> None:
    found = grant()
    assert (found["date_octroi"], found["montant_eur"]) == (date(2016, 12, 14), 31_000.0)
    assert grant(date_convention=None)["date_octroi"] == date(2017, 1, 9)
    assert grant(date_convention=None, periode_versement="annuel")["date_octroi"] is None


@pytest.mark.parametrize(
    ("typed", "amount"),
    [("31 000,00", 31_000.0), ("31\u202f000 €", 31_000.0), ("0", None), ("-5", None), ("nc", None)],
)
def test_amounts_as_they_are_typed(typed: str, amount: float | None) -> None:
    assert grant(montant_texte=typed)["montant_eur"] == amount


@pytest.mark.parametrize("number", ["", "W643000551", "80998194700018", "809981947"])
def test_only_a_right_siret_identifies_a_beneficiary(number: str) -> None:
    assert grant(id_beneficiaire=number) == {}


def test_headers_as_the_schema_spells_them(tmp_path: Path, done: Read) -> None:
    head, *rows = FILE.read_text("utf-8").splitlines()
    schema = {
        "nomattribuant": "nomAttribuant", "idattribuant": "idAttribuant",
        "dateconvention": "dateConvention", "referencedecision": "referenceDecision",
        "nombeneficiaire": "nomBeneficiere", "idbeneficiaire": "idBeneficiaire",
        "datesperiodeversement": "datesPeriodeVersement",
    }  # fmt: skip
    spelt = ";".join(schema.get(name, name) for name in head.split(";"))
    path = tmp_path / "other.csv"
    path.write_text("\n".join([spelt, *rows]) + "\n", "utf-8")
    assert read("subventions", path, tmp_path / "work").table.equals(done.table)


def test_a_new_grant_of_a_local_authority_is_told(done: Read) -> None:
    """The real grant, seen as new a month after it was paid."""
    table = "subventions__grants"
    (row,) = done.table.with_columns(publication_date=date(2024, 1, 2)).to_dicts()
    frames = Tables(date(2024, 1, 10), {table: [{**row, "source_id": "subventions@v1"}]})
    (event,) = registry()["subsidy_granted"].detect(frames).collect().to_dicts()
    assert (event["siren"], event["occurred_at"]) == ("498563030", date(2023, 12, 7))
    # The window of 180 days is over.
    late = Tables(date(2024, 7, 1), {table: [{**row, "source_id": "subventions@v1"}]})
    assert registry()["subsidy_granted"].detect(late).collect().is_empty()


def test_nobody_is_asked_for_it_by_default() -> None:
    assert "subventions" in discovery.sources()
    assert "subventions" not in chosen_datasets()
    assert chosen_datasets(("subventions",)) == ["subventions"]
