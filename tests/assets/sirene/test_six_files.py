"""The six files of a month: all of them or none, as CSV or as Parquet, each the one it says."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml
from sirene_files import ARCHIVES, DATASET, SAMPLE, empty

from assets import discovery
from assets.sirene.normalise import further, normalise
from opendata import parquet
from opendata.archive import unpack
from opendata.contract import read_resource
from opendata.errors import ContractError, PortalError
from opendata.ingest import build
from opendata.sample_portal import SamplePortal
from opendata.take import take
from pipelines import replay
from pipelines.workspace import open_workspace

SIRENE = discovery.sources()["sirene"]
FEBRUARY = "2017-02-01"
#: Types of INSEE's Parquet files (2026): a number where the CSV has digits, but in the histories.
NUMBERS = {
    "stock-unite-legale": {"categorieJuridiqueUniteLegale", "anneeEffectifsUniteLegale"},
    "stock-etablissement": {"anneeEffectifsEtablissement"},
}
TYPES = {"date": pl.Date, "timestamp": pl.Datetime("us"), "boolean": pl.Boolean}


def taken(data_dir: Path, sample: Path, day: date) -> int:
    """Take the files of ``day`` and return how many came."""
    with SamplePortal(sample, as_of=day) as portal:
        workspace = open_workspace(replay.sample_settings(portal, day, data_dir))
        return len(take(SIRENE, workspace.store, workspace.clock, workspace.portals).receipts)


def without(sample: Path, resource: str, day: str, folder: Path) -> Path:
    """Return a copy of the portal on which one resource was not replaced on ``day``."""
    shutil.copytree(sample, folder, ignore=shutil.ignore_patterns("build", "bodacc", "decp"))
    path = folder / "portal.yml"
    described = yaml.safe_load(path.read_text("utf-8"))
    described["datagouv"] = described["datagouv"][:1]
    described["opendatasoft"] = []
    for one in described["datagouv"][0]["resources"]:
        if ARCHIVES[resource] in " ".join(one["files"].values()):
            del one["files"][date.fromisoformat(day)]
    path.write_text(yaml.safe_dump(described, allow_unicode=True), encoding="utf-8")
    return folder


def test_all_six_come_the_one_without_id_by_its_title(tmp_path: Path) -> None:
    assert taken(tmp_path, SAMPLE, date(2017, 2, 2)) == 6
    receipts = [json.loads(path.read_text()) for path in tmp_path.rglob("*.receipt.json")]
    titles = {one["resource"]: one["title"] for one in receipts}
    assert titles["stock-doublons"] == "Sirene : Fichier StockDoublons - 01 février 2017"
    assert {one["resource_id"] for one in receipts if one["resource"] == "stock-doublons"} != {""}


@pytest.mark.parametrize("late", ARCHIVES)
def test_one_file_of_the_month_before_and_none_is_taken(late: str, tmp_path: Path) -> None:
    sample = without(SAMPLE, late, FEBRUARY, tmp_path / "portal")
    with pytest.raises(PortalError, match=f"different months.*{late} 2017-01"):
        taken(tmp_path / "data", sample, date(2017, 2, 2))
    assert not list((tmp_path / "data").rglob("*.zip"))


def test_a_month_without_duplicates_is_published(tmp_path: Path) -> None:
    day = date(2017, 1, 2)
    with SamplePortal(SAMPLE, as_of=day) as portal:
        workspace = open_workspace(replay.sample_settings(portal, day, tmp_path))
        take(SIRENE, workspace.store, workspace.clock, workspace.portals)
        outcome = build(SIRENE, workspace.store, workspace.clock)
    assert outcome.status == "published"
    rows = {name: table.rows for name, table in outcome.version.tables.items()}
    assert rows.pop("sirene__duplicates") == 0
    assert rows.pop("sirene__second_addresses") == 0, "none is known of 2017"
    assert min(rows.values()) > 0
    assert set(rows) < set(DATASET.tables)


def unpacked(resource: str, folder: Path) -> Path:
    return unpack(SAMPLE / "sirene" / FEBRUARY / ARCHIVES[resource], "zip", folder / resource)


@pytest.mark.parametrize("resource", [name for name in ARCHIVES if name != "stock-doublons"])
def test_no_other_file_may_be_without_rows(resource: str, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(unpacked(resource, tmp_path).read_bytes().split(b"\n")[0] + b"\n")
    described = DATASET.resource(resource)
    assert not described.empty_ok
    with pytest.raises(ContractError, match="0 data rows"):
        read_resource(described, [path], work=tmp_path / "work", empty_ok=described.empty_ok)


def as_published(resource: str, csv: Path, target: Path) -> Path:
    """Write a bundled CSV as the Parquet that INSEE would make of it."""
    rows = pl.read_csv(csv, infer_schema=False)
    columns = {column.header: column.type for column in DATASET.resource(resource).columns}
    casts = []
    for name in rows.columns:
        if name in NUMBERS.get(resource, ()):
            casts.append(pl.col(name).cast(pl.Int64))
        elif columns[name] == "boolean":
            casts.append(pl.col(name) == "true")
        elif columns[name] == "date":
            casts.append(pl.col(name).str.to_date(strict=False))
        elif columns[name] == "timestamp":
            casts.append(pl.col(name).str.to_datetime(time_unit="us"))
    rows.with_columns(casts).write_parquet(target)
    return target


def made(files: dict[str, Path], form: str | None, work: Path) -> dict[str, pl.DataFrame]:
    dataset = DATASET.in_form(form)
    raw = {}
    for name, path in files.items():
        resource = dataset.resource(name)
        read = read_resource(resource, [path], work=work / name, empty_ok=resource.empty_ok)
        assert (read.rejected_rows, read.notes) == (0, ())
        raw[name] = parquet.arranged(read.rows, resource.order, read.path)
    tables = dict(normalise(raw))
    return {name: rows.collect() for name, rows in (tables | dict(further(tables))).items()}


def test_the_parquet_of_a_month_gives_the_tables_of_its_csv(tmp_path: Path) -> None:
    csv = {name: unpacked(name, tmp_path) for name in ARCHIVES}
    columnar = {
        name: as_published(name, path, tmp_path / f"{name}.parquet") for name, path in csv.items()
    }
    ours, theirs = made(csv, None, tmp_path / "a"), made(columnar, "parquet", tmp_path / "b")
    assert ours.keys() == theirs.keys() == DATASET.tables.keys()
    for name, rows in ours.items():
        key = DATASET.tables[name].key
        assert rows.sort(key).equals(theirs[name].sort(key)), name


def test_a_number_typed_category_gets_its_zeros_back(tmp_path: Path) -> None:
    path = tmp_path / "units.parquet"
    schema = {column.header: pl.String for column in DATASET.resource("stock-unite-legale").columns}
    row = {
        "siren": "552032534", "statutDiffusionUniteLegale": "O",
        "etatAdministratifUniteLegale": "A", "categorieJuridiqueUniteLegale": 0,
    }  # fmt: skip
    frame = pl.DataFrame(
        [{name: row.get(name) for name in schema}],
        schema={**schema, "categorieJuridiqueUniteLegale": pl.Int64},
    )
    frame.write_parquet(path)
    described = DATASET.in_form("parquet").resource("stock-unite-legale")
    read = read_resource(described, [path], work=tmp_path / "work")
    assert pl.read_parquet(read.path)["categorie_juridique"].to_list() == ["0000"]


def test_permuted_ids_are_caught_by_the_header(tmp_path: Path) -> None:
    other = tmp_path / "history.parquet"
    columns = [
        column.header for column in DATASET.resource("stock-unite-legale-historique").columns
    ]
    pl.DataFrame({name: ["x"] for name in columns}).write_parquet(other)
    described = DATASET.in_form("parquet").resource("stock-unite-legale")
    with pytest.raises(ContractError, match="columns not found"):
        read_resource(described, [other], work=tmp_path / "work")


def test_histories_that_come_newest_first_are_put_in_order(tmp_path: Path) -> None:
    resource = DATASET.resource("stock-etablissement-historique")
    rows = pl.read_csv(unpacked(resource.name, tmp_path), infer_schema=False)
    assert not parquet.in_order(rows.lazy(), ("siret", "dateDebut")), "as INSEE's are"
    read = read_resource(resource, [unpacked(resource.name, tmp_path)], work=tmp_path / "work")
    found = parquet.arranged(read.rows, resource.order, read.path).collect()
    assert parquet.in_order(found.lazy(), resource.order)
    assert found.height == rows.height


def test_the_empty_frames_of_the_tests_have_every_column() -> None:
    for name in ARCHIVES:
        assert empty(name).collect_schema().names() == list(DATASET.resource(name).column_names)
