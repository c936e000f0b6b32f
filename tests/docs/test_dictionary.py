"""What analysts are told of tables and columns is there, in both languages, and is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assets import discovery
from opendata.warehouse import Warehouse
from pipelines.dictionary import PAGES, dictionary_pages

_ROW = re.compile(r"^\| `(?P<column>[^`]+)` \| `(?P<type>[^`]+)` \| (?P<class>[^|]+) \|", re.M)
CLASSES = {"none", "company", "sole_trader", "contact"}


def described(page: str) -> dict[str, dict[str, tuple[str, str]]]:
    """Return table → column → type and class, as a page of the dictionary says."""
    parts = re.split(r"^## (\S+)$", page, flags=re.M)
    return {
        name: {one["column"]: (one["type"], one["class"]) for one in _ROW.finditer(text)}
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


@pytest.fixture(scope="module")
def dictionary() -> dict[str, dict[str, tuple[str, str]]]:
    """The tables of the warehouse as the pages describe them."""
    pages = dictionary_pages()
    found = {}
    for page in set(PAGES) - {"feed"}:
        found |= described(pages[f"docs/dictionary/{page}.md"])
    return found


def test_every_table_and_view_of_the_warehouse_says_what_it_is(replayed: Path) -> None:
    with Warehouse.read_only(replayed / "warehouse.duckdb") as opened:
        told = dict(
            opened.rows(
                "SELECT table_name, comment FROM duckdb_tables() WHERE NOT internal "
                "UNION ALL SELECT view_name, comment FROM duckdb_views() WHERE NOT internal "
                "UNION ALL SELECT function_name, comment FROM duckdb_functions() WHERE NOT internal"
            )
        )
    assert len(told) > 40
    assert [name for name, comment in told.items() if not comment] == []


def test_every_column_of_the_warehouse_has_a_meaning_in_english_and_french(replayed: Path) -> None:
    with Warehouse.read_only(replayed / "warehouse.duckdb") as opened:
        rows = opened.rows(
            "SELECT table_name || '.' || column_name, comment FROM duckdb_columns() "
            "WHERE NOT internal"
        )
    assert len(rows) > 400
    silent = [name for name, comment in rows if not re.match(r"\S.* / \S", comment or "")]
    assert silent == []


def test_every_column_of_every_dataset_is_described_loaded_or_not() -> None:
    silent = [
        f"{table}.{column.name}"
        for table, dataset in discovery.owners().items()
        for column in dataset.described_columns(table)
        if not (column.en.strip() and column.fr.strip())
    ]
    assert silent == []


def test_the_dictionary_has_the_columns_and_types_of_a_real_warehouse(
    replayed: Path, dictionary: dict[str, dict[str, tuple[str, str]]]
) -> None:
    with Warehouse.read_only(replayed / "warehouse.duckdb") as opened:
        rows = opened.rows(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
        )
    for table, column, kind in rows:
        shown = "STRUCT[]" if kind.startswith("STRUCT") else kind
        assert dictionary[table][column][0] == shown, f"{table}.{column}"


def test_columns_that_are_left_out_are_marked(
    replayed: Path, dictionary: dict[str, dict[str, tuple[str, str]]]
) -> None:
    with Warehouse.read_only(replayed / "warehouse.duckdb") as opened:
        there = {
            table: {row[0] for row in opened.rows(f'DESCRIBE "{table}"')}
            for (table,) in opened.rows("SELECT table_name FROM duckdb_tables()")
        }
    marked = 0
    for table, columns in there.items():
        left_out = {name for name, (_, kind) in dictionary[table].items() if "only with" in kind}
        assert columns == set(dictionary[table]) - left_out, table
        marked += len(left_out)
    assert marked > 0


def test_every_column_has_a_class(dictionary: dict[str, dict[str, tuple[str, str]]]) -> None:
    for table, columns in dictionary.items():
        for column, (_, kind) in columns.items():
            assert kind.partition(",")[0].strip() in CLASSES, f"{table}.{column}"
    assert dictionary["sirene__legal_units"]["siren"][1].startswith("sole_trader")
    assert dictionary["signals"]["company_name"][1].startswith("company")
