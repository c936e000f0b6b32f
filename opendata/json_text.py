"""Records of JSON as columns of text.

Belongs here: turning an array, JSON lines or a portal's page of ``results`` into one
Parquet file of strings, streaming. Does not belong here: what the columns mean.
"""

# ruff: noqa: S608 - names and paths are quoted by `identifier` and `literal`
from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import duckdb

from opendata.errors import ContractError
from opendata.warehouse import Warehouse, identifier, literal

#: Largest record DuckDB is allowed to meet; a page wrapped in one object is one record.
_RECORD = 1 << 24


def json_as_text(path: Path, kind: str, target: Path, lift: Sequence[str] = ()) -> list[str]:
    """Write the records of ``path`` to ``target``, every value as text.

    Numbers keep their digits, nested values stay JSON, an absent key is null.

    Args:
        path: an array of objects, one object a line, or one object whose ``results`` is
            an array (Opendatasoft and data-fair answer so).
        kind: ``json`` or ``jsonl``.
        target: Parquet file with ``_line`` (1 is the first record) and one String column
            a key.
        lift: keys of objects whose own keys are taken up beside them; of an array of
            objects, those of its first.

    Returns:
        The keys met, in alphabetical order; no file is written when there is none.

    Raises:
        ContractError: not JSON, or JSON of another shape.
    """
    with Warehouse.in_memory(temporary=target.parent / "spill") as db:
        try:
            records = _lifted(_records(path, kind), lift)
            db.execute(f"CREATE VIEW records AS {records}")
            keys = [
                str(key)
                for (key,) in db.rows(
                    "SELECT DISTINCT unnest(json_keys(item)) AS key FROM records ORDER BY key"
                )
            ]
            odd = db.rows("SELECT count(*) FROM records WHERE json_type(item) <> 'OBJECT'")[0][0]
            if odd:
                raise ContractError(
                    f"{odd:,} records are not objects",
                    next_step="look at the file; the portal may have changed its answer",
                    file=path.name,
                )
            if len({"_line", *(key.casefold() for key in keys)}) <= len(keys):
                raise ContractError(
                    "keys of its records differ by upper and lower case alone, or one is _line",
                    next_step="look at the file, and ask the publisher which ones count",
                    file=path.name,
                )
            if keys:
                shape = json.dumps(dict.fromkeys(keys, "VARCHAR"), ensure_ascii=False)
                columns = ", ".join(f"item.{identifier(key)} AS {identifier(key)}" for key in keys)
                db.execute(
                    f"COPY (SELECT line AS _line, {columns} FROM (SELECT line, "
                    f"json_transform(item, {literal(shape)}) AS item FROM records)) "
                    f"TO {literal(target)} (FORMAT parquet, COMPRESSION zstd)"
                )
        except duckdb.Error as error:
            raise ContractError(
                f"not readable as JSON: {str(error).splitlines()[0]}",
                next_step="fetch it again; a cut file ends in the middle of a record",
                file=path.name,
            ) from error
    return keys


def _lifted(records: str, lift: Sequence[str]) -> str:
    """Merge objects into the record they stand in; keys without a value count as absent."""
    if not lift:
        return records
    inner = ", ".join(
        f"coalesce(item->{literal(f'$.{key}[0]')}, item->{literal(f'$.{key}')}, '{{}}')"
        for key in lift
    )
    return f"SELECT line, json_merge_patch(item, {inner}) AS item FROM ({records})"


def _records(path: Path, kind: str) -> str:
    if kind == "jsonl":
        return _objects(path, "newline_delimited", "json")
    with path.open("rb") as stream:
        first = stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if first == b"[":
        return _objects(path, "array", "json")
    items = "unnest(from_json(json->'results', '[\"JSON\"]'))"
    return _objects(path, "unstructured", items)


def _objects(path: Path, layout: str, item: str) -> str:
    size = max(_RECORD, path.stat().st_size + 1) if layout == "unstructured" else _RECORD
    return (
        f"SELECT row_number() OVER () AS line, item FROM (SELECT {item} AS item FROM "
        f"read_json_objects({literal(path)}, format = '{layout}', maximum_object_size = {size}))"
    )
