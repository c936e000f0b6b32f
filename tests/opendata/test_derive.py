"""A derived dataset: from which version it starts, and what stops it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from descriptions import dataset

from opendata.catalogue import Dataset
from opendata.clock import Clock
from opendata.derive import build_derived
from opendata.errors import SettingsError, StateError
from opendata.ingest import Rows, Source, build
from opendata.outcome import Outcome
from opendata.row_hashes import Pair
from opendata.source_status import last_attempt
from opendata.state import Draft, Version, version_id
from opendata.versions import TableStore

ORIGIN, DERIVED = "essai__units", "essai_changes"
TEXT = {"fr": "x", "en": "x"}
TABLE = {"title_fr": "x", "title_en": "x", "key": ["siren"]}
SIREN = {"name": "siren", "type": "code", **TEXT}
NAME = {"name": "nom", "type": "text", **TEXT}


def origin(*, row_hashes: bool = False) -> Dataset:
    return dataset(tables={ORIGIN: {**TABLE, "columns": [SIREN, NAME], "row_hashes": row_hashes}})


def source() -> Source:
    dated = {"name": "publication_date", "type": "date", **TEXT}
    described = dataset(
        name=DERIVED,
        portal="derived",
        derived_from="essai",
        resources=[],
        kind="events",
        tables={
            DERIVED: {**TABLE, "columns": [SIREN, dated], "assertions": {"rows_floor": 0}}
        },
    )  # fmt: skip
    return Source(described, "1", derive=derive)


def derive(
    previous: Rows | None, current: Rows, observed: dt.date, _hashes: Mapping[str, Pair]
) -> Rows:
    """Return the units that came; none from nothing."""
    now = current[ORIGIN].select("siren", publication_date=pl.lit(observed))
    if previous is None:
        return {DERIVED: now.head(0)}
    return {DERIVED: now.join(previous[ORIGIN], on="siren", how="anti")}


def publish(store: TableStore, day: int, *units: str, row_hashes: bool = False) -> Version:
    moment = dt.datetime(2026, 10, day, 6, tzinfo=dt.UTC)
    draft = Draft(
        id=version_id(moment.date(), units, "1"),
        created_at=moment,
        publisher_date=moment.date(),
        fetched_at=moment,
        code_version="1",
    )
    frame = pl.LazyFrame({"siren": units, "nom": ["x"] * len(units)})
    described = origin(row_hashes=row_hashes)
    return store.promote(store.stage(described, draft, {ORIGIN: frame}))


def run(store: TableStore, day: int) -> Outcome:
    done = build_derived(source(), store, Clock.at(dt.date(2026, 10, day)))
    assert done is not None
    return done


def told(store: TableStore) -> list[tuple[str, dt.date]]:
    return store.scan(DERIVED).select("siren", "publication_date").collect().rows()


@pytest.fixture
def store(tmp_path: Path) -> TableStore:
    return TableStore(tmp_path)


def test_without_origin_there_is_nothing_to_compare(store: TableStore):
    assert build_derived(source(), store, Clock.at(dt.date(2026, 10, 1))) is None


def test_the_first_state_is_a_silent_baseline_and_each_next_one_tells_what_came(
    store: TableStore,
):
    publish(store, 1, "1", "2")
    assert run(store, 1).version.baseline
    assert told(store) == []
    publish(store, 2, "1", "2", "3")
    assert run(store, 2).status == "published"
    publish(store, 3, "1", "2", "3", "4")
    run(store, 3)
    assert told(store) == [("3", dt.date(2026, 10, 2)), ("4", dt.date(2026, 10, 3))]


def test_a_missed_run_skips_nothing(store: TableStore):
    publish(store, 1, "1")
    run(store, 1)
    publish(store, 2, "1", "2")
    publish(store, 3, "1", "2", "3")
    run(store, 3)
    assert {siren for siren, _ in told(store)} == {"2", "3"}


def test_looking_and_finding_nothing_new_is_a_success(store: TableStore):
    publish(store, 1, "1")
    run(store, 1)
    done = run(store, 9)
    attempt = last_attempt(store.data_dir, DERIVED)
    assert done.status == "unchanged"
    assert attempt is not None
    assert attempt.succeeded_at == Clock.at(dt.date(2026, 10, 9)).now()
    assert attempt.publication_date == dt.date(2026, 10, 1)


def test_a_version_that_is_gone_is_not_taken_for_the_first(store: TableStore):
    publish(store, 1, "1")
    run(store, 1)
    publish(store, 2, "1", "2")
    publish(store, 3, "1", "2", "3")
    store.gc({"essai": 1, DERIVED: 1})
    with pytest.raises(StateError, match="which is no longer there"):
        run(store, 3)
    assert told(store) == []


def test_a_version_that_was_withdrawn_is_not_compared_with(store: TableStore):
    publish(store, 1, "1")
    run(store, 1)
    publish(store, 2, "9")
    run(store, 2)
    store.rollback("essai")
    with pytest.raises(StateError, match="was withdrawn since") as caught:
        run(store, 3)
    assert "company-signals rollback essai_changes" in str(caught.value)
    store.rollback(DERIVED)
    assert run(store, 3).status == "unchanged"
    publish(store, 4, "1", "2")
    run(store, 4)
    assert {siren for siren, _ in told(store)} == {"2"}


def test_each_kind_of_source_has_its_own_way_to_be_built(store: TableStore):
    clock = Clock.at(dt.date(2026, 10, 1))
    with pytest.raises(SettingsError, match="derived from another"):
        build(source(), store, clock)
    with pytest.raises(SettingsError, match="not derived from another"):
        build_derived(Source(origin(), "1", normalise=lambda raw: raw), store, clock)


def test_hashes_of_the_origin_are_handed_on_where_both_versions_have_them(store: TableStore):
    given: list[Mapping[str, Pair]] = []

    def noting(
        previous: Rows | None, current: Rows, observed: dt.date, hashes: Mapping[str, Pair]
    ) -> Rows:
        given.append(hashes)
        return derive(previous, current, observed, hashes)

    noted = replace(source(), derive=noting)
    for day, units in ((1, ("1",)), (2, ("1", "2")), (3, ("1", "2", "3"))):
        version = publish(store, day, *units, row_hashes=day > 1)
        build_derived(noted, store, Clock.at(dt.date(2026, 10, day)))
    # The first state has nothing before it, and what came before the second no hashes.
    assert [list(hashes) for hashes in given] == [[], [], [ORIGIN]]
    before, after = (rows.collect()["siren"].to_list() for rows in given[-1][ORIGIN])
    assert (before, after) == (["1", "2"], ["1", "2", "3"])
    assert version.tables[ORIGIN].hashes is not None
