"""Every bundled notice read once, and a way to read a few changed ones."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from opendata.contract import read_resource

from .notices import REAL, RESOURCE, SAMPLE, Read, Record, Tables, of


@pytest.fixture(scope="session")
def typed(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Return every bundled notice, as the contract types it."""
    work = tmp_path_factory.mktemp("bodacc")
    result = read_resource(RESOURCE, sorted(SAMPLE.glob("*.jsonl")), work=work)
    assert (result.read, result.rejected_rows) == (len(REAL), 0)
    return pl.read_parquet(result.path)


@pytest.fixture(scope="session")
def real(typed: pl.DataFrame) -> Tables:
    return of(typed)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return the tables of the given records, which the contract must all accept."""

    def tables(*given_records: Record) -> Tables:
        path = tmp_path / "notices.jsonl"
        path.write_text("".join(json.dumps(r) + "\n" for r in given_records), encoding="utf-8")
        result = read_resource(RESOURCE, [path], work=tmp_path / "work")
        assert result.rejected_rows == 0, result.rules
        return of(pl.read_parquet(result.path))

    return tables
