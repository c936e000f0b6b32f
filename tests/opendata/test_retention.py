"""How versions end: taken back with what tells their changes, and without leftovers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from descriptions import dataset as described

from opendata.catalogue import Dataset
from opendata.fetch import Fetched
from opendata.fetched import save_fetched
from opendata.leftovers import unnamed_raw, unnamed_tables
from opendata.receipt import Receipt, receipt_path
from opendata.state import Draft, InputFile, Version, version_id
from opendata.versions import TableStore

COLUMNS = [{"name": "siren", "type": "code", "fr": "x", "en": "x"}]


def essai(name: str) -> Dataset:
    table = {"title_fr": "x", "title_en": "x", "key": ["siren"], "columns": COLUMNS}
    origin: dict[str, Any] = {"portal": "derived", "derived_from": "stock", "resources": []}
    return described(name=name, tables={f"{name}__t": table}, **origin if name == "diff" else {})


def publish(store: TableStore, name: str, day: int, *inputs: InputFile) -> Version:
    moment = dt.datetime(2026, 10, day, 6, tzinfo=dt.UTC)
    draft = Draft(
        id=version_id(moment.date(), [str(day)], "1"),
        created_at=moment,
        publisher_date=moment.date(),
        fetched_at=moment,
        code_version="1",
        inputs=inputs,
    )
    rows = pl.LazyFrame({"siren": [f"{day:09}"]})
    return store.promote(store.stage(essai(name), draft, {f"{name}__t": rows}))


def compared(version: Version) -> InputFile:
    """Return what a derived version says of the version it was made from."""
    receipt = f"state/{version.dataset}.json"
    return InputFile(resource=version.id, sha256="0" * 64, bytes=1, receipt=receipt)


@pytest.fixture
def store(tmp_path: Path) -> TableStore:
    return TableStore(tmp_path)


def serving(store: TableStore) -> str | None:
    return store.state("stock").current


def test_a_version_that_serves_gives_way_to_the_one_before_and_only_once(
    store: TableStore,
) -> None:
    one, two, three = (publish(store, "stock", day) for day in (1, 2, 3))
    for _ in range(2):
        store.withdraw("stock", three.id, reason="bad")
        assert serving(store) == two.id
    found = store.state("stock").find(three.id)
    assert found is not None
    assert (found.status, found.reason) == ("withdrawn", "bad")
    assert [version.id for version in store.state("stock").good()] == [one.id, two.id]


def test_a_version_that_does_not_serve_goes_and_what_serves_stays(store: TableStore) -> None:
    one, two = publish(store, "stock", 1), publish(store, "stock", 2)
    store.withdraw("stock", one.id, reason="bad")
    assert serving(store) == two.id
    store.withdraw("stock", two.id, reason="bad")
    assert serving(store) is None
    assert store.current("stock") is None


def test_an_unknown_version_changes_nothing(store: TableStore) -> None:
    one = publish(store, "stock", 1)
    before = store.state("stock")
    store.withdraw("stock", "2026-01-01-000000000000", reason="bad")
    assert store.state("stock") == before
    assert serving(store) == one.id


def test_versions_derived_from_one_are_found_by_what_they_tell_the_changes_up_to(
    store: TableStore,
) -> None:
    one, two = publish(store, "stock", 1), publish(store, "stock", 2)
    first = publish(store, "diff", 1, compared(one))
    second = publish(store, "diff", 2, compared(two), compared(one))
    # A raw file that happens to be called like a version is no origin.
    stranger = InputFile(resource=two.id, sha256="0" * 64, bytes=1, receipt="raw/x.receipt.json")
    publish(store, "other", 3, stranger)
    assert store.derived(one) == [first]
    assert store.derived(two) == [second]


def test_files_of_tables_that_no_version_has_are_found(store: TableStore, tmp_path: Path) -> None:
    version = publish(store, "stock", 1)
    held = tmp_path / version.tables["stock__t"].file
    stray = held.with_name("2026-10-09-abc.parquet")
    stray.write_bytes(b"left by a killed run")
    refused = tmp_path / "quarantine" / "stock" / "2026-10-09-abc.parquet"
    refused.parent.mkdir(parents=True)
    refused.write_bytes(b"to be looked at")
    assert unnamed_tables(store) == [stray]


def receipt(store: TableStore, text: str) -> Receipt:
    """Keep a raw file with its receipt, as a download does."""
    kept = Receipt(
        dataset="stock", resource="units", portal="datagouv", dataset_id="d", resource_id="r",
        title="x", publisher="x", licence_id="lov2", licence_title="x", licence_url="x",
        url="https://x.example", final_url="https://x.example",
        publisher_date=dt.date(2026, 10, 1),
        fetched_at=dt.datetime(2026, 10, 1, 6, tzinfo=dt.UTC),
        file="units.csv", sha256=text * 64, bytes=1,
    )  # fmt: skip
    path = kept.path(store.data_dir)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    kept.save(store.data_dir)
    return kept


def test_raw_files_stay_while_a_version_or_the_last_fetch_cites_them(
    store: TableStore, tmp_path: Path
) -> None:
    used, fetched, forgotten = (receipt(store, letter) for letter in "abc")
    where = str(receipt_path(used.path(Path())))
    publish(store, "stock", 1, InputFile(resource="units", sha256="a" * 64, bytes=1, receipt=where))
    save_fetched(tmp_path, Fetched("stock", {"units": fetched}, False, dt.date(2026, 10, 1)))
    partial = tmp_path / "raw" / "stock" / "units" / ".partial"
    partial.mkdir()
    assert unnamed_raw(store) == [forgotten.path(tmp_path).parent]
