"""What is exported keeps to its contract, as public validators read it."""

from __future__ import annotations

import json
import warnings
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard
from replaying import Replayed, stream_rows

from signals.contract import SIGNAL_SCHEMA, schema_of
from signals.feed.companions import COMPANIONS, OF_ACCOUNTS
from signals.feed.manifest_model import Manifest
from signals.feed.schemas import ODCS_FILE, contract_files

with warnings.catch_warnings():
    # The package names a field "schema", which pydantic says shadows a method of old.
    warnings.simplefilter("ignore", UserWarning)
    from dplib.models import Package


@pytest.fixture(params=["company", "accounts/demo-btp"])
def stream(request: pytest.FixtureRequest, replayed: Replayed) -> Path:
    return replayed.exports / str(request.param)


def manifest(stream: Path) -> dict[str, Any]:
    return dict(json.loads((stream / "manifest.json").read_bytes()))


def validator(stream: Path, name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((stream / f"{name}.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def as_json(rows: pl.DataFrame) -> list[dict[str, Any]]:
    return [json.loads(line) for line in rows.write_ndjson().splitlines()]


def test_the_manifest_is_what_its_schema_and_its_model_say(stream: Path) -> None:
    said = manifest(stream)
    validator(stream, "manifest").validate(said)
    assert Manifest.model_validate(said).max_sequence == said["max_sequence"]
    # A manifest that breaks a promise is refused: the schema is not one that takes anything.
    for broken in ({"max_sequence": "12"}, {"segments": None}, {"unknown": 1}):
        with pytest.raises(jsonschema.ValidationError):
            validator(stream, "manifest").validate({**said, **broken})


def test_the_manifest_is_a_data_package(stream: Path) -> None:
    said = manifest(stream)
    package = Package.from_dict(said)
    assert [resource.path for resource in package.resources] == [
        resource["path"] for resource in said["resources"]
    ]
    assert all(resource.name and resource.hash for resource in package.resources)


def test_rows_are_what_their_schema_says(stream: Path) -> None:
    rows = stream_rows(stream)
    assert rows.schema == SIGNAL_SCHEMA
    check = validator(stream, "signal")
    told = as_json(
        rows.with_columns(pl.col("recordedtime", "expirytime").dt.to_string("iso:strict"))
    )
    for row in told[:200]:
        check.validate(row)
    for broken in ({"op": "DELETE"}, {"signalid": None}, {"confidence": "high"}):
        with pytest.raises(jsonschema.ValidationError):
            check.validate({**told[0], **broken})


@pytest.mark.parametrize("table", COMPANIONS)
def test_companions_have_the_columns_of_their_model(table: str, replayed: Replayed) -> None:
    model, key = COMPANIONS[table]
    folder = replayed.exports / "accounts" / "demo-btp"
    rows = pl.read_parquet(folder / f"{table}.parquet")
    assert rows.schema == schema_of(model)
    assert not rows.select(key).is_duplicated().any()
    assert (replayed.exports / "company" / f"{table}.parquet").exists() is (
        table not in OF_ACCOUNTS
    )
    dates = [name for name, kind in rows.schema.items() if isinstance(kind, pl.Datetime)]
    for row in as_json(rows.with_columns(pl.col(dates).dt.to_string("iso:strict")).head(50)):
        validator(folder, table).validate(row)


def test_every_exported_table_has_a_model(stream: Path) -> None:
    tables = {path.stem for path in stream.glob("*.parquet")}
    assert tables - {"signals_current"} <= set(COMPANIONS)


def test_the_contract_is_an_open_data_contract(stream: Path) -> None:
    path = stream / str(manifest(stream)["contract"])
    text = path.read_text(encoding="utf-8")
    assert path.name == ODCS_FILE
    official = resources.files("open_data_contract_standard").joinpath("schema.json")
    schema = json.loads(official.read_text(encoding="utf-8"))
    jsonschema.validators.validator_for(schema)(schema).validate(yaml.safe_load(text))
    contract = OpenDataContractStandard.from_string(text)
    named = {table.name: table for table in contract.schema_}
    assert set(named) == {"signals", *COMPANIONS}
    for name, (model, key) in {"signals": (None, ("source", "id")), **COMPANIONS}.items():
        properties = named[name].properties
        columns = SIGNAL_SCHEMA if model is None else schema_of(model)
        assert [one.name for one in properties] == columns.names()
        placed = {one.primaryKeyPosition: one.name for one in properties if one.primaryKey}
        assert tuple(name for _, name in sorted(placed.items())) == key
        assert all(one.description for one in properties)


def test_the_files_beside_the_manifest_are_those_of_the_documentation(stream: Path) -> None:
    for name, body in contract_files().items():
        assert (stream / name).read_bytes() == body
