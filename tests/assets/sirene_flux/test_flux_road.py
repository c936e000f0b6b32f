"""INSEE's movements of April 2017, day by day through the API, on the bundled stocks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from register_api import movements, with_api

from assets import discovery
from assets.feed import warehouse_contents
from assets.frames import StoreFrames
from assets.workspace import INSEE_KEY, Workspace
from opendata.assembly import assemble
from opendata.clock import Clock
from opendata.derive import build_derived
from opendata.errors import SettingsError
from opendata.ingest import Outcome, build
from opendata.overlay import coverage, on_top
from opendata.pace import Retry
from opendata.sample_portal import SamplePortal
from opendata.source_status import SCHEMA as STATUS
from opendata.take import take
from opendata.versions import TableStore
from opendata.warehouse import Warehouse
from pipelines import replay
from sirene import flux
from sirene.changes import compare

FEBRUARY, EIGHTH, ELEVENTH, MAY = (
    date(2017, 2, 2),
    date(2017, 4, 8),
    date(2017, 4, 11),
    date(2017, 5, 2),
)
LINEAGE = ["source_id", "publication_date"]


@dataclass
class Road:
    """The register at work: a portal whose date moves, a data folder."""

    portal: SamplePortal
    data_dir: Path
    day: date = FEBRUARY

    def on(self, day: date) -> Road:
        self.portal.set_date(day)
        return replace(self, day=day)

    @property
    def workspace(self) -> Workspace:
        bases = self.portal.bases()
        return Workspace(self.data_dir, Clock.at(self.day), bases, patience=Retry(attempts=1))

    @property
    def store(self) -> TableStore:
        return self.workspace.store

    def run(self, name: str) -> Outcome:
        """Take and build a dataset, then what is derived from the register."""
        source, workspace = discovery.sources()[name], self.workspace
        take(source, workspace.store, workspace.clock, workspace.portals)
        outcome = build(source, workspace.store, workspace.clock, changed_ceiling=2.0)
        for derived in ("sirene_changes", "sirene_drift"):
            build_derived(discovery.sources()[derived], workspace.store, workspace.clock)
        return outcome

    def frames(self) -> StoreFrames:
        return StoreFrames(self.store, discovery.owners(), self.day)


def changes_of(road: Road, turn: int) -> pl.DataFrame:
    """Return the changes that one version told, the latest for -1."""
    version = road.store.state("sirene_changes").versions[turn]
    return road.store.scan_version("sirene_changes", version.id).collect()


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamplePortal]:
    folder = with_api(tmp_path_factory.mktemp("portal") / "api", movements())
    with SamplePortal(folder) as running:
        yield running


@pytest.fixture(scope="module")
def walked(
    portal: SamplePortal, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[date, Road]]:
    """Walk the whole road once; each day keeps its own copy of nothing but its date."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(INSEE_KEY, "k3y")
        road = Road(portal, tmp_path_factory.mktemp("data"))
        days = {FEBRUARY: road.on(FEBRUARY)}
        days[FEBRUARY].run("sirene")
        for day in (EIGHTH, ELEVENTH):
            days[day] = road.on(day)
            days[day].run("sirene_flux")
        days[MAY] = road.on(MAY)
        days[MAY].run("sirene")
        yield days


def test_the_first_fetch_goes_back_to_what_the_stock_holds(walked: dict[date, Road]) -> None:
    road = walked[EIGHTH]
    first = road.store.state("sirene_flux").versions[0]
    # The stock of February shows treatments up to 20 January 2017.
    assert first.window_from is not None
    assert first.window_from <= date(2017, 1, 20)
    assert first.window_to == EIGHTH


def test_a_day_that_was_not_closed_is_asked_again(walked: dict[date, Road]) -> None:
    first, second = walked[ELEVENTH].store.state("sirene_flux").versions
    # On the 8th that day was still open. The one before is asked again too (overlap).
    assert second.window_from == date(2017, 4, 7)
    rows = walked[ELEVENTH].store.scan_version("sirene_flux__legal_units", second.id)
    treated = rows.select(pl.col("date_dernier_traitement").dt.date().unique().sort())
    assert treated.collect().to_series().to_list() == [
        date(2017, 4, 7),
        date(2017, 4, 9),
        date(2017, 4, 10),
    ]
    assert first.tables["sirene_flux__legal_units"].rows == 1365


def test_stock_and_flux_together_are_the_next_stock(walked: dict[date, Road]) -> None:
    road = walked[ELEVENTH]
    state = road.store.state("sirene")
    february, may = (state.versions[0], state.versions[-1])
    declared = discovery.overlays()["sirene"]
    over = road.store.current("sirene_flux")
    before = flux.state(
        {**road.store.rows_of(february), **on_top(road.store, february, over, declared)}
    ).registry
    after = flux.state(road.store.rows_of(may)).registry
    for name, key in flux.KEYS.items():
        shown = getattr(before, name).drop(LINEAGE).collect().sort(key)
        wanted = getattr(after, name).drop(LINEAGE).collect().sort(key)
        assert shown.select(wanted.columns).equals(wanted), name


def test_the_changes_of_the_flux_are_those_of_the_full_comparison(walked: dict[date, Road]) -> None:
    road = walked[ELEVENTH]
    state = road.store.state("sirene")
    february = flux.state(road.store.rows_of(state.versions[0])).registry
    may = flux.state(road.store.rows_of(state.versions[-1])).registry
    full = compare(february, may, observed_at=ELEVENTH).collect()
    told = pl.concat([changes_of(road, 1), changes_of(road, 2)])
    assert told.height > 1500
    assert told["change_id"].n_unique() == told.height
    # Two steps may tell more than one (a pair that a later day explains), hardly less.
    common = set(told["change_id"]) & set(full["change_id"])
    assert len(common) >= 0.98 * full.height


def test_the_next_stock_tells_nothing_again_and_agrees(walked: dict[date, Road]) -> None:
    road = walked[MAY]
    assert changes_of(road, -1).height == 0
    drift = road.store.current("sirene_drift")
    assert drift is not None
    assert drift.tables["sirene_drift"].rows == 0
    assert drift.publisher_date == date(2017, 5, 1)


def test_without_the_flux_the_stock_tells_all(walked: dict[date, Road], tmp_path: Path) -> None:
    """What the test before sees as nothing is not nothing by itself."""
    road = Road(walked[MAY].portal, tmp_path)
    road.on(FEBRUARY).run("sirene")
    last = road.on(MAY)
    last.run("sirene")
    assert changes_of(last, -1).height > 1500


@pytest.fixture
def today(walked: dict[date, Road], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Road:
    """Return a road of its own, at the eleventh of April: the stock of May is not known."""
    monkeypatch.setenv(INSEE_KEY, "k3y")
    shutil.copytree(walked[ELEVENTH].data_dir, tmp_path / "data")
    road = Road(walked[MAY].portal, tmp_path / "data").on(ELEVENTH)
    for name in ("sirene_drift", "sirene_changes", "sirene"):
        last = road.store.current(name)
        assert last is not None
        road.store.withdraw(name, last.id, reason="test")
    return road


def test_the_same_day_twice_changes_nothing(today: Road) -> None:
    before = today.store.state("sirene_flux"), today.store.state("sirene_changes")
    assert today.run("sirene_flux").status == "unchanged"
    assert (today.store.state("sirene_flux"), today.store.state("sirene_changes")) == before


def test_detectors_see_the_flux_on_top_of_the_stock(today: Road, tmp_path: Path) -> None:
    assert today.store.scan("sirene__legal_units").collect().height == 3290
    seen = today.frames().current("sirene__legal_units").collect()
    assert seen.height == 3796
    assert seen["siren"].n_unique() == 3796
    target = tmp_path / "w.duckdb"
    assemble(warehouse_contents(today.workspace), target)
    with Warehouse.read_only(target) as db:
        ((shown,),) = db.rows("SELECT count(*) FROM sirene_now__legal_units")
        ((stock,),) = db.rows("SELECT count(*) FROM sirene__legal_units")
        ((sites,),) = db.rows("SELECT count(DISTINCT siret) FROM sirene_now__establishments")
    assert (shown, stock, sites) == (3796, 3290, 6072)


def test_a_day_that_nobody_asked_for_is_a_gap_and_is_asked_next(today: Road) -> None:
    declared = discovery.overlays()["sirene"]
    base = today.store.current("sirene")
    assert base is not None
    assert coverage(today.store, base, declared, ELEVENTH).missing == ()
    # The first window is taken back: nobody asked for the days before the second any more.
    first = today.store.state("sirene_flux").versions[0]
    today.store.withdraw("sirene_flux", first.id, reason="test")
    shown = today.workspace.source_status().row(
        by_predicate=pl.col("dataset") == "sirene_flux", named=True
    )
    assert shown["state"] == "GAP"
    assert "2017-01-20 to 2017-04-06" in shown["message"]
    take(
        discovery.sources()["sirene_flux"],
        today.store,
        today.workspace.clock,
        today.workspace.portals,
    )
    build(discovery.sources()["sirene_flux"], today.store, today.workspace.clock)
    assert coverage(today.store, base, declared, ELEVENTH).missing == ()


def test_without_a_key_it_is_no_source_of_the_installation(
    portal: SamplePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(INSEE_KEY, raising=False)
    road = Road(portal, tmp_path).on(FEBRUARY)
    assert road.workspace.unconfigured()["sirene_flux"] == INSEE_KEY
    status = road.workspace.source_status()
    assert "sirene_flux" not in status["dataset"].to_list()
    assert status.schema == STATUS
    with pytest.raises(SettingsError, match="needs a key"):
        road.run("sirene_flux")


def test_the_plan_of_the_replay_needs_no_key() -> None:
    steps = replay.load_plan(replay.SAMPLE / "replay.yml")
    assert not any("sirene_flux" in step.run for step in steps)
