"""Several workers for real: PostgreSQL, a lake written by two at a time, steps in processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
from object_store import BUCKET, KEYS, object_server
from polars.testing import assert_frame_equal
from postgres_server import PostgresServer, postgres_server

from opendata import lake
from opendata.assembly import Content, assemble
from opendata.errors import SettingsError, StateError
from opendata.lake_address import CATALOGUE, LakeAddress, attached
from opendata.shares import Share
from opendata.warehouse import Warehouse

pytestmark = pytest.mark.full
UNITS = 4_000
DEPARTMENTS = ("01", "2A", "75", "75", "974", None)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as served:
        yield served


@pytest.fixture
def address(server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LakeAddress:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    name = server.create_database(f"lake_{tmp_path.name[:40].lower().replace('-', '_')}")
    return LakeAddress(f"postgres:dbname={name}", str(tmp_path / "lake"))


@dataclass
class Tables:
    """Files as a run makes them, and the tables over them."""

    folder: Path

    def write(self, name: str, rows: pl.DataFrame) -> Path:
        path = self.folder / f"{name}.parquet"
        rows.write_parquet(path)
        return path

    def contents(self, *, months: int = 1, hidden: tuple[str, ...] = ()) -> dict[str, Content]:
        numbers = pl.Series("siren", [f"{100_000_000 + n * 7}" for n in range(UNITS)])
        units = numbers.to_frame().with_columns(
            departement=pl.Series([DEPARTMENTS[n % len(DEPARTMENTS)] for n in range(UNITS)]),
            names=pl.Series([["A", "B"] if n % 3 else [] for n in range(UNITS)]),
        )
        units = units.filter(~pl.col("siren").is_in(hidden))
        notices = [
            self.write(
                f"notices-{month}",
                pl.DataFrame({"id": [month, month + 1], "said": [f"in {month}", f"first {month}"]}),
            )
            for month in range(months)
        ]
        return {
            "units": Content(
                [self.write("units", units)], ("siren",), "Units. INSEE / Unités. INSEE",
                {"siren": "number / numéro"},
            ),
            "notices": Content(notices, ("id",), f"{months} months", {"said": "words / mots"}),
            "sites": Content(
                [self.write("sites", units.drop("departement").reverse())], ("siren",), "Sites"
            ),
            "of_paris": Content(
                (), (), "View / Vue", query="SELECT siren FROM units WHERE departement = '75'"
            ),
            "units_in": Content(
                (), (), "Macro", query="SELECT * FROM units WHERE departement = place",
                parameters=("place",),
            ),
        }  # fmt: skip


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    folder = tmp_path / "files"
    folder.mkdir()
    return Tables(folder)


@contextmanager
def reading(address: LakeAddress) -> Iterator[Warehouse]:
    with attached(address, read_only=True) as db:
        db.execute(f"USE {CATALOGUE}")
        yield db


def rows(address: LakeAddress, query: str) -> pl.DataFrame:
    with reading(address) as db:
        return db.frame(query)


def test_two_writers_at_a_time_leave_what_the_warehouse_of_one_machine_has(
    address: LakeAddress, tables: Tables, tmp_path: Path
) -> None:
    contents = tables.contents()
    assert lake.prepare(contents, address, parted_above=1000) == 3
    with ThreadPoolExecutor(2) as writers:
        written = list(writers.map(lambda n: lake.fill(address, Share(n, 2)), (1, 2)))
    assert sum(written) == 2 * UNITS + 2
    # Neither one department nor one large table is left to a single writer.
    assert min(written) > 0.4 * sum(written)
    shown = lake.show(contents, address, "20260202T080000Z")
    assert shown.rows == {"units": UNITS, "sites": UNITS, "notices": 2}
    queries = (
        "FROM units ORDER BY siren",
        "FROM notices ORDER BY id",
        "FROM sites ORDER BY siren",
        "FROM of_paris ORDER BY siren",
        "FROM units_in('2A') ORDER BY siren",
    )
    assemble(contents, tmp_path / "warehouse.duckdb")
    with Warehouse.read_only(tmp_path / "warehouse.duckdb") as alone, reading(address) as db:
        for query in queries:
            assert_frame_equal(db.frame(query), alone.frame(query))
        comments = (
            "SELECT comment FROM duckdb_tables() WHERE table_name = 'units' "
            "UNION ALL SELECT comment FROM duckdb_views() WHERE view_name = 'of_paris' "
            "UNION ALL SELECT comment FROM duckdb_columns() "
            "WHERE table_name = 'notices' AND column_name = 'said'"
        )
        assert db.frame(comments)["comment"].to_list() == [
            contents["units"].comment, "View / Vue", "words / mots",
        ]  # fmt: skip
    # One folder a department: who asks for one reads no other.
    parts = {path.parent.name for path in Path(address.data).rglob("*.parquet")}
    assert {"departement=75", "departement=2A", "departement=974"} <= parts


def test_readers_see_the_state_of_before_until_all_is_shown(
    address: LakeAddress, tables: Tables
) -> None:
    first = lake.publish(tables.contents(), address, "one")
    more = tables.contents(months=2, hidden=("100000000",))
    lake.prepare(more, address)
    lake.fill(address, Share(1, 2))
    counted = "SELECT (SELECT count(*) FROM units), (SELECT count(*) FROM notices)"
    assert rows(address, counted).row(0) == (UNITS, 2)
    with pytest.raises(StateError, match="write the shares that are missing"):
        lake.show(more, address, "two")
    assert rows(address, counted).row(0) == (UNITS, 2)
    # What a share wrote it does not write twice.
    lake.fill(address, Share(1, 2))
    lake.fill(address, Share(2, 2))
    shown = lake.show(more, address, "two")
    assert rows(address, counted).row(0) == (UNITS - 1, 3)
    assert shown.replaced == ("sites", "units")
    assert shown.added_to == ("notices",)
    with reading(address) as db:
        # A new file has the last word on a key; the comment is that of today.
        said = db.frame("SELECT said FROM notices ORDER BY id")["said"].to_list()
        assert said == ["in 0", "in 1", "first 1"]
        comment = "SELECT comment FROM duckdb_tables() WHERE table_name = 'notices'"
        assert db.frame(comment)["comment"].to_list() == ["2 months"]
        then = f"SELECT count(*) FROM units AT (VERSION => {first.snapshot})"
        assert db.rows(then) == [(UNITS,)]
        messages = "SELECT commit_message FROM lake.snapshots() WHERE commit_message IS NOT NULL"
        assert db.rows(messages) == [("run one",), ("run two",)]


def test_what_is_forgotten_is_in_no_file(address: LakeAddress, tables: Tables) -> None:
    lake.publish(tables.contents(), address, "one")
    lake.publish(tables.contents(hidden=("100000007",)), address, "two")
    assert _held("100000007", Path(address.data))
    assert lake.forget(address) > 0
    assert not _held("100000007", Path(address.data))
    assert rows(address, "SELECT count(*) FROM units").item() == UNITS - 1


def _held(siren: str, folder: Path) -> bool:
    """A new table is written under its passing name and keeps that folder."""
    files = [*folder.rglob("next__units/*.parquet")]
    assert files
    held = [pl.read_parquet(path, glob=False, hive_partitioning=False) for path in files]
    return any(siren in one["siren"].to_list() for one in held)


def test_nothing_new_writes_nothing_but_the_mark_of_the_run(
    address: LakeAddress, tables: Tables
) -> None:
    lake.publish(tables.contents(), address, "one")
    shown = lake.publish(tables.contents(), address, "two")
    assert (shown.replaced, shown.added_to, dict(shown.rows)) == ((), (), {})
    gone = {name: one for name, one in tables.contents().items() if name != "notices"}
    lake.publish(gone, address, "three")
    assert "notices" not in rows(address, "SELECT table_name FROM duckdb_tables()").to_series()


def test_files_go_to_an_object_store_under_a_key_of_the_environment(
    address: LakeAddress, tables: Tables
) -> None:
    with object_server() as store:
        there = replace(address, data=f"s3://{BUCKET}/lake", endpoint=store.url)
        with pytest.raises(SettingsError, match="no AWS_ACCESS_KEY_ID"):
            lake.publish(tables.contents(), there, "one", environment={})
        environment = {**os.environ, **KEYS}
        lake.publish(tables.contents(), there, "one", environment=environment)
        with attached(there, environment, read_only=True) as db:
            assert db.rows("SELECT count(*) FROM lake.units") == [(UNITS,)]
        assert any("/lake/main/" in path for path in store.puts())


def test_an_address_holds_no_password_and_a_lake_that_is_not_there_is_told(tmp_path: Path) -> None:
    for wrong in ("postgres:dbname=lake password=x", "postgres:postgresql://me:x@db/lake"):
        with pytest.raises(SettingsError, match="holds a password"):
            LakeAddress(wrong, str(tmp_path))
    nowhere = LakeAddress(f"postgres:dbname=lake host={tmp_path}", str(tmp_path / "lake"))
    with pytest.raises(StateError, match="cannot be opened"):
        lake.forget(nowhere)
