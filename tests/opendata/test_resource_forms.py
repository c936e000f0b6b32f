"""Files without a known id, files in several forms, files that may be empty, macros."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from opendata import parquet
from opendata.assembly import Content, assemble
from opendata.catalogue import Column, Form, Resource
from opendata.contract import read_resource
from opendata.errors import ContractError, PortalError, SettingsError
from opendata.portals.datagouv import _by_title
from opendata.remote import ResourceGoneError
from opendata.warehouse import Warehouse

COLUMNS = (Column(name="a", fr="une colonne", en="a column"),)
PATTERN = "Fichier X(?: du .*)?"


def resource(**more: Any) -> Resource:
    return Resource(**{"name": "x", "id": "1", "format": "csv", "columns": COLUMNS, **more})


def test_a_resource_is_found_by_id_or_by_title() -> None:
    assert resource(id="", title_pattern=PATTERN).id == ""
    with pytest.raises(ValidationError, match="neither id nor title_pattern"):
        resource(id="")
    with pytest.raises(ValidationError, match="neither id nor title_pattern"):
        resource(forms={"parquet": Form(format="parquet")})


def listed(*titles: str) -> list[dict[str, str]]:
    return [{"id": str(number), "title": title} for number, title in enumerate(titles)]


def test_the_title_must_match_whole_and_once() -> None:
    wanted = resource(id="", title_pattern=PATTERN)
    found = _by_title(listed("Fichier XY", "Fichier X du 1er mai", "Le Fichier X"), wanted)
    assert found["id"] == "1"
    with pytest.raises(ResourceGoneError, match="no title"):
        _by_title(listed("Fichier XY"), wanted)
    with pytest.raises(PortalError, match="2 resources"):
        _by_title(listed("Fichier X", "Fichier X du 1er mai"), wanted)
    with pytest.raises(PortalError, match="does not list"):
        _by_title({"rel": "subsection"}, wanted)


def test_another_form_changes_where_and_how_and_not_what() -> None:
    form = Form(id="2", format="parquet", title_pattern="Fichier X en Parquet")
    csv = resource(archive="zip", title_pattern=PATTERN, forms={"parquet": form})
    other = csv.in_form("parquet")
    assert (other.id, other.format, other.archive) == ("2", "parquet", None)
    assert (other.title_pattern, other.columns) == ("Fichier X en Parquet", csv.columns)
    with pytest.raises(SettingsError, match="parquet"):
        csv.in_form("xlsx")


def test_a_header_alone_is_a_file_only_where_that_is_declared(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n")
    with pytest.raises(ContractError, match="0 data rows"):
        read_resource(resource(), [path], work=tmp_path / "one")
    read = read_resource(resource(), [path], work=tmp_path / "two", empty_ok=True)
    assert (read.read, read.accepted) == (0, 0)
    assert pl.read_parquet(read.path).columns == ["_line", "a"]


@pytest.mark.parametrize("in_memory", [True, False])
def test_rows_are_put_in_order_beside_what_they_are_read_from(
    in_memory: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not in_memory:
        monkeypatch.setattr(parquet, "SORT_IN_MEMORY", 1)
    path = tmp_path / "rows.parquet"
    rows = pl.DataFrame({"k": ["b", "a", "b", "a"], "d": [None, 2, 1, None], "v": [1, 2, 3, 4]})
    rows.write_parquet(path)
    ordered = parquet.arranged(pl.scan_parquet(path), ("k", "d"), path)
    assert ordered.collect()["v"].to_list() == [4, 2, 1, 3], "nulls first"
    assert pl.read_parquet(path).equals(rows), "what was read is left alone"
    assert parquet.arranged(ordered, ("k", "d"), path) is ordered
    assert parquet.arranged(ordered, (), path) is ordered


def test_a_query_with_parameters_is_asked_like_a_table(tmp_path: Path) -> None:
    parquet.sink(pl.LazyFrame({"n": [1, 2, 3]}), tmp_path / "t.parquet")
    at_least = "SELECT n FROM t WHERE n >= least_one"
    contents = {
        "t": Content([tmp_path / "t.parquet"], ("n",)),
        "from_on": Content((), (), "those", query=at_least, parameters=("least_one",)),
    }
    rows = assemble(contents, tmp_path / "w.duckdb")
    assert rows == {"t": 3, "from_on": 0}
    with Warehouse.read_only(tmp_path / "w.duckdb") as opened:
        assert opened.rows("FROM from_on(2) ORDER BY n") == [(2,), (3,)]
