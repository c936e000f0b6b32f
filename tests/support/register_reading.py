"""Reading a file by the contract of its dataset, and normalising what came through."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import polars as pl

from opendata.catalogue import load_dataset
from opendata.contract import ReadResult, read_resource

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "tests" / "data" / "registers"


@dataclass(frozen=True)
class Read:
    """What became of a file: the contract's verdict and the normalised table."""

    result: ReadResult
    typed: pl.DataFrame
    table: pl.DataFrame


def read(name: str, path: Path, work: Path) -> Read:
    """Read ``path`` as the only resource of the dataset ``name``, which has one table."""
    dataset = load_dataset(ROOT / "assets" / name / "dataset.yml")
    (resource,) = dataset.resources
    result = read_resource(resource, [path], work=work)
    typed = pl.read_parquet(result.path)
    return Read(result, typed, normalised(name, typed))


def normalised(name: str, typed: pl.DataFrame) -> pl.DataFrame:
    """Return the only table that the dataset ``name`` makes of typed rows."""
    dataset = load_dataset(ROOT / "assets" / name / "dataset.yml")
    module = import_module(f"assets.{name}.normalise")
    (rows,) = module.normalise({dataset.resources[0].name: typed.lazy()}).values()
    table: pl.DataFrame = rows.collect()
    return table
