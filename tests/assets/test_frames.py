"""What a run sees of a real store: what is new, what was before, what a baseline hides."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets.frames import StoreFrames
from opendata.catalogue import load_dataset
from opendata.state import Draft, InputFile, Version, version_id
from opendata.versions import TableStore

#: A small description is enough: buyers by SIRET.
BUYERS = load_dataset(Path(__file__).parents[1] / "docs/recipes/datasets/buyers/dataset.yml")
TABLE = "buyers__names"


def publish(store: TableStore, day: int, *sirets: str) -> Version:
    moment = dt.datetime(2026, 10, day, 6, tzinfo=dt.UTC)
    draft = Draft(
        id=version_id(moment.date(), [f"{day}"], "1"),
        created_at=moment,
        publisher_date=moment.date(),
        fetched_at=moment,
        code_version="1",
        inputs=(InputFile(resource="decp", sha256="0" * 64, bytes=3, receipt="raw/r.json"),),
    )
    rows = pl.LazyFrame(
        {
            "acheteur_id": sirets,
            "acheteur_nom": sirets,
            "record_key": sirets,
            "publication_date": [moment.date()] * len(sirets),
        }
    )
    return store.promote(store.stage(BUYERS, draft, {TABLE: rows}))


def seen(store: TableStore, cursor: Version | None) -> StoreFrames:
    cursors = {} if cursor is None else {"buyers": cursor.id}
    return StoreFrames(store, {TABLE: BUYERS}, dt.date(2026, 10, 20), cursors)


def buyers(rows: pl.LazyFrame) -> list[str]:
    assert {"acheteur_id", "acheteur_nom", "source_id"} <= set(rows.collect_schema())
    return sorted(rows.collect()["acheteur_id"])


@pytest.fixture
def store(tmp_path: Path) -> TableStore:
    return TableStore(tmp_path)


def test_the_lists_that_serve_or_served_are_kept_in_order(store: TableStore) -> None:
    assert seen(store, None).lists(TABLE) == []
    publish(store, 1, "a")
    second = publish(store, 2, "a", "b")
    publish(store, 3, "c")
    told = [(day, buyers(rows)) for day, rows in seen(store, None).lists(TABLE)]
    assert told == [
        (dt.date(2026, 10, 1), ["a"]),
        (dt.date(2026, 10, 2), ["a", "b"]),
        (dt.date(2026, 10, 3), ["c"]),
    ]
    store.rollback("buyers")
    assert [day for day, _ in seen(store, second).lists(TABLE)] == [
        dt.date(2026, 10, 1), dt.date(2026, 10, 2),
    ]  # fmt: skip


def test_past_goes_back_from_the_version_last_looked_at(store: TableStore) -> None:
    publish(store, 1, "a")
    second = publish(store, 2, "a", "b")
    publish(store, 3, "c")
    frames = seen(store, second)
    assert buyers(frames.current(TABLE)) == ["c"]
    assert buyers(frames.past(TABLE, 1)) == ["a", "b"]
    assert buyers(frames.past(TABLE, 2)) == ["a"]
    assert buyers(frames.past(TABLE, 3)) == []
    assert frames.since(TABLE) == dt.date(2026, 10, 2)


def test_there_is_no_past_while_nothing_came(store: TableStore) -> None:
    publish(store, 1, "a")
    second = publish(store, 2, "b")
    assert buyers(seen(store, second).past(TABLE, 1)) == []
    assert buyers(seen(store, second).past(TABLE, 2)) == []


def test_there_is_no_past_on_a_baseline(store: TableStore) -> None:
    publish(store, 1, "a")
    assert buyers(seen(store, None).past(TABLE, 1)) == []
    assert seen(store, None).since(TABLE) is None


def test_a_list_that_was_taken_back_is_no_past(store: TableStore) -> None:
    publish(store, 1, "a")
    wrong = publish(store, 2, "b")
    store.withdraw("buyers", wrong.id, reason="wrong file")
    third = publish(store, 3, "a", "c")
    publish(store, 4, "a", "d")
    assert buyers(seen(store, third).past(TABLE, 2)) == ["a"]


def test_a_version_that_is_gone_has_no_rows(store: TableStore) -> None:
    publish(store, 1, "a")
    second = publish(store, 2, "b")
    publish(store, 3, "c")
    store.gc(keep=2)
    assert buyers(seen(store, second).past(TABLE, 2)) == []
    assert buyers(seen(store, second).past(TABLE, 1)) == ["b"]
