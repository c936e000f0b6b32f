"""One question of an analyst to the published database.

Belongs here: what a question may do (read, and nothing else) and how much is shown of its
answer. Does not belong here: how it looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from opendata.errors import SettingsError
from opendata.warehouse import MEMORY_LIMIT, Warehouse, literal

#: A pivot is a temporary type and then a question; both are one statement to its author.
_ALLOWED = (duckdb.StatementType.SELECT, duckdb.StatementType.CREATE)


@dataclass(frozen=True)
class Answer:
    """The first rows of a result; ``more`` tells that there are others."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool


def ask(
    database: Path,
    sql: str,
    *,
    limit: int,
    readable: Sequence[Path] = (),
    memory_limit: str = MEMORY_LIMIT,
) -> Answer:
    """Ask ``sql`` of the file ``database``, which is opened for reading only.

    No file is reached but those under ``readable``, and these only if the database has
    views over them; nothing is fetched, attached or written, and no setting changes.

    Args:
        database: the DuckDB file.
        sql: a question: SELECT, FROM, WITH, DESCRIBE, SHOW, SUMMARIZE, PIVOT.
        limit: rows of the answer.
        readable: folders of the Parquet files behind its views.
        memory_limit: memory DuckDB may take.

    Raises:
        StateError: there is no such database.
        SettingsError: it is no question, or DuckDB cannot answer it.
    """
    with Warehouse.read_only(database, memory_limit=memory_limit) as opened:
        views = opened.rows("SELECT count(*) FROM duckdb_views() WHERE NOT internal")[0][0]
        if views:
            folders = ", ".join(literal(folder.resolve()) for folder in readable)
            opened.execute(f"SET allowed_directories = [{folders}]")
        opened.execute("SET enable_external_access = false")
        opened.execute("SET lock_configuration = true")
        try:
            kinds = [one.type for one in opened.connection.extract_statements(sql)]
            if kinds[-1:] != [_ALLOWED[0]] or not set(kinds) <= set(_ALLOWED):
                raise SettingsError(
                    "that is not a question: only reading is possible",
                    next_step="begin with SELECT, FROM, DESCRIBE, SHOW or SUMMARIZE",
                )
            result = opened.execute(sql)
            rows = result.fetchmany(limit + 1)
            columns = tuple(str(column[0]) for column in result.description)
        except duckdb.Error as error:
            raise SettingsError(
                f"DuckDB cannot answer: {str(error).splitlines()[0]}",
                next_step="correct the SQL; `SHOW TABLES` and `DESCRIBE <table>` say what there is",
            ) from error
    return Answer(columns, tuple(rows[:limit]), len(rows) > limit)
