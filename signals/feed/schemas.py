"""The contract in the forms other tools read: JSON Schemas and an Open Data Contract.

Belongs here: deriving both from the models (:mod:`signals.contract`,
:mod:`signals.feed.companions`, :mod:`signals.feed.manifest_model`). Nothing is stated twice.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from signals.contract import SCHEMA_VERSION, Row, SignalRow, choices, optional
from signals.feed.companions import COMPANIONS, OF_ACCOUNTS
from signals.feed.manifest_model import Manifest

ODCS_FILE = "signals.odcs.yaml"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ODCS_VERSION = "v3.1.0"
#: Columns that tell about a customer's lead.
_CONFIDENTIAL = ("lead_id", "account_id", "match_", "reasons", "alternatives", "question")
_LOGICAL: dict[Any, tuple[str, str]] = {
    str: ("string", "VARCHAR"),
    int: ("integer", "BIGINT"),
    float: ("number", "DOUBLE"),
    bool: ("boolean", "BOOLEAN"),
    date: ("date", "DATE"),
    datetime: ("date", "TIMESTAMP WITH TIME ZONE"),
}


def contract_files() -> dict[str, bytes]:
    """Return the files that stand beside every manifest."""
    texts = {ODCS_FILE: data_contract(), **json_schemas()}
    return {name: text.encode() for name, text in texts.items()}


def _models() -> dict[str, type[BaseModel]]:
    rows: dict[str, type[BaseModel]] = {name: model for name, (model, _) in COMPANIONS.items()}
    return {"signal": SignalRow, "manifest": Manifest, **rows}


@cache
def json_schemas() -> Mapping[str, str]:
    """Return file name → JSON Schema of a row of each table, and of the manifest."""
    made = {}
    for name, model in _models().items():
        schema = model.model_json_schema()
        body = {"$schema": _DIALECT, "$id": f"urn:company-signals:{name}:{SCHEMA_VERSION}"}
        made[f"{name}.schema.json"] = json.dumps({**body, **schema}, indent=2) + "\n"
    return made


@cache
def data_contract() -> str:
    """Return the Open Data Contract (ODCS 3) of the feed, as YAML."""
    tables: list[tuple[str, type[Row], tuple[str, ...], str]] = [
        ("signals", SignalRow, ("source", "id"), "The append-only log, in segments.")
    ]
    tables += [
        (name, model, key, " ".join((model.__doc__ or "").split()))
        for name, (model, key) in COMPANIONS.items()
    ]
    contract = {
        "apiVersion": _ODCS_VERSION,
        "kind": "DataContract",
        "id": "urn:company-signals:feed",
        "name": "Signals on French companies from open data",
        "version": SCHEMA_VERSION,
        "status": "active",
        "domain": "sales",
        "description": {
            "purpose": "Events in the life of French companies, from open registers.",
            "usage": "Read manifest.json, then only files that it names.",
            "limitations": (
                "A source in GAP is never 'no change'. Show the attribution of each signal. Rows "
                "whose prospecting_allowed is false must not be used for prospecting."
            ),
        },
        "schema": [_table(*table) for table in tables],
        "slaProperties": [
            {"property": "retention", "value": "see min_sequence of the manifest"},
            {"property": "frequency", "value": 1, "unit": "d"},
        ],
    }
    return yaml.safe_dump(contract, sort_keys=False, allow_unicode=True, width=100)


def _table(name: str, model: type[Row], key: tuple[str, ...], text: str) -> dict[str, Any]:
    where = "accounts only" if name in OF_ACCOUNTS else "every stream"
    return {
        "name": name,
        "physicalName": "segments/*.parquet" if name == "signals" else f"{name}.parquet",
        "physicalType": "parquet",
        "logicalType": "object",
        "description": f"{text} ({where})",
        "properties": [
            _property(field_name, field, key) for field_name, field in model.model_fields.items()
        ],
    }


def _property(name: str, field: FieldInfo, key: tuple[str, ...] = ()) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": name,
        **_types(field.annotation),
        "required": not optional(field),
        "description": field.description,
        "classification": "confidential" if name.startswith(_CONFIDENTIAL) else "public",
    }
    if name in key:
        said |= {"primaryKey": True, "primaryKeyPosition": key.index(name) + 1}
    if allowed := choices(field):
        said["quality"] = [
            {
                "type": "library",
                "metric": "invalidValues",
                "arguments": {"validValues": list(allowed)},
                "mustBe": 0,
                "unit": "rows",
            }
        ]
    return said


def _types(annotation: Any) -> dict[str, Any]:
    """Return the ODCS types of values of ``annotation``."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        (inner,) = (part for part in args if part is not type(None))
        return _types(inner)
    if origin is Literal:
        return {"logicalType": "string", "physicalType": "VARCHAR"}
    if origin is list:
        return {"logicalType": "array", "physicalType": "LIST", "items": _types(args[0])}
    if isinstance(annotation, type) and issubclass(annotation, Row):
        fields = annotation.model_fields.items()
        return {
            "logicalType": "object",
            "physicalType": "STRUCT",
            "properties": [_property(name, field) for name, field in fields],
        }
    logical, physical = _LOGICAL[annotation]
    return {"logicalType": logical, "physicalType": physical}
