"""Official Sirene files through the real contract reader and normaliser, for tests.

Belongs here: reading files as a run does. Does not belong here: any expectation.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

import assets.sirene
from assets.sirene.normalise import further, normalise
from opendata import parquet
from opendata.catalogue import load_dataset
from opendata.contract import ReadResult, read_resource
from sirene.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
DATASET = load_dataset(Path(assets.sirene.__file__).with_name("dataset.yml"))
SAMPLE = ROOT / "data" / "sample"
ARCHIVES = {
    "stock-unite-legale": "stock-stockunitelegale-csv.zip",
    "stock-etablissement": "stock-stocketablissement-csv.zip",
    "stock-etablissement-liens-succession": "stock-stocketablissementlienssuccession-csv.zip",
    "stock-unite-legale-historique": "stock-stockunitelegalehistorique-csv.zip",
    "stock-etablissement-historique": "stock-stocketablissementhistorique-csv.zip",
    "stock-doublons": "stock-stockdoublons-csv.zip",
}


def read(files: Mapping[str, Path], work: Path) -> dict[str, ReadResult]:
    """Read each resource of ``files`` by the contract, in the order it asks for."""
    results = {}
    for name, path in files.items():
        resource = DATASET.resource(name)
        found = read_resource(resource, [path], work=work / name, empty_ok=resource.empty_ok)
        rows = parquet.arranged(found.rows, resource.order, found.path)
        results[name] = replace(found, rows=rows)
    return results


def tables(files: Mapping[str, Path], work: Path) -> dict[str, pl.LazyFrame]:
    """Return the normalised tables of ``files``; a resource not given has no row."""
    raw = {name: result.rows for name, result in read(files, work).items()}
    for resource in DATASET.resources:
        if resource.name not in raw:
            raw[resource.name] = empty(resource.name)
    made = dict(normalise(raw))
    return made | dict(further(made))


def empty(resource: str) -> pl.LazyFrame:
    """Return no row of a resource, typed."""
    kinds: dict[str, pl.DataType] = {
        "integer": pl.Int64(),
        "decimal": pl.Float64(),
        "boolean": pl.Boolean(),
        "date": pl.Date(),
        "timestamp": pl.Datetime("us"),
    }
    columns = DATASET.resource(resource).columns
    return pl.LazyFrame(schema={c.name: kinds.get(c.type, pl.String()) for c in columns})


def bundled(day: str, work: Path) -> dict[str, pl.LazyFrame]:
    """Return the tables of the bundled month published on ``day``."""
    files = {}
    for name, archive in ARCHIVES.items():
        with zipfile.ZipFile(SAMPLE / "sirene" / day / archive) as packed:
            (member,) = packed.namelist()
            files[name] = Path(packed.extract(member, work / day))
    return tables(files, work / day)


def vintage(day: str, work: Path) -> Registry:
    """Return the bundled state of the register published on ``day``."""
    found = bundled(day, work)
    return Registry(
        found["sirene__legal_units"],
        found["sirene__establishments"],
        found["sirene__successions"],
    )
