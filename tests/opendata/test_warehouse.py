"""DuckDB: encrypted or refused, quoted, swapped in one step."""

from __future__ import annotations

import stat
from pathlib import Path

import duckdb
import polars as pl
import pytest

from opendata import files, warehouse
from opendata.assembly import Content, assemble
from opendata.errors import SettingsError, StateError
from opendata.warehouse import Warehouse, identifier, literal

KEY = "clé d'essai, 'quotes' \"included\" \\x41 0123456789"
NAME = "BOULANGERIE TRES SECRETE"


def leads(path: Path, key: str = KEY, rows: int = 20_000) -> None:
    with Warehouse.encrypted(path, key) as db:
        db.write("leads", pl.DataFrame({"id": range(rows), "name": [NAME] * rows}))


def parquet_file(path: Path, rows: dict[str, list[object]]) -> Path:
    pl.DataFrame(rows).write_parquet(path)
    return path


def test_an_encrypted_database_opens_with_its_key_only(tmp_path: Path) -> None:
    path = tmp_path / "leads.duckdb"
    leads(path)
    with Warehouse.encrypted(path, KEY, read_only=True) as db:
        assert db.rows("SELECT count(*), min(name) FROM leads") == [(20_000, NAME)]
        with pytest.raises(duckdb.Error):
            db.execute("CREATE TABLE t (x INT)")
    for key in ("another key", KEY + " ", KEY.replace("\\x41", "A")):
        with pytest.raises(SettingsError, match="does not open with this key") as caught:
            Warehouse.encrypted(path, key)
        assert key not in str(caught.value)
        assert caught.value.__cause__ is None
    with pytest.raises(duckdb.Error):
        duckdb.connect(str(path), read_only=True)


def test_no_value_of_an_encrypted_database_is_in_its_bytes(tmp_path: Path) -> None:
    leads(tmp_path / "secret" / "leads.duckdb")
    with Warehouse.open(tmp_path / "plain" / "leads.duckdb") as db:
        db.write("leads", pl.DataFrame({"id": range(20_000), "name": [NAME] * 20_000}))
    found = {
        folder: any(
            NAME.encode() in path.read_bytes()
            for path in (tmp_path / folder).rglob("*") if path.is_file()
        )
        for folder in ("secret", "plain")
    }  # fmt: skip
    assert found == {"secret": False, "plain": True}


def test_an_encrypted_database_is_private_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "leads.duckdb"
    leads(path, rows=1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_uncommitted_journal_is_unreadable_too(tmp_path: Path) -> None:
    path = tmp_path / "leads.duckdb"
    db = Warehouse.encrypted(path, KEY)
    try:
        db.execute("CREATE TABLE leads (name VARCHAR)")
        db.execute("INSERT INTO leads SELECT ? FROM range(1000)", [NAME])
        journal = path.with_name(f"{path.name}.wal")
        assert journal.stat().st_size > 1000
        assert NAME.encode() not in journal.read_bytes()
    finally:
        db.close()


def test_without_the_extension_nothing_is_written_plain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse, "extension_path", lambda name="httpfs": None)
    # A home without any extension: DuckDB would find one installed there.
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SettingsError, match="leads are never written plain") as caught:
        leads(tmp_path / "leads.duckdb")
    assert "duckdb-extension-httpfs" in caught.value.next_step
    assert not (tmp_path / "leads.duckdb").exists()


def test_an_empty_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the key is empty"):
        Warehouse.encrypted(tmp_path / "leads.duckdb", "")


def test_spilled_memory_is_encrypted_and_settings_hold(tmp_path: Path) -> None:
    with Warehouse.open(tmp_path / "w.duckdb", memory_limit="100MB", threads=1) as db:
        names = ("temp_file_encryption", "threads", "memory_limit", "autoinstall_known_extensions")
        found = [db.rows("SELECT current_setting(?)", [name])[0][0] for name in names]
    assert found == [True, 1, "95.3 MiB", False]


def test_a_database_that_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="does not exist yet"):
        Warehouse.read_only(tmp_path / "w.duckdb")
    (tmp_path / "w.duckdb").write_bytes(b"not a database at all" * 1000)
    with pytest.raises(StateError, match="cannot be opened"):
        Warehouse.read_only(tmp_path / "w.duckdb")


@pytest.mark.parametrize("name", ['we"ird', "d'été", "select", "a b; DROP TABLE t", "é"])
def test_names_and_texts_are_quoted(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name.replace("/", "")
    folder.mkdir()
    path = parquet_file(folder / f"{name}.parquet", {name: [1, 2]})
    with Warehouse.in_memory() as db:
        db.execute(f"CREATE TABLE {identifier(name)} AS FROM read_parquet({literal(path)})")
        db.execute(f"COMMENT ON TABLE {identifier(name)} IS {literal(name)}")
        assert db.rows(f"SELECT sum({identifier(name)}) FROM {identifier(name)}") == [(3,)]
        assert db.rows("SELECT table_name, comment FROM duckdb_tables()") == [(name, name)]


def test_a_warehouse_has_tables_views_and_their_meaning(tmp_path: Path) -> None:
    small = parquet_file(tmp_path / "small.parquet", {"siren": ["2", "1"], "nom": ["b", "a"]})
    large = parquet_file(tmp_path / "d'été.parquet", {"k": list(range(100))})
    target = tmp_path / "warehouse.duckdb"
    counts = assemble(
        {
            "essai__units": Content(
                [small], ["siren"], "Insee, Licence Ouverte 2.0, l'unité", {"nom": "Nom / Name"}
            ),
            "essai__large": Content([large], ["k"], "grande", {"k": "clé", "absent": "?"}),
        },
        target,
        view_above=50,
    )
    assert counts == {"essai__large": 100, "essai__units": 2}
    with Warehouse.read_only(target) as db:
        assert db.rows("SELECT siren FROM essai__units") == [("1",), ("2",)]
        assert db.rows("SELECT count(*) FROM essai__large") == [(100,)]
        assert db.rows("SELECT table_name, comment FROM duckdb_tables()") == [
            ("essai__units", "Insee, Licence Ouverte 2.0, l'unité")
        ]
        views = "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"
        assert db.rows(views) == [("essai__large", "grande")]
        comments = "SELECT column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL"
        assert sorted(db.rows(comments)) == [("k", "clé"), ("nom", "Nom / Name")]
        with pytest.raises(duckdb.Error):
            db.execute("DROP TABLE essai__units")
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".parquet") == [
        "tmp", "warehouse.duckdb",
    ]  # fmt: skip


@pytest.mark.parametrize("view_above", [0, 1000])
def test_of_overlapping_windows_the_last_has_the_last_word(tmp_path: Path, view_above: int) -> None:
    paths = [
        parquet_file(tmp_path / "1.parquet", {"k": [1, 2], "v": ["a", "b"]}),
        parquet_file(tmp_path / "2.parquet", {"k": [2, 3], "v": ["B", "c"], "new": [1, 1]}),
    ]
    target = tmp_path / "warehouse.duckdb"
    assemble({"events": Content(paths, ["k"])}, target, view_above=view_above)
    with Warehouse.read_only(target) as db:
        assert db.rows("SELECT * FROM events ORDER BY k") == [
            (1, "a", None), (2, "B", 1), (3, "c", 1),
        ]  # fmt: skip


def test_a_failed_assembly_leaves_the_former_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parquet_file(tmp_path / "a.parquet", {"k": [1]})
    target = tmp_path / "warehouse.duckdb"
    assemble({"t": Content([path], ["k"])}, target)
    before = target.read_bytes()
    with pytest.raises(StateError, match="table u has no file"):
        assemble({"t": Content([path], ["k"]), "u": Content([tmp_path / "b"], [])}, target)

    def stop(point: str) -> None:
        if point == "warehouse:before-rename":
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "on_point", stop)
    with pytest.raises(KeyboardInterrupt):
        assemble({"other": Content([path], ["k"])}, target)
    assert target.read_bytes() == before


def test_readers_keep_the_file_they_opened(tmp_path: Path) -> None:
    target = tmp_path / "warehouse.duckdb"
    for value in (1, 2):
        path = parquet_file(tmp_path / f"{value}.parquet", {"k": [value]})
        if value == 1:
            assemble({"t": Content([path], ["k"])}, target)
            reader = Warehouse.read_only(target)
        else:
            assemble({"t": Content([path], ["k"])}, target)
    assert reader.rows("SELECT k FROM t") == [(1,)]
    reader.close()
    with Warehouse.read_only(target) as db:
        assert db.rows("SELECT k FROM t") == [(2,)]


def test_frames_go_in_and_out(tmp_path: Path) -> None:
    rows = pl.DataFrame({"siren": ["005410949", None], "n": [1, 2]})
    with Warehouse.open(tmp_path / "w.duckdb") as db:
        db.write("units", rows)
        db.write("units", rows)
        assert db.frame("SELECT * FROM units WHERE n > ? ORDER BY n", [0]).equals(rows)


@pytest.mark.parametrize("view_above", [100, 0], ids=["table", "view"])
def test_columns_that_are_left_out_are_nowhere_in_the_file(tmp_path: Path, view_above: int) -> None:
    path = parquet_file(tmp_path / "a.parquet", {"k": ["1"], "name": ["SOMEBODY UNIQUE"]})
    target = tmp_path / "warehouse.duckdb"
    content = Content([path], ["k"], columns={"name": "who"}, without=["name", "not_there"])
    assemble({"t": content}, target, view_above=view_above)
    with Warehouse.read_only(target) as db:
        assert db.rows("FROM t") == [("1",)]
    assert b"SOMEBODY UNIQUE" not in target.read_bytes()
