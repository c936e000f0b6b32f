"""The tables of the warehouse in a DuckLake: a catalogue in PostgreSQL, files in a store.

Belongs here: writing in shares, showing all of it in one transaction, and forgetting. Does not
belong here: what has to be written (``lake_plan``), which tables there are (``assets.feed``).

A publication has three steps. :func:`prepare` compares what stands with the files and makes an
empty table ``next__<table>`` for each that changed; :func:`fill` writes the rows of one share,
by any number of processes at a time; :func:`show` puts the new tables in the place of the old
ones, comments and views with them. Readers see the state of before or that of after. A
publication that was cut short is begun again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from opendata.assembly import Content, in_order
from opendata.errors import StateError
from opendata.lake_address import CATALOGUE, LakeAddress, attached, told
from opendata.lake_plan import (
    NEXT,
    PARTED_ABOVE,
    PLAN,
    PLAN_SCHEMA,
    SHOWN,
    SHOWN_SCHEMA,
    Plan,
    changes,
    columns_of,
    in_lake,
    said,
    standing,
    table_names,
    units,
    whole_plan,
    write_small,
)
from opendata.shares import Share, dealt
from opendata.warehouse import MEMORY_LIMIT, Warehouse, identifier, literal


@dataclass(frozen=True)
class Shown:
    """What a publication did.

    Attributes:
        snapshot: the snapshot of the lake that shows it.
        replaced: tables written as a whole.
        added_to: tables that took up the rows of new files only.
        rows: of each table that was written, how many rows it has.
    """

    snapshot: int
    replaced: tuple[str, ...]
    added_to: tuple[str, ...]
    rows: Mapping[str, int]


def publish(
    tables: Mapping[str, Content],
    lake: LakeAddress,
    run_id: str,
    *,
    environment: Mapping[str, str] = os.environ,
    memory_limit: str = MEMORY_LIMIT,
) -> Shown:
    """Bring the lake to what ``tables`` say, by this process alone."""
    prepare(tables, lake, environment=environment)
    fill(lake, Share(), environment=environment, memory_limit=memory_limit)
    return show(tables, lake, run_id, environment=environment)


def prepare(
    tables: Mapping[str, Content],
    lake: LakeAddress,
    *,
    environment: Mapping[str, str] = os.environ,
    parted_above: int = PARTED_ABOVE,
) -> int:
    """Make the empty tables of the next state and the plan of who writes what.

    Args:
        tables: name → content, views among them.
        lake: where it is.
        environment: gives the credentials.
        parted_above: rows above which a table is cut, by department or along its key.

    Returns:
        How many tables changed.

    Raises:
        StateError: a file of a table is missing.
    """
    with attached(lake, environment) as db, _transaction(db):
        for name in table_names(db):
            if name.startswith(NEXT):
                db.execute(f"DROP TABLE {in_lake(name)}")
        changed = changes(db, tables)
        plan = [
            unit
            for name, change in changed.items()
            for unit in units(db, name, change, parted_above)
        ]
        write_small(db, PLAN, pl.DataFrame(plan, schema=PLAN_SCHEMA, orient="row"))
    return len(changed)


def fill(
    lake: LakeAddress,
    share: Share,
    *,
    environment: Mapping[str, str] = os.environ,
    memory_limit: str = MEMORY_LIMIT,
    threads: int = 0,
    temporary: Path | None = None,
) -> int:
    """Write the rows of ``share`` into the tables of the next state; return how many.

    Doing it again adds nothing: a part that has rows already is left alone.
    """
    written = 0
    opened = attached(
        lake, environment, memory_limit=memory_limit, threads=threads, temporary=temporary
    )
    with opened as db:
        plan = {
            f"{name}/{part}": (str(name), str(part), str(query), int(weight))
            for name, part, query, weight in db.rows(
                f"SELECT table_name, part, query, weight FROM {in_lake(PLAN)}"  # noqa: S608
            )
        }
        for unit in dealt({unit: weight for unit, (*_, weight) in plan.items()}, share):
            name, part, query, _weight = plan[unit]
            target = in_lake(NEXT + name)
            if db.rows(f"SELECT 1 FROM {target} WHERE {part} LIMIT 1"):  # noqa: S608 - quoted
                continue
            with told():
                # By name: a file may have its columns in another order than an older one.
                written += int(db.rows(f"INSERT INTO {target} BY NAME {query}")[0][0])
    return written


def show(
    tables: Mapping[str, Content],
    lake: LakeAddress,
    run_id: str,
    *,
    environment: Mapping[str, str] = os.environ,
) -> Shown:
    """Put the next state in the place of what stands, in one transaction.

    Raises:
        StateError: a share of it was not written.
    """
    with attached(lake, environment) as db:
        with _transaction(db, f"run {run_id}"):
            before, plan = standing(db), whole_plan(db)
            _require_whole(db, tables, plan)
            for name, (*_, more, _rows_to_come) in plan.items():
                _put(db, name, tables[name].key, more=more)
            for name in sorted(table_names(db) - tables.keys() - {SHOWN, PLAN}):
                db.execute(f"DROP TABLE {in_lake(name)}")
            after = _notes(tables, before, plan, run_id)
            write_small(db, SHOWN, after)
            whole = {name for name, (*_, more, _) in plan.items() if not more}
            same = after.join(before, on=["table_name", "said"], how="semi")["table_name"]
            _describe(db, tables, uncommented=(tables.keys() - {*same}) | whole)
            db.execute(f"DROP TABLE {in_lake(PLAN)}")
            rows = {name: _count(db, name) for name in plan}
        snapshot = int(db.rows(f"FROM {CATALOGUE}.current_snapshot()")[0][0])
        _tidied(db, f"now() - INTERVAL {int(lake.keep_days)} DAY")
    return Shown(snapshot, tuple(sorted(whole)), tuple(sorted(plan.keys() - whole)), rows)


def forget(lake: LakeAddress, *, environment: Mapping[str, str] = os.environ) -> int:
    """Remove every earlier state with its files at once; return how many files went.

    For erasures: a query that still reads an earlier state fails.
    """
    with attached(lake, environment) as db:
        return _tidied(db, "now()", at_once=True)


def _put(db: Warehouse, name: str, key: Sequence[str], *, more: bool) -> None:
    """Put ``next__name`` in the place of ``name``, or its rows into it."""
    table, new = in_lake(name), in_lake(NEXT + name)
    if more:
        same = " AND ".join(
            f"was.{identifier(one)} IS NOT DISTINCT FROM now.{identifier(one)}" for one in key
        )
        db.execute(f"DELETE FROM {table} AS was USING {new} AS now WHERE {same}")  # noqa: S608
        db.execute(f"INSERT INTO {table} BY NAME FROM {new}")
        db.execute(f"DROP TABLE {new}")
    else:
        db.execute(f"DROP TABLE IF EXISTS {table}")
        db.execute(f"ALTER TABLE {new} RENAME TO {identifier(name)}")


def _count(db: Warehouse, name: str) -> int:
    return int(db.rows(f"SELECT count(*) FROM {in_lake(name)}")[0][0])  # noqa: S608 - quoted


def _require_whole(db: Warehouse, tables: Mapping[str, Content], plan: Plan) -> None:
    if plan.keys() - tables.keys():
        raise StateError(
            "the tables are no longer those that were prepared", next_step="prepare again"
        )
    for name, (*_, expected) in plan.items():
        written = _count(db, NEXT + name)
        if written != expected:
            raise StateError(
                f"table {name} has {written} rows of {expected}",
                next_step="write the shares that are missing, then show again",
            )


def _notes(
    tables: Mapping[str, Content], before: pl.DataFrame, plan: Plan, run_id: str
) -> pl.DataFrame:
    """Return what stands from now on, and of which files."""
    kept = {row[0]: row for row in before.iter_rows() if row[0] in tables}
    new = {name: (name, files, shape, "", run_id) for name, (files, shape, *_) in plan.items()}
    rows = [
        (name, files, shape, said(tables[name]), run)
        for name, files, shape, _, run in sorted({**kept, **new}.values())
    ]
    return pl.DataFrame(rows, schema=SHOWN_SCHEMA, orient="row")


def _describe(db: Warehouse, tables: Mapping[str, Content], *, uncommented: set[str]) -> None:
    """Comment tables and make the views anew; a view's columns take no comment."""
    db.execute(f"USE {CATALOGUE}")
    for (view,) in db.rows(
        "SELECT view_name FROM duckdb_views() WHERE database_name = current_database() "
        "AND NOT internal"
    ):
        db.execute(f"DROP VIEW {identifier(str(view))}")
    for name, content in in_order(tables):
        if content.query is None:
            if name in uncommented:
                _comment(db, name, content)
        elif content.parameters:
            given = ", ".join(identifier(one) for one in content.parameters)
            db.execute(
                f"CREATE OR REPLACE MACRO {identifier(name)}({given}) AS TABLE {content.query}"
            )
        else:
            db.execute(f"CREATE VIEW {identifier(name)} AS {content.query}")
            db.execute(f"COMMENT ON VIEW {identifier(name)} IS {literal(content.comment)}")
    db.execute("USE memory")


def _comment(db: Warehouse, name: str, content: Content) -> None:
    db.execute(f"COMMENT ON TABLE {identifier(name)} IS {literal(content.comment)}")
    known = columns_of(db, identifier(name))
    for column, meaning in content.columns.items():
        if column in known:
            place = f"{identifier(name)}.{identifier(column)}"
            db.execute(f"COMMENT ON COLUMN {place} IS {literal(meaning)}")


def _tidied(db: Warehouse, older_than: str, *, at_once: bool = False) -> int:
    """Expire what is older and delete files; of those just let go, only ``at_once``."""
    db.execute(f"CALL ducklake_expire_snapshots('{CATALOGUE}', older_than => {older_than})")
    # A reader may still have a file open that has been let go since.
    when = "cleanup_all => true" if at_once else "older_than => now() - INTERVAL 1 DAY"
    gone = 0
    for function in ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files"):
        gone += len(db.rows(f"CALL {function}('{CATALOGUE}', {when})"))
    return gone


@contextmanager
def _transaction(db: Warehouse, message: str | None = None) -> Iterator[None]:
    with told():
        db.execute("BEGIN")
        yield
        if message is not None:
            said = f"'company-signals', {literal(message)}"
            db.execute(f"CALL {CATALOGUE}.set_commit_message({said})")
        db.execute("COMMIT")
