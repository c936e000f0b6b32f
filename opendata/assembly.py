"""The database that analysts query, built beside and swapped.

Belongs here: turning Parquet files into ``warehouse.duckdb`` with comments on every table
and column. Does not belong here: opening DuckDB (``warehouse.py``), choosing the files
(``versions.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from opendata import parquet
from opendata.errors import StateError
from opendata.files import atomic_file
from opendata.warehouse import MEMORY_LIMIT, Warehouse, identifier, literal

#: Above this many rows a table stays in its Parquet files, behind a view.
VIEW_ABOVE = 5_000_000


@dataclass(frozen=True)
class Content:
    """What goes into one table of the warehouse.

    Attributes:
        paths: Parquet files, oldest first; where a key stands in several, the last one
            has the last word.
        key: columns that identify a row; rows are stored in that order.
        comment: meaning, publisher, licence and date of the table.
        columns: column → meaning.
        query: what a view over other tables of the warehouse shows; it has no files.
        parameters: of a query, to be asked as ``FROM name(value, …)``.
        without: columns of the files that are left out.
    """

    paths: Sequence[Path]
    key: Sequence[str]
    comment: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    query: str | None = None
    parameters: Sequence[str] = ()
    without: Sequence[str] = ()


def overlaid(base: str, over: str, key: Sequence[str], treated: str, since: datetime) -> str:
    """Return the query of a table with what was treated after ``since`` in place of its rows."""
    newer = f"{identifier(treated)} > TIMESTAMP {literal(since.isoformat(sep=' '))}"
    same = " AND ".join(
        f"was.{identifier(name)} IS NOT DISTINCT FROM now.{identifier(name)}" for name in key
    )
    return (
        f"SELECT * FROM {identifier(over)} WHERE {newer} UNION ALL BY NAME "  # noqa: S608 - quoted
        f"SELECT was.* FROM {identifier(base)} AS was ANTI JOIN "
        f"(FROM {identifier(over)} WHERE {newer}) AS now ON {same}"
    )


def assemble(
    tables: Mapping[str, Content],
    target: Path,
    *,
    view_above: int = VIEW_ABOVE,
    memory_limit: str = MEMORY_LIMIT,
    threads: int = 0,
) -> dict[str, int]:
    """Build the warehouse from ``tables`` and put it in place in one step.

    Readers that have the former file open keep it; those who open next get the new one.

    Args:
        tables: name → content.
        target: the DuckDB file.
        view_above: rows above which a table is a view over its Parquet files.
        memory_limit: what DuckDB may take before it spills, encrypted, beside ``target``.
        threads: 0 for all.

    Returns:
        Rows of each table.

    Raises:
        StateError: a file of a table is missing.
    """
    rows: dict[str, int] = {}
    with atomic_file(target, point="warehouse") as temporary:
        journal = temporary.with_name(f"{temporary.name}.wal")
        journal.unlink(missing_ok=True)
        with Warehouse.open(
            temporary,
            temporary=target.parent / "tmp",
            memory_limit=memory_limit,
            threads=threads,
        ) as db:
            # One transaction: hundreds of comments would each be a commit of their own.
            db.execute("BEGIN")
            # Views over other tables come after those.
            for name, content in in_order(tables):
                rows[name] = _add(db, name, content, view_above)
            db.execute("COMMIT")
            db.execute("CHECKPOINT")
    return rows


def in_order(tables: Mapping[str, Content]) -> list[tuple[str, Content]]:
    """Return the tables by name, then the views over them."""
    return sorted(tables.items(), key=lambda one: (one[1].query is not None, one[0]))


def _add(db: Warehouse, name: str, content: Content, view_above: int) -> int:
    absent = [path.name for path in content.paths if not path.exists()]
    if absent or not (content.paths or content.query):
        raise StateError(
            f"table {name} has no file {absent or ''}",
            next_step="run its dataset again",
            file=absent[0] if absent else None,
        )
    if content.query and content.parameters:
        given = ", ".join(identifier(one) for one in content.parameters)
        db.execute(f"CREATE MACRO {identifier(name)}({given}) AS TABLE {content.query}")
        db.execute(f"COMMENT ON MACRO TABLE {identifier(name)} IS {literal(content.comment)}")
        return 0
    total = sum(parquet.count(path) for path in content.paths)
    kind = "VIEW" if content.query or total > view_above else "TABLE"
    query = rows_query(content)
    if kind == "TABLE" and content.key:
        query += f" ORDER BY {listed(content.key)}"
    db.execute(f"CREATE {kind} {identifier(name)} AS {query}")
    if content.comment:
        db.execute(f"COMMENT ON {kind} {identifier(name)} IS {literal(content.comment)}")
    known = {str(row[0]) for row in db.rows(f"DESCRIBE {identifier(name)}")}
    for column, meaning in content.columns.items():
        if column in known:
            place = f"{identifier(name)}.{identifier(column)}"
            db.execute(f"COMMENT ON COLUMN {place} IS {literal(meaning)}")
    return int(db.rows(f"SELECT count(*) FROM {identifier(name)}")[0][0])  # noqa: S608 - quoted


def listed(names: Sequence[str]) -> str:
    """Return the order of a key, for ``ORDER BY``."""
    return ", ".join(f"{identifier(name)} NULLS FIRST" for name in names)


def rows_query(content: Content) -> str:
    """Return the query of all rows and shown columns of ``content``, in no order."""
    query = content.query or _query(content)
    if content.without and not content.query:
        hidden = ", ".join(literal(column) for column in content.without)
        # A file older than one of these columns does not have it.
        query = f"SELECT COLUMNS(lambda c: c NOT IN ({hidden})) FROM ({query})"  # noqa: S608
    return query


def _query(content: Content) -> str:
    files = [literal(path.resolve()) for path in content.paths]
    if len(files) == 1:
        return f"FROM read_parquet({files[0]})"
    key = ", ".join(identifier(name) for name in content.key)
    parts = [
        f"SELECT *, {turn} AS _turn FROM read_parquet({file})"  # noqa: S608 - quoted
        for turn, file in enumerate(files)
    ]
    union = " UNION ALL BY NAME ".join(parts)
    return (
        f"SELECT * EXCLUDE (_turn) FROM ({union}) "  # noqa: S608 - quoted
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY _turn DESC) = 1"
    )
