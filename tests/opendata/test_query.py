"""A question reads the published tables and can do nothing else."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from opendata.assembly import Content, assemble
from opendata.errors import SettingsError, StateError
from opendata.query import ask

ROWS = pl.DataFrame({"siren": ["005520135", "039014865", "054391552"], "n": [1, 2, 3]})


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    folder = tmp_path / "tables"
    folder.mkdir()
    ROWS.write_parquet(folder / "units.parquet")
    return folder


def warehouse(tables: Path, *, view: bool) -> Path:
    target = tables.parent / "warehouse.duckdb"
    content = Content(paths=[tables / "units.parquet"], key=["siren"])
    assemble({"units": content}, target, view_above=0 if view else 100)
    return target


@pytest.mark.parametrize("view", [False, True])
@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT siren FROM units WHERE n = 1", [("005520135",)]),
        ("FROM units SELECT count(*)", [(3,)]),
        ("WITH a AS (FROM units) SELECT max(n) FROM a", [(3,)]),
        ("SHOW TABLES", [("units",)]),
        ("PIVOT (SELECT n % 2 AS odd, n FROM units) ON odd USING sum(n)", [(2, 4)]),
    ],
)
def test_a_question_is_answered_from_tables_and_views(
    tables: Path, sql: str, rows: list[tuple[object, ...]], *, view: bool
) -> None:
    answer = ask(warehouse(tables, view=view), sql, limit=10, readable=[tables])
    assert list(answer.rows) == rows
    assert not answer.more


def test_no_more_rows_than_asked_and_it_is_said(tables: Path) -> None:
    database = warehouse(tables, view=False)
    answer = ask(database, "SELECT siren, n FROM units ORDER BY n", limit=2)
    assert answer.columns == ("siren", "n")
    assert (len(answer.rows), answer.more) == (2, True)
    assert not ask(database, "FROM units", limit=3).more


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE mine AS FROM units",
        "DROP TABLE units",
        "DELETE FROM units",
        "SET memory_limit = '1TB'",
        "SELECT 1; DROP TABLE units",
        "SELECT 1; SET lock_configuration = false",
        "ATTACH 'other.duckdb'",
        "INSTALL httpfs",
        "CREATE TEMP TABLE mine AS FROM units",
        "",
    ],
)
def test_what_is_no_question_is_refused(tables: Path, sql: str) -> None:
    with pytest.raises(SettingsError):
        ask(warehouse(tables, view=False), sql, limit=10)


@pytest.mark.parametrize("view", [False, True])
@pytest.mark.parametrize("form", ["COPY units TO '{}'", "EXPLAIN ANALYZE COPY units TO '{}'"])
def test_no_file_is_written_not_even_where_views_may_read(
    tables: Path, form: str, *, view: bool
) -> None:
    database = warehouse(tables, view=view)
    for target in (tables / "units.parquet", tables / "new.parquet", tables.parent / "out.csv"):
        with pytest.raises(SettingsError):
            ask(database, form.format(target), limit=10, readable=[tables])
    assert [path.name for path in tables.iterdir()] == ["units.parquet"]
    assert pl.read_parquet(tables / "units.parquet").equals(ROWS)
    assert not (tables.parent / "out.csv").exists()


@pytest.mark.parametrize("view", [False, True])
def test_no_other_file_is_read(tables: Path, *, view: bool) -> None:
    secret = tables.parent / "keys.csv"
    secret.write_text("key\nabc\n")
    with pytest.raises(SettingsError, match="DuckDB cannot answer"):
        ask(warehouse(tables, view=view), f"FROM read_csv('{secret}')", limit=10, readable=[tables])


def test_a_mistake_is_explained(tables: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere does not exist.*SHOW TABLES"):
        ask(warehouse(tables, view=False), "FROM nowhere", limit=10)


def test_before_the_first_run_there_is_nothing_to_ask(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="does not exist yet"):
        ask(tmp_path / "warehouse.duckdb", "SELECT 1", limit=10)
