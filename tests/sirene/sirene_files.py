"""Official Sirene files through the real contract reader and normaliser, for tests.

Belongs here: reading files as a run does. Does not belong here: any expectation.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl

import assets.sirene
from assets.sirene.normalise import normalise
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
}


def read(files: Mapping[str, Path], work: Path) -> dict[str, ReadResult]:
    """Read each resource of ``files`` by the contract."""
    return {
        name: read_resource(DATASET.resource(name), [path], work=work / name)
        for name, path in files.items()
    }


def tables(files: Mapping[str, Path], work: Path) -> dict[str, pl.LazyFrame]:
    """Return the normalised tables of ``files``; a resource not given has no row."""
    raw = {name: pl.scan_parquet(result.path) for name, result in read(files, work).items()}
    for resource in DATASET.resources:
        if resource.name not in raw:
            raw[resource.name] = empty(resource.name)
    return dict(normalise(raw))


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


def vintage(day: str, work: Path) -> Registry:
    """Return the bundled state of the register published on ``day``."""
    files = {}
    for name, archive in ARCHIVES.items():
        with zipfile.ZipFile(SAMPLE / "sirene" / day / archive) as packed:
            (member,) = packed.namelist()
            files[name] = Path(packed.extract(member, work / day))
    found = tables(files, work / day)
    return Registry(
        found["sirene__legal_units"],
        found["sirene__establishments"],
        found["sirene__successions"],
    )
