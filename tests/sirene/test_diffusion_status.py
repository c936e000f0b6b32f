"""Who turned, what kind of person, and which tables name units (synthetic)."""

from __future__ import annotations

import polars as pl

from assets import discovery
from sirene.diffusion import legal_persons, masked, shapes, shows, turned


def units(*rows: tuple[str, str, bool | None]) -> pl.LazyFrame:
    names = ["siren", "statut_diffusion", "personne_morale"]
    return pl.LazyFrame(rows, schema=names, orient="row")


def test_only_who_was_open_and_no_longer_is_has_turned() -> None:
    before = units(("1", "O", True), ("2", "P", True), ("3", "O", True), ("4", "O", None))
    after = units(
        ("1", "P", True), ("2", "P", True), ("3", "O", True), ("4", "N", None), ("5", "P", True)
    )
    assert turned(before, after, "siren")["siren"].to_list() == ["1", "4"]
    # From P to O nobody turns: the source alone shows somebody again.
    assert turned(after, before, "siren").is_empty()


def test_an_establishment_has_a_status_of_its_own() -> None:
    before = pl.LazyFrame({"siret": ["00000000100011"], "siren": ["000000001"],
                           "statut_diffusion": ["O"]})  # fmt: skip
    after = before.with_columns(statut_diffusion=pl.lit("P"))
    assert turned(before, after, "siret").rows() == [("000000001", "00000000100011")]


def test_who_is_not_known_to_be_a_legal_person_counts_as_natural() -> None:
    known = units(("1", "O", True), ("2", "O", False), ("3", "O", None))
    found = legal_persons(pl.Series(["1", "2", "3", "4"]), known)
    assert found.to_list() == ["1"]


def test_every_table_that_names_a_unit_is_known_by_its_columns() -> None:
    found = shapes(discovery.catalogue())
    assert found["sirene__legal_units"].status_of == "siren"
    assert found["sirene__establishments"].status_of == "siret"
    assert found["sirene__successions"].sites == ("siret_predecesseur", "siret_successeur")
    assert found["decp__awards"].units == ("titulaire_siren",)
    assert not found["decp__awards"].maskable
    # A table that describes units and names none of them could not be cleared.
    for dataset in discovery.catalogue().values():
        for table in dataset.tables:
            columns = dataset.described_columns(table)
            if any(column.personal in ("sole_trader", "contact") for column in columns):
                assert table in found, table


def test_what_stays_to_show_of_a_company_that_objected_is_its_registered_name() -> None:
    rows = pl.LazyFrame(
        {
            "siren": ["1", "2"],
            "statut_diffusion": ["O", "O"],
            "denomination": ["Alpha", "Alpha"],
            "sigle": ["A", "A"],
            "nom_complet": ["ALPHA (CHEZ ALPHA) (A)", "ALPHA (CHEZ ALPHA) (A)"],
        }
    )
    hit, schema = pl.col("siren") == "1", rows.collect_schema()
    hidden = masked(rows, hit, ["sigle"])
    assert hidden.collect().rows() == [
        ("1", "P", "Alpha", "[ND]", "ALPHA"),
        ("2", "O", "Alpha", "A", "ALPHA (CHEZ ALPHA) (A)"),
    ]
    assert hidden.select(shows(["sigle"], schema)).collect().to_series().to_list() == [False, True]
    # Whatever else is hidden already: the acronym in the name alone is still shown.
    left = hidden.with_columns(nom_complet=pl.lit("ALPHA (A)"))
    assert left.select(shows(["sigle"], schema)).collect().to_series().to_list() == [True, True]
    # Of a natural person no name stays.
    everything = ["sigle", "denomination", "nom_complet"]
    (row,) = masked(rows, hit, everything).collect().filter(hit).rows()
    assert row == ("1", "P", "[ND]", "[ND]", "[ND]")


def test_what_places_somebody_is_masked_and_numbers_are_not() -> None:
    sites = shapes(discovery.catalogue())["sirene__establishments"]
    assert sites.maskable
    assert {"code_postal", "libelle_voie", "enseigne_1", "lambert_x"} <= set(sites.personal)
    assert not {"siren", "siret", "nic", "record_key", "code_commune"} & set(sites.personal)
