"""The description of the register: columns, titles, classes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sirene_files import DATASET

from sirene.diffusion import is_number

FILES = {
    "stock-unite-legale": ("StockUniteLegale", 35),
    "stock-etablissement": ("StockEtablissement", 54),
    "stock-etablissement-liens-succession": ("StockEtablissementLiensSuccession", 6),
    "stock-unite-legale-historique": ("StockUniteLegaleHistorique", 28),
    "stock-etablissement-historique": ("StockEtablissementHistorique", 18),
    "stock-doublons": ("StockDoublons", 3),
}
HEADERS = Path(__file__).parents[2] / "data" / "recorded" / "sample_portal" / "insee_headers"
#: Headers that files before 2024, or before December 2025, do not have.
LATER = {
    "societeMissionUniteLegale",
    "changementSocieteMissionUniteLegale",
    "activitePrincipaleNAF25UniteLegale",
    "dernierNumeroVoieEtablissement",
    "indiceRepetitionDernierNumeroVoieEtablissement",
    "identifiantAdresseEtablissement",
    "coordonneeLambertAbscisseEtablissement",
    "coordonneeLambertOrdonneeEtablissement",
    "activitePrincipaleNAF25Etablissement",
}


@pytest.mark.parametrize("resource", FILES)
def test_titles_of_both_styles_are_known_and_no_other_file_s(resource: str) -> None:
    name, columns = FILES[resource]
    described = DATASET.resource(resource)
    assert len(described.columns) == columns
    pattern = described.title_pattern or ""
    for title in (
        f"Sirene : Fichier {name} du 01 Mai 2026",
        f"Sirene : Fichier {name} du 1er Février 2026",
        f"Sirene : Fichier {name} - 01 septembre 2026",
        f"Sirene : Fichier {name} - 01 août 2026 (format csv)",
    ):
        assert re.fullmatch(pattern, title), title
    others = [other for other, _ in FILES.values() if other != name]
    for title in (
        f"Sirene : Fichier {name}Historique du 01 Mai 2026",
        f"Sirene : Fichier {name} du 01 Mai 2026 (format parquet)",
        f"Sirene : Fichier {name} - 01 septembre 2026 (format parquet)",
        *(f"Sirene : Fichier {other} du 01 Mai 2026" for other in others),
    ):
        assert not re.fullmatch(pattern, title), title


@pytest.mark.parametrize("resource", FILES)
def test_the_columns_are_the_official_ones_in_their_order(resource: str) -> None:
    name, _ = FILES[resource]
    official = (HEADERS / f"{name}_header.csv").read_text("utf-8").strip().split(",")
    assert [column.header for column in DATASET.resource(resource).columns] == official


@pytest.mark.parametrize("resource", FILES)
def test_each_file_is_offered_as_parquet_too_under_a_title_of_its_own(resource: str) -> None:
    name, _ = FILES[resource]
    csv, parquet = DATASET.resource(resource), DATASET.in_form("parquet").resource(resource)
    assert (csv.format, csv.archive) == ("csv", "zip")
    assert (parquet.format, parquet.archive) == ("parquet", None)
    assert parquet.columns == csv.columns
    pattern = parquet.title_pattern or ""
    for title in (
        f"Sirene : Fichier {name} du 01 Mai 2026 (format parquet)",
        f"Sirene : Fichier {name} - 01 septembre 2026 (format parquet)",
    ):
        assert re.fullmatch(pattern, title), title
        assert not re.fullmatch(csv.title_pattern or "", title), title
    for title in (
        f"Sirene : Fichier {name} - 01 septembre 2026",
        *(
            f"Sirene : Fichier {other} - 01 septembre 2026 (format parquet)"
            for other, _ in FILES.values()
            if other != name
        ),
    ):
        assert not re.fullmatch(pattern, title), title


def test_no_two_files_have_one_id() -> None:
    for dataset in (DATASET, DATASET.in_form("parquet")):
        ids = [resource.id for resource in dataset.resources if resource.id]
        assert len(ids) == len(set(ids)) >= 4


def test_only_the_columns_that_came_later_are_optional() -> None:
    optional = {
        column.header
        for resource in DATASET.resources
        for column in resource.columns
        if not column.required
    }
    assert optional == LATER


def test_what_says_who_a_natural_person_is_is_classed_so() -> None:
    units = DATASET.resource("stock-unite-legale")
    names = {c.name for c in units.columns if c.personal == "sole_trader"}
    persons = {"nom", "nom_usage", "prenom_usuel", "pseudonyme", "sexe", "sigle"}
    assert names >= persons | {f"prenom_{n}" for n in (1, 2, 3, 4)}
    for table in DATASET.tables:
        for column in DATASET.described_columns(table):
            assert column.name not in persons - {"sigle"}
            # Of a sole trader our tables keep numbers and the postcode: they are classed so.
            kept = is_number(column.name) and not column.name.startswith("nic")
            kept |= column.name in {"code_postal", "code_cedex", "libelle_cedex"}
            wanted = {"sole_trader"} if kept else {"none", "company"}
            if "of legal persons" in DATASET.tables[table].title_en:
                wanted = {"none", "company", "sole_trader"}
            assert column.personal in wanted, (table, column.name)


def test_every_column_says_what_it_is_in_one_line_of_each_language() -> None:
    columns = [column for resource in DATASET.resources for column in resource.columns]
    columns += [c for table in DATASET.tables for c in DATASET.described_columns(table)]
    for column in columns:
        for text in (column.fr, column.en):
            assert 8 <= len(text) <= 120, (column.name, text)
            assert "\n" not in text


def test_an_establishment_belongs_to_a_unit() -> None:
    gates = DATASET.tables["sirene__establishments"].assertions
    assert gates.references["siren"][0] == "sirene__legal_units.siren"
    assert DATASET.coherent
