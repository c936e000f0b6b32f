"""Real files of 2017, 2020, 2022 and 2024 through the contract and the normaliser."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.io.plugins import register_io_source
from registers import ALPHA, BETA, registry, site, unit
from sirene_files import ARCHIVES, DATASET, ROOT, bundled, empty, read, tables

from assets.sirene.normalise import CODE_VERSION, further, normalise

REAL = ROOT / "tests" / "data" / "sirene"
UNITS, SITES, *_ = ARCHIVES
OLD = {
    UNITS: REAL / "2020-06" / "StockUniteLegale_utf8.csv",
    SITES: REAL / "2020-06" / "StockEtablissement_utf8.csv",
}
NEW = {
    UNITS: REAL / "2022-04" / "StockUniteLegale_utf8.csv",
    SITES: REAL / "2024-03" / "StockEtablissement_utf8.csv",
}
LAYOUTS = {"2020 (33 and 48 columns)": OLD, "2022 and 2024 (33 and 53 columns)": NEW}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_real_rows_all_meet_the_contract(layout: str, tmp_path: Path) -> None:
    for name, result in read(LAYOUTS[layout], tmp_path).items():
        assert result.rejected_rows == 0, result.rules
        assert result.accepted == len(rows(LAYOUTS[layout][name]))
        assert result.new_columns == ()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tables_have_the_columns_and_types_of_the_description(layout: str, tmp_path: Path) -> None:
    kinds = {
        "text": pl.String(),
        "code": pl.String(),
        "integer": pl.Int64(),
        "decimal": pl.Float64(),
        "boolean": pl.Boolean(),
        "date": pl.Date(),
        "timestamp": pl.Datetime("us"),
    }
    found = tables(LAYOUTS[layout], tmp_path)
    assert set(found) == set(DATASET.tables)
    for name, table in found.items():
        described = {c.name: kinds[c.type] for c in DATASET.described_columns(name)}
        described.pop("source_id", None)  # added with the version, not by the normaliser
        assert dict(table.collect_schema()) == described


def test_real_legal_persons_keep_their_values(tmp_path: Path) -> None:
    units = tables(OLD, tmp_path)["sirene__legal_units"].collect()
    source = rows(OLD[UNITS])
    assert units["siren"].to_list() == [row["siren"] for row in source]
    assert units["personne_morale"].all()
    assert units["record_key"].to_list() == units["siren"].to_list()
    assert units["publication_date"].null_count() == units.height
    for ours, theirs in (
        ("denomination", "denominationUniteLegale"),
        ("sigle", "sigleUniteLegale"),
        ("denomination_usuelle_1", "denominationUsuelle1UniteLegale"),
        ("categorie_juridique", "categorieJuridiqueUniteLegale"),
        ("activite_principale", "activitePrincipaleUniteLegale"),
        ("nic_siege", "nicSiegeUniteLegale"),
        ("tranche_effectifs", "trancheEffectifsUniteLegale"),
    ):
        assert units[ours].fill_null("").to_list() == [row[theirs] for row in source], ours
    # 5498 was withdrawn and lives on: kept as it is.
    assert (units["categorie_juridique"] == "5498").sum() >= 5
    named = units.filter(pl.col("sigle") == "SBTP").row(0, named=True)
    assert named["nom_complet"] == "SOCIETE BRETONNE DE TRAVAUX PUBLICS (SBTP)"
    assert units["societe_mission"].null_count() == units.height, "not in the files of 2020"


def test_an_unknown_creation_date_is_null_and_an_old_one_stays(tmp_path: Path) -> None:
    units = tables(OLD, tmp_path)["sirene__legal_units"].collect()
    given = {row["siren"]: row["dateCreationUniteLegale"] for row in rows(OLD[UNITS])}
    for siren, born in units.select("siren", "date_creation").rows():
        expected = None if given[siren] in {"", "1900-01-01"} else date.fromisoformat(given[siren])
        assert born == expected


@pytest.mark.parametrize("layout", LAYOUTS)
def test_real_establishments_keep_their_address_and_get_a_department(
    layout: str, tmp_path: Path
) -> None:
    files = LAYOUTS[layout]
    sites = tables(files, tmp_path)["sirene__establishments"].collect()
    source = rows(files[SITES])
    assert sites["siret"].to_list() == [row["siret"] for row in source], "in the file's order"
    known = {row["siren"] for row in rows(files[UNITS])}
    streets = [row["libelleVoieEtablissement"] if row["siren"] in known else "" for row in source]
    assert sites["libelle_voie"].fill_null("").to_list() == streets
    assert sum(map(bool, streets)) > 40
    communes = [row["codeCommuneEtablissement"] for row in source]
    assert sites["code_commune"].fill_null("").to_list() == communes
    assert sites["departement"].fill_null("").to_list() == [code[:2] for code in communes]


@pytest.mark.parametrize("day", ["2017-01-01", "2017-02-01", "2017-05-01"])
def test_the_bundled_states_hold_legal_persons_only_and_pass_their_own_gates(
    day: str, tmp_path: Path
) -> None:
    found = {name: rows.collect() for name, rows in bundled(day, tmp_path).items()}
    assert found["sirene__legal_units"]["personne_morale"].all()
    for name, table in found.items():
        described = DATASET.tables[name]
        gates = described.assertions
        if name == "sirene__duplicates":
            assert table.height == 0, "no duplicate is known of 2017"
            continue
        assert gates.rows_floor <= table.height
        assert table.select(described.key).is_unique().all()
        for column, floor in gates.fill_floor.items():
            filled = 1 - table[column].null_count() / table.height
            assert filled >= floor, (name, column, filled)
    owners = found["sirene__legal_units"]["siren"]
    assert found["sirene__establishments"]["siren"].is_in(owners.implode()).all()


# What no bundled file may show: natural persons and oppositions. Synthetic rows from here on.

ADDRESS = {
    "complement_adresse": "CHEZ X",
    "numero_voie": "1",
    "indice_repetition": "B",
    "type_voie": "RUE",
    "libelle_voie": "X",
    "code_postal": "75001",
    "libelle_commune": "PARIS 1",
    "code_cedex": "75901",
    "libelle_cedex": "PARIS CEDEX",
    "lambert_x": 652000.0,
    "lambert_y": 6862000.0,
    "enseigne_1": "X ENSEIGNE",
    "denomination_usuelle": "X COMMERCE",
}
DROPPED = [
    "complement_adresse",
    "numero_voie",
    "indice_repetition",
    "type_voie",
    "libelle_voie",
    "lambert_x",
    "lambert_y",
    "enseigne_1",
    "denomination_usuelle",
]
NAMES = {"sigle": "S", "denomination": "DENOMINATION", "denomination_usuelle_1": "USUELLE"}


def one(owner: dict[str, Any], place: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    state = registry([unit(**owner)], [site(**(ADDRESS | place))])
    return (
        state.legal_units.collect().row(0, named=True),
        state.establishments.collect().row(0, named=True),
    )


@pytest.mark.parametrize("category", ["1000", "1300", "2110", "2900", None])
def test_natural_persons_keep_their_row_and_lose_their_names_and_street(
    category: str | None,
) -> None:
    owner, place = one(NAMES | {"categorie_juridique": category}, {})
    assert owner["siren"] == ALPHA
    assert owner["etat_administratif"] == "A"
    for name in (*NAMES, "nom_complet"):
        assert owner[name] is None, name
    for name in DROPPED:
        assert place[name] is None, name
    assert (place["code_postal"], place["code_commune"], place["departement"]) == (
        "75001", "75101", "75"
    )  # fmt: skip


def test_an_establishment_of_an_unknown_unit_is_taken_for_a_person_s() -> None:
    state = registry([unit(BETA)], [site(ALPHA, **ADDRESS)])
    place = state.establishments.collect().row(0, named=True)
    assert [place[name] for name in DROPPED] == [None] * len(DROPPED)


@pytest.mark.parametrize("status", ["P", "N"])
def test_partial_diffusion_is_masked_whatever_the_file_says(status: str) -> None:
    owner, place = one(NAMES | {"statut_diffusion": status}, {"statut_diffusion": status})
    assert owner["denomination"] == "DENOMINATION", "INSEE keeps a legal person's own name"
    assert owner["sigle"] == owner["denomination_usuelle_1"] == "[ND]"
    assert owner["nom_complet"] == "DENOMINATION"
    for name in DROPPED:
        assert place[name] == (None if name.startswith("lambert") else "[ND]"), name
    assert place["code_postal"] == "[ND]"
    assert (place["code_commune"], place["libelle_commune"]) == ("75101", "PARIS 1")


def test_an_establishment_may_be_masked_alone() -> None:
    owner, place = one(NAMES, {"statut_diffusion": "P"})
    assert owner["sigle"] == "S"
    assert place["enseigne_1"] == place["libelle_voie"] == "[ND]"


def test_the_name_to_show_bears_the_trade_name_of_the_head_office_alone() -> None:
    def shown(owner: dict[str, Any], *places: dict[str, Any]) -> str | None:
        state = registry([unit(**owner)], [site(**place) for place in places])
        return str(state.legal_units.collect()["nom_complet"].item())

    office, branch = {"denomination_usuelle": "Chez Nous"}, {"nic": "00029", "siege": False}
    assert shown(NAMES, office) == "DENOMINATION (CHEZ NOUS) (S)"
    assert shown(NAMES, {}, branch | office) == "DENOMINATION (S)"
    assert shown(NAMES, {"enseigne_1": "SIGNE"}) == "DENOMINATION (S)"
    assert shown(NAMES, office | {"statut_diffusion": "P"}) == "DENOMINATION (S)"
    assert shown(NAMES | {"statut_diffusion": "P"}, office) == "DENOMINATION (CHEZ NOUS)"
    assert shown(NAMES | {"nic_siege": None}, office) == "DENOMINATION (S)"
    # The flag of a former head office may stand a while: the unit says which one it is.
    former = branch | {"siege": True, "denomination_usuelle": "AVANT"}
    assert shown(NAMES, office, former) == "DENOMINATION (CHEZ NOUS) (S)"
    assert shown(NAMES | {"categorie_juridique": "1000"}, office) == "None"


SECOND = {
    "complement_adresse_2": "BATIMENT B", "numero_voie_2": "0012", "type_voie_2": "RUE",
    "libelle_voie_2": "DE LA GARE", "code_postal_2": "01000", "code_commune_2": "01053",
    "libelle_commune_2": "BOURG EN BRESSE",
}  # fmt: skip


def second(owner: dict[str, Any], place: dict[str, Any]) -> list[dict[str, Any]]:
    raw = {name: empty(name) for name in ARCHIVES}
    for name, row in (
        ("stock-unite-legale", unit(**owner)),
        ("stock-etablissement", site(**place)),
    ):
        schema = raw[name].collect_schema()
        raw[name] = pl.LazyFrame([{column: row.get(column) for column in schema}], schema=schema)
    return normalise(raw)["sirene__second_addresses"].collect().to_dicts()


def test_a_second_address_is_kept_where_there_is_one() -> None:
    (row,) = second({}, SECOND)
    assert {name: row[name] for name in SECOND} == SECOND
    assert (row["siret"], row["siren"]) == (f"{ALPHA}00011", ALPHA)
    assert second({}, {}) == []
    (abroad,) = second({}, {"libelle_pays_etranger_2": "ITALIE"})
    assert abroad["libelle_pays_etranger_2"] == "ITALIE"


@pytest.mark.parametrize(
    ("owner", "place"),
    [
        ({"categorie_juridique": "1000"}, {}),
        ({"categorie_juridique": "2110"}, {}),
        ({"categorie_juridique": None}, {}),
        ({"siren": BETA}, {}),
        ({}, {"statut_diffusion": "P"}),
        ({}, {"statut_diffusion": "N"}),
    ],
)
def test_a_second_address_is_a_legal_person_s_and_diffused(
    owner: dict[str, Any], place: dict[str, Any]
) -> None:
    assert second(owner, SECOND | place) == []


def test_a_mask_is_no_name(tmp_path: Path) -> None:
    owner, _ = one({"sigle": "[ND]", "denomination": "[ND]"}, {})
    assert owner["denomination"] == "[ND]", "the mask is never merged with empty"
    assert owner["nom_complet"] is None


def test_only_what_decides_who_is_shown_is_read_at_once() -> None:
    """The national files do not fit in memory: nothing else is collected on the way."""
    asked: dict[str, list[str]] = {}

    def source(resource: str) -> pl.LazyFrame:
        schema = tables_schema(resource)

        def none(columns: list[str] | None, *_: object) -> Iterator[pl.DataFrame]:
            asked[resource] = sorted(schema if columns is None else columns)
            yield pl.DataFrame(schema=schema).select(asked[resource])

        return register_io_source(none, schema=schema)

    found = normalise({name: source(name) for name in ARCHIVES})
    assert {*found, *further(found)} == set(DATASET.tables)
    assert asked == {
        "stock-unite-legale": ["categorie_juridique", "siren", "statut_diffusion"],
        "stock-etablissement": ["siret", "statut_diffusion"],
    }
    assert CODE_VERSION


def tables_schema(resource: str) -> dict[str, pl.DataType]:
    state = {column.name: pl.String() for column in DATASET.resource(resource).columns}
    return dict(state)
