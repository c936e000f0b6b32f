"""Past months: read before all that served, news to nobody, the same when taken again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from replaying import hashes, workspace_at

from assets import detection, discovery
from assets.workspace import Workspace
from opendata.backfill import backfill, months
from opendata.errors import OpenDataError, SettingsError
from opendata.ingest import Source, build
from opendata.outcome import Outcome
from opendata.sample_portal import SamplePortal
from opendata.take import take
from pipelines.replay import SAMPLE

TABLE = "bodacc__notices"
SOURCE = discovery.sources()["bodacc"]
MAY = date(2008, 5, 30)
JANUARY = (date(2008, 1, 1), date(2008, 1, 31))


@pytest.fixture(scope="module")
def portal() -> Iterator[SamplePortal]:
    with SamplePortal(SAMPLE) as served:
        served.set_date(MAY)
        yield served


@pytest.fixture
def may(portal: SamplePortal, tmp_path: Path) -> Workspace:
    """A workspace whose first look at BODACC was at the end of May 2008."""
    opened = workspace_at(portal, MAY, tmp_path / "data")
    take(SOURCE, opened.store, opened.clock, opened.portals)
    build(SOURCE, opened.store, opened.clock)
    return opened


def january(opened: Workspace, source: Source = SOURCE) -> list[Outcome]:
    return backfill(source, opened.store, opened.clock, opened.portals, *JANUARY)


def days(opened: Workspace) -> list[date]:
    rows = opened.store.scan(TABLE).select(pl.col("date_parution").unique().sort()).collect()
    return rows["date_parution"].to_list()


def test_months_are_whole_and_do_not_overlap() -> None:
    found = list(months(date(2024, 1, 30), date(2024, 3, 1)))
    assert [(one.start, one.end) for one in found] == [
        (date(2024, 1, 30), date(2024, 1, 31)),
        (date(2024, 2, 1), date(2024, 2, 29)),
        (date(2024, 3, 1), date(2024, 3, 1)),
    ]


def test_history_is_known_and_signals_nothing(may: Workspace) -> None:
    detection.detect(may)
    before = may.store.state("bodacc").current
    outcomes = january(may)
    assert [one.status for one in outcomes] == ["published"]
    assert outcomes[0].version.fetched_at.date() == MAY
    assert days(may) == [
        date(2008, 1, 15), date(2008, 1, 16), date(2008, 5, 21), date(2008, 5, 29),
    ]  # fmt: skip
    assert may.store.state("bodacc").current == before
    assert may.store.delta(TABLE, before).collect().is_empty()
    assert detection.detect(may).rows.is_empty()
    assert may.log.rows().is_empty()


def test_taken_again_nothing_changes(may: Workspace) -> None:
    january(may)
    kept = [may.data_dir / "state", may.data_dir / "tables"]
    before = [hashes(folder) for folder in kept]
    again = january(may)
    assert [one.status for one in again] == ["unchanged"]
    assert [hashes(folder) for folder in kept] == before


def test_the_next_run_goes_on_from_what_serves(may: Workspace) -> None:
    january(may)
    taken = take(SOURCE, may.store, may.clock, may.portals)
    assert taken.window is not None
    assert taken.window.start.month == 5


def test_history_stands_first_in_its_order_and_is_never_gone_back_to(may: Workspace) -> None:
    served = may.store.state("bodacc").current
    for day in (16, 15):
        period = (date(2008, 1, day), date(2008, 1, day))
        backfill(SOURCE, may.store, may.clock, may.portals, *period)
    state = may.store.state("bodacc")
    found = [(one.backfilled, one.window_to) for one in state.versions]
    assert found == [(True, date(2008, 1, 15)), (True, date(2008, 1, 16)), (False, MAY)]
    assert state.before(served or "") is None


@pytest.mark.parametrize(
    ("dataset", "first", "last", "said"),
    [
        ("bodacc", JANUARY[0], date(2008, 5, 1), "give --to 2008-04-29"),
        ("bodacc", JANUARY[1], JANUARY[0], "--from before --to"),
        ("decp", *JANUARY, "dataset of events"),
        ("boamp", *JANUARY, "fetch boamp"),
    ],
)
def test_what_cannot_be_backfilled(
    may: Workspace, dataset: str, first: date, last: date, said: str
) -> None:
    source = discovery.sources()[dataset]
    with pytest.raises(SettingsError) as caught:
        backfill(source, may.store, may.clock, may.portals, first, last)
    assert said in caught.value.next_step


def test_a_month_that_may_not_be_empty_and_is_stops(may: Workspace) -> None:
    with pytest.raises(OpenDataError) as caught:
        backfill(SOURCE, may.store, may.clock, may.portals, date(2006, 1, 1), date(2006, 1, 31))
    assert caught.value.dataset == "bodacc"
    assert len(may.store.state("bodacc").versions) == 1
