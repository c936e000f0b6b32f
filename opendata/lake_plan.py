"""What of a lake must be written anew, and by whom.

Belongs here: comparing what stands with the files that a table is now made of, the empty tables
of the next state, and the plan that cuts their rows into units. Does not belong here: writing
and showing them (:mod:`opendata.lake`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import polars as pl

from opendata import parquet
from opendata.assembly import Content, in_order, listed, rows_query
from opendata.errors import StateError
from opendata.files import digest
from opendata.lake_address import CATALOGUE
from opendata.shares import MOST
from opendata.warehouse import Warehouse, identifier, literal

#: Tables of more rows are cut: by this column, which is then also how their files are parted, or
#: along their key.
PARTED_BY, PARTED_ABOVE = "departement", 1_000_000
#: What stands, of which files and with which comments, and the run that wrote it.
SHOWN = "lake_tables"
PLAN, NEXT = "next_tables", "next__"
SHOWN_SCHEMA = pl.Schema(
    {
        "table_name": pl.String(),
        "files": pl.List(pl.String()),
        "shape": pl.String(),
        "said": pl.String(),
        "run_id": pl.String(),
    }
)
PLAN_SCHEMA = pl.Schema(
    {
        "table_name": pl.String(),
        "files": pl.List(pl.String()),
        "shape": pl.String(),
        "more": pl.Boolean(),
        "part": pl.String(),
        "weight": pl.Int64(),
        "query": pl.String(),
    }
)
#: Table → its files, its shape, whether rows are only added, and how many rows come.
Plan = dict[str, tuple[list[str], str, bool, int]]


@dataclass(frozen=True)
class Change:
    """A table to be written: as a whole, or with the rows of the files that came after."""

    whole: Content
    files: Sequence[str]
    shape: str
    more: Content | None


def changes(db: Warehouse, tables: Mapping[str, Content]) -> dict[str, Change]:
    """Return the tables whose rows are not those of their files.

    Raises:
        StateError: a file of a table is missing.
    """
    shown = {name: (files, shape) for name, files, shape, *_ in standing(db).iter_rows()}
    found = {}
    for name, content in in_order(tables):
        if content.query is not None:
            continue
        absent = [path.name for path in content.paths if not path.exists()]
        if absent or not content.paths:
            raise StateError(
                f"table {name} has no file {absent or ''}",
                next_step="run its dataset again",
                file=absent[0] if absent else None,
            )
        files, shape = [digest(path) for path in content.paths], _shape(content)
        before, shape_before = shown.get(name, ([], ""))
        if (before, shape_before) == (files, shape):
            continue
        # Only where nothing but new files came: what was rewritten, or left, is written whole.
        more = bool(before and content.key) and shape_before == shape
        more = more and len(before) < len(files) and files[: len(before)] == before
        new = replace(content, paths=content.paths[len(before) :]) if more else None
        found[name] = Change(content, files, shape, new)
    return found


def standing(db: Warehouse) -> pl.DataFrame:
    """Return the tables that stand, the files they were made of and the run that did it."""
    if SHOWN not in table_names(db):
        return SHOWN_SCHEMA.to_frame()
    return db.frame(f"FROM {in_lake(SHOWN)}").cast(SHOWN_SCHEMA)


def write_small(db: Warehouse, name: str, rows: pl.DataFrame) -> None:
    """Replace a small table of our own: one file, whatever its rows."""
    db.connection.register("own_rows", rows.to_arrow())
    try:
        db.execute(f"CREATE OR REPLACE TABLE {in_lake(name)} AS FROM own_rows")
    finally:
        db.connection.unregister("own_rows")


def _shape(content: Content) -> str:
    return _hash([list(content.key), sorted(content.without)])


def said(content: Content) -> str:
    """Return the hash of all comments of a table: they change without its rows."""
    return _hash([content.comment, dict(content.columns)])


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def units(db: Warehouse, name: str, change: Change, parted_above: int) -> Iterator[tuple[Any, ...]]:
    """Make the empty table of a change; say what fills it, in rows of the plan."""
    content, target = change.more or change.whole, in_lake(NEXT + name)
    columns = columns_of(db, f"({rows_query(content)})")
    if change.more and columns != columns_of(db, in_lake(name)):
        content = change.whole
        columns = columns_of(db, f"({rows_query(content)})")
    query = rows_query(content)
    db.execute(f"CREATE TABLE {target} AS SELECT * FROM ({query}) LIMIT 0")  # noqa: S608
    total = sum(parquet.count(path) for path in content.paths)
    parts = ["true"]
    if total > parted_above and PARTED_BY in columns:
        db.execute(f"ALTER TABLE {target} SET PARTITIONED BY ({identifier(PARTED_BY)})")
        parts = _departments(db, query)
    elif total > parted_above and content.key:
        parts = _stretches(db, query, content.key[0], min(MOST, total // parted_above + 1))
    counted = ", ".join(f"count(*) FILTER (WHERE {part})" for part in parts)
    (weights,) = db.rows(f"SELECT {counted} FROM ({query})")  # noqa: S608 - our own query
    order = f" ORDER BY {listed(content.key)}" if content.key else ""
    more = content is change.more
    for part, rows in zip(parts, weights, strict=True):
        selected = f"SELECT * FROM ({query}) WHERE {part}{order}"  # noqa: S608 - our own query
        yield name, change.files, change.shape, more, part, int(rows), selected


def _departments(db: Warehouse, query: str) -> list[str]:
    """Return a condition for each department, and for the rows that have none."""
    place = f"coalesce({identifier(PARTED_BY)}, '')"
    found = db.rows(f"SELECT DISTINCT {place} FROM ({query}) ORDER BY ALL")  # noqa: S608
    return [f"{place} = {literal(str(value))}" for (value,) in found]


def _stretches(db: Warehouse, query: str, key: str, count: int) -> list[str]:
    """Return conditions that cut the rows along their key into ``count`` stretches or fewer."""
    column, at = identifier(key), [number / count for number in range(1, count)]
    (found,) = db.rows(f"SELECT quantile_disc({column}, {at}) FROM ({query})")[0]  # noqa: S608
    borders = [literal(str(value)) for value in sorted(set(found or ()))]
    inner = [f"{column} >= {a} AND {column} < {b}" for a, b in pairwise(borders)]
    if not borders:
        return ["true"]
    return [f"({column} < {borders[0]} OR {column} IS NULL)", *inner, f"{column} >= {borders[-1]}"]


def columns_of(db: Warehouse, source: str) -> dict[str, str]:
    """Return column → type of a table, or of a query in brackets."""
    return {str(row[0]): str(row[1]) for row in db.rows(f"DESCRIBE FROM {source}")}


def whole_plan(db: Warehouse) -> Plan:
    """Return what all shares together write.

    Raises:
        StateError: nothing was prepared.
    """
    if PLAN not in table_names(db):
        raise StateError("nothing was prepared", next_step="prepare the publication first")
    by_table = (
        db.frame(f"FROM {in_lake(PLAN)}")
        .group_by("table_name")
        .agg(pl.col("files", "shape", "more").first(), pl.col("weight").sum())
        .sort("table_name")
    )
    return {name: tuple(rest) for name, *rest in by_table.iter_rows()}


def table_names(db: Warehouse) -> set[str]:
    """Return the tables of the lake, those of the next state among them."""
    rows = db.rows("SELECT table_name FROM duckdb_tables() WHERE database_name = ?", [CATALOGUE])
    return {str(row[0]) for row in rows}


def in_lake(name: str) -> str:
    """Return the quoted name of a table of the lake."""
    return f"{CATALOGUE}.main.{identifier(name)}"
