"""The index built from Insee's files, in every form they come in."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from registry_fixtures import (
    DUPLICATES,
    SITE_HISTORY,
    SITES_2020,
    SITES_2024,
    UNIT_HISTORY,
    UNITS_2020,
    UNITS_2022,
    a_named_unit,
    rows_of,
    write,
    zipped,
)

from leads.index import TABLES, Index
from opendata.errors import ContractError, StateError
from pipelines.match_files import match_file
from pipelines.registry import RegistryFiles, build_registry

#: What the arrays of an index are of.
FAMILIES = {
    "acronym", "address", "begin", "glued", "large", "link", "name", "place", "site", "typo",
    "unit", "word",
}  # fmt: skip


def as_parquet(path: Path, folder: Path) -> Path:
    target = folder / f"{path.stem}.parquet"
    pl.read_csv(path, infer_schema=False).with_columns(
        pl.col("^etablissementSiege$") == "true"
    ).write_parquet(target)
    return target


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return build_registry(
        RegistryFiles([UNITS_2020], [SITES_2020]), tmp_path / "plain"
    ).index.folder


@pytest.mark.parametrize("form", [zipped, as_parquet])
def test_every_form_of_the_files_gives_the_same_index(
    form: object, plain: Path, tmp_path: Path
) -> None:
    units, sites = (form(path, tmp_path) for path in (UNITS_2020, SITES_2020))  # type: ignore[operator]
    again = build_registry(RegistryFiles([units], [sites]), tmp_path / "again")
    assert again.read == {"stock-unite-legale": 361, "stock-etablissement": 777}
    for table in TABLES:
        name = f"{table}.parquet"
        assert (plain / name).read_bytes() == (again.index.folder / name).read_bytes(), table


def test_parts_and_overlaps_are_one_register(plain: Path, tmp_path: Path) -> None:
    rows = rows_of(UNITS_2020)
    header = list(rows[0])
    parts = []
    for number, part in enumerate((rows[:200], rows[150:])):
        folder = tmp_path / str(number)
        folder.mkdir()
        parts.append(write(folder / "StockUniteLegale_utf8.csv", header, part))
    again = build_registry(RegistryFiles(parts, [SITES_2020]), tmp_path / "again").index
    for table in ("units", "names", "establishments"):
        name = f"{table}.parquet"
        assert (plain / name).read_bytes() == (again.folder / name).read_bytes(), table


def test_layouts_of_other_years_are_read_together(tmp_path: Path) -> None:
    files = RegistryFiles([UNITS_2020, UNITS_2022], [SITES_2020, SITES_2024])
    rows = build_registry(files, tmp_path / "both").index.meta["rows"]
    sirens = {row["siren"] for path in (UNITS_2020, UNITS_2022) for row in rows_of(path)}
    sirets = {row["siret"] for path in (SITES_2020, SITES_2024) for row in rows_of(path)}
    assert (rows["units"], rows["establishments"]) == (len(sirens), len(sirets))


def test_nothing_but_the_index_stays(plain: Path) -> None:
    files = {path.name for path in plain.iterdir()}
    arrays = {name for name in files if name.endswith(".npy")}
    assert files - arrays == {"meta.json", *(f"{t}.parquet" for t in TABLES)}
    # The arrays that it is opened with; nothing of what they were made from.
    index = Index.open(plain)
    mapped = {name.removesuffix(".npy"): index.array(name.removesuffix(".npy")) for name in arrays}
    assert {name.partition(".")[0] for name in mapped} == FAMILIES
    of_units = (mapped[name] for name in ("unit.siren", "unit.hq", "unit.status"))
    assert {len(array) for array in of_units} == {index.units}
    # An index is built again where it stands.
    build_registry(RegistryFiles([UNITS_2020], [SITES_2020]), plain)
    assert {path.name for path in plain.iterdir()} == files


def test_former_names_lead_to_the_unit_and_are_never_confirmed_alone(tmp_path: Path) -> None:
    unit = a_named_unit()
    past = {"siren": unit["siren"], "dateFin": "2015-03-31", "dateDebut": "2001-01-01"}
    history = write(
        tmp_path / "units.csv",
        UNIT_HISTORY,
        [
            past | {"denominationUniteLegale": "ANCIENNE BISCUITERIE DE BROCELIANDE"},
            past | {"dateFin": "", "denominationUniteLegale": "NOM DE LA PERIODE QUI COURT"},
        ],
    )
    siret = unit["siren"] + unit["nicSiegeUniteLegale"]
    signs = write(
        tmp_path / "sites.csv",
        SITE_HISTORY,
        [past | {"nic": siret[9:], "siret": siret, "enseigne1Etablissement": "GALETTES VIVIANE"}],
    )
    folder = build_registry(
        RegistryFiles([UNITS_2020], [SITES_2020], [history], [signs]), tmp_path / "index"
    ).index.folder
    leads = tmp_path / "leads.csv"
    current = unit["denominationUniteLegale"]
    leads.write_text(
        f"name\nAncienne Biscuiterie de Brocéliande\nGalettes Viviane\n{current}\n"
        "Nom de la période qui court\n",
        encoding="utf-8",
    )
    found = match_file(folder, leads)
    assert found["siren"].to_list() == [unit["siren"]] * 3 + [None]
    assert found["matched_kind"].to_list() == ["historical", "historical", "denomination", None]
    assert found["verdict"].to_list()[:3] == ["probable", "probable", "confirmed"]
    assert "not_confirmed:former_name" in found["reasons"][0]


def test_former_signs_of_natural_persons_are_left_out(tmp_path: Path) -> None:
    rows = rows_of(UNITS_2020)
    unit = a_named_unit()
    trader = {**unit, "categorieJuridiqueUniteLegale": "1000", "denominationUniteLegale": ""}
    units = write(
        tmp_path / "StockUniteLegale_utf8.csv",
        list(rows[0]),
        [row for row in rows if row["siren"] != unit["siren"]] + [trader],
    )
    siret = unit["siren"] + unit["nicSiegeUniteLegale"]
    past = {"siren": unit["siren"], "siret": siret, "dateFin": "2015-03-31"}
    signs = write(
        tmp_path / "h.csv", SITE_HISTORY, [past | {"enseigne1Etablissement": "CHEZ MARCELLE"}]
    )
    files = RegistryFiles([units], [SITES_2020], establishment_history=[signs])
    names = build_registry(files, tmp_path / "index").index.scan("names").collect()
    assert "CHEZ MARCELLE" not in names["name"].to_list()
    assert unit["siren"] not in names["siren"].to_list()


def test_a_duplicate_leads_to_the_right_unit(tmp_path: Path) -> None:
    right, double, triple = a_named_unit(0), a_named_unit(1), a_named_unit(2)
    chain = [
        {"siren": right["siren"], "sirenDoublon": double["siren"]},
        {"siren": double["siren"], "sirenDoublon": triple["siren"]},
    ]
    duplicates = write(tmp_path / "StockDoublons_utf8.csv", DUPLICATES, chain)
    index = build_registry(
        RegistryFiles([UNITS_2020], [SITES_2020], duplicates=[duplicates]), tmp_path / "index"
    ).index
    leads = tmp_path / "leads.csv"
    name = triple["denominationUniteLegale"]
    leads.write_text(f"siren;name\n{triple['siren']};\n;{name}\n", encoding="utf-8")
    found = match_file(index.folder, leads)
    assert found["siren"].to_list() == [right["siren"]] * 2
    head = right["siren"] + right["nicSiegeUniteLegale"]
    assert found["siret"].to_list() == [head] * 2
    assert f"siren:duplicate_of({right['siren']})" in found["reasons"][0]
    assert index.scan("units").filter(siren=triple["siren"]).collect().is_empty()


def test_a_wrong_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"columns not found.*denominationUniteLegale"):
        build_registry(RegistryFiles([SITES_2020], [SITES_2020]), tmp_path / "index")
    with pytest.raises(ContractError, match="there is no such file"):
        build_registry(RegistryFiles([tmp_path / "no.csv"], [SITES_2020]), tmp_path / "index")


def test_a_folder_of_something_else_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StateError, match="something else than an index"):
        build_registry(RegistryFiles([UNITS_2020], [SITES_2020]), tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_registered_name_without_a_category_is_a_company_s(tmp_path: Path) -> None:
    """INSEE names legal persons only; a person's own name never becomes a company's."""
    units = rows_of(UNITS_2020)
    header = list(units[0])
    named = [dict(row) for row in units if row["denominationUniteLegale"]][:20]
    for row in named:
        row["categorieJuridiqueUniteLegale"] = ""
    person = dict.fromkeys(header, "") | {
        "siren": "732829320",
        "statutDiffusionUniteLegale": "O",
        "etatAdministratifUniteLegale": "A",
        "nomUniteLegale": "EXEMPLE",
        "denominationUniteLegale": "EXEMPLE QUI NE DOIT PAS PARAITRE",
        "nicSiegeUniteLegale": "00019",
    }
    files = RegistryFiles([write(tmp_path / "units.csv", header, [*named, person])], [SITES_2020])
    built = build_registry(files, tmp_path / "index")
    shown = built.index.scan("names").select("siren").unique().collect()["siren"].to_list()
    assert {row["siren"] for row in named} <= set(shown)
    assert "732829320" not in shown
