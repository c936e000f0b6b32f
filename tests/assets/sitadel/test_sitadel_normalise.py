"""Permits, on the real rows of ``data/sample/sitadel``; each trap by changing one of them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.sitadel.normalise import normalise
from opendata.catalogue import load_dataset
from opendata.contract import read_resource
from opendata.errors import ContractError
from opendata.typing_rules import DTYPES

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "data/sample/sitadel/2025-01-02"
DATASET = load_dataset(ROOT / "assets/sitadel/dataset.yml")
TABLE = "sitadel__permits"
Row = dict[str, str]
Read = Callable[..., pl.DataFrame]


def published(name: str) -> list[Row]:
    with (SAMPLE / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=";"))


#: ORTHODONTIE KLEBER, offices of 187 m².
OFFICES = next(row for row in published("locaux") if row["NUM_DAU"] == "09304824B0468")
SITE = next(row for row in published("amenager") if row["NUM_PA"] == "03155522M0016")


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return the permits in the given rows, by file, which the contract must all accept."""

    def table(**files: list[Row]) -> pl.DataFrame:
        raw = {}
        for name, given in files.items():
            path = tmp_path / f"{name}.csv"
            with path.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, given[0], delimiter=";")
                writer.writeheader()
                writer.writerows(given)
            result = read_resource(DATASET.resource(name), [path], work=tmp_path / name)
            assert result.rejected_rows == 0, result.rules
            raw[name] = pl.scan_parquet(result.path)
        return normalise(raw)[TABLE].collect()

    return table


def test_every_real_row_is_there(read: Read) -> None:
    files = {path.stem: published(path.stem) for path in SAMPLE.glob("*.csv")}
    permits = read(**files)
    described = DATASET.described_columns(TABLE)[:-1]
    assert dict(permits.schema) == {one.name: DTYPES[one.type] for one in described}
    standing = {
        (name, row[number])
        for name, number, state in (
            ("locaux", "NUM_DAU", "ETAT_DAU"),
            ("amenager", "NUM_PA", "ETAT_PA"),
            ("demolir", "NUM_PD", "ETAT_PD"),
        )
        for row in files[name]
        if row[state] != "4"
    }
    assert set(permits.select("fichier", "numero").rows()) == standing
    assert permits.select("fichier", "type_autorisation", "numero").is_unique().all()
    assert permits.filter(fichier="demolir")["type_autorisation"].unique().to_list() == ["PD"]


def test_golden_permit(read: Read) -> None:
    assert read(locaux=[OFFICES]).row(0, named=True) == {
        "fichier": "locaux",
        "type_autorisation": "DP",
        "numero": "09304824B0468",
        "etat": "2",
        "siren": "934043704",
        "siret": "93404370400014",
        "denomination": "ORTHODONTIE KLEBER",
        "categorie_juridique": "6540",
        "activite_principale": "68.20B",
        "commune": "93048",
        "departement": "93",
        "code_postal": "93100",
        "nature_projet": "2",
        "destination": "3",
        "extension": False,
        "surface_m2": 187,
        "logements_crees": None,
        "superficie_terrain_m2": None,
        "date_autorisation": date(2024, 11, 26),
        "date_ouverture_chantier": None,
        "date_achevement": None,
        "mois_autorisation": date(2024, 11, 1),
        "mois_derniere_nouvelle": date(2024, 11, 1),
        "record_key": "locaux/DP/09304824B0468",
        "publication_date": date(2024, 12, 1),
    }


@pytest.mark.parametrize("state", ["2", "5", "6"])
def test_state_4_is_cancelled_whatever_dates_it_has(read: Read, state: str) -> None:
    begun = {**OFFICES, "DATE_REELLE_DOC": "2024-12-01"}
    assert read(locaux=[{**begun, "ETAT_DAU": state}]).height == 1
    assert read(locaux=[{**begun, "ETAT_DAU": "4"}]).is_empty()


def test_a_cancelled_version_takes_the_permit_with_it(read: Read) -> None:
    later = {**OFFICES, "ETAT_DAU": "4", "DPC_DERN": "2024-12"}
    assert read(locaux=[later, OFFICES]).is_empty()
    assert read(locaux=[OFFICES, later]).is_empty()


def test_of_two_versions_the_one_authorised_last_counts(read: Read) -> None:
    larger = {**OFFICES, "DATE_REELLE_AUTORISATION": "2024-12-05", "SURF_LOC_ISSUE_TRANSFO": "240"}
    for order in ([OFFICES, larger], [larger, OFFICES]):
        assert read(locaux=order)["surface_m2"].to_list() == [240]


@pytest.mark.parametrize(
    "changes",
    [
        {"SIREN_DEM": "", "CJ_DEM": "", "DENOM_DEM": ""},
        {"SIREN_DEM": "934043705"},
        {"CJ_DEM": "1000"},
    ],
    ids=["natural person, taken out by law", "check digit", "sole trader"],
)
def test_only_legal_persons_with_a_siren(read: Read, changes: Row) -> None:
    assert read(locaux=[{**OFFICES, **changes}]).is_empty()


def test_the_owner_who_asks_is_told_by_its_activity(read: Read) -> None:
    """An SCI is rarely who moves in: the column that tells is kept as published."""
    assert read(locaux=[OFFICES])["activite_principale"].to_list() == ["68.20B"]


def test_one_number_in_two_files_is_two_permits(read: Read) -> None:
    same = {**SITE, "NUM_PA": OFFICES["NUM_DAU"]}
    assert read(locaux=[OFFICES], amenager=[same])["record_key"].to_list() == [
        "amenager/PA/09304824B0468",
        "locaux/DP/09304824B0468",
    ]


def test_dwellings_have_their_own_measure(read: Read) -> None:
    """*Synthetic*: no real row of that file was at hand."""
    kept = ("TYPE_DAU", "NUM_DAU", "ETAT_DAU", "COMM", "DEP_CODE", "DATE_REELLE_AUTORISATION")
    own = ("DPC_AUT", "DPC_DERN", "APE_DEM", "CJ_DEM", "DENOM_DEM", "SIREN_DEM", "SIRET_DEM")
    row = {name: OFFICES[name] for name in (*kept, *own)} | {"NB_LGT_TOT_CREES": "24"}
    permits = read(logements=[row])
    assert permits.select("fichier", "logements_crees", "surface_m2").rows() == [
        ("logements", 24, None)
    ]


def test_columns_of_2013_are_found_too(read: Read) -> None:
    row = {("DEP" if name == "DEP_CODE" else name): value for name, value in OFFICES.items()}
    row.pop("REG_LIBELLE")
    assert read(locaux=[row])["departement"].to_list() == ["93"]


@pytest.mark.parametrize("written", ["0218-10-29", "5021-01-01", "NC", ""])
def test_impossible_days_are_unknown(read: Read, written: str) -> None:
    row = {**SITE, "DATE_REELLE_DAACT": written}
    assert read(amenager=[row])["date_achevement"].to_list() == [None]


def test_two_header_lines_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "locaux.csv"
    text = (SAMPLE / "locaux.csv").read_text(encoding="utf-8")
    path.write_text(text.split("\n", 1)[0].lower().replace("_", " ") + "\n" + text)
    with pytest.raises(ContractError, match="columns not found"):
        read_resource(DATASET.resource("locaux"), [path], work=tmp_path / "w")


def test_no_address_of_an_applicant_is_read() -> None:
    read_headers = {column.header for one in DATASET.resources for column in one.columns}
    assert not {"CODPOST_DEM", "LOCALITE_DEM", "ADR_NUM_TER", "ADR_LIBVOIE_TER"} & read_headers
