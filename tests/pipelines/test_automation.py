"""What Dagster makes by itself: what follows from new data, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from assets import discovery
from assets.dataset_assets import core_key, raw_key
from pipelines.automation import DATED, automated, on_new_data
from pipelines.definitions import all_assets
from pipelines.jobs import DOWNSTREAM

#: An hour at which no daily look is due within the steps of a test.
START = datetime(2026, 9, 2, 12, tzinfo=UTC)
AWARDS = core_key("decp__awards")


class Clockwork:
    """Definitions whose conditions are evaluated tick by tick, on an instance of its own."""

    def __init__(self, instance: dg.DagsterInstance, assets: list[dg.AssetsDefinition]) -> None:
        self.instance = instance
        self.defs = dg.Definitions(assets=assets, resources={"workspace": object()})
        self.cursor: Any = None
        self.now = START

    def tick(self, *, after: timedelta = timedelta(seconds=30)) -> set[str]:
        """Return the assets that are asked for at the next evaluation."""
        self.now += after
        result = dg.evaluate_automation_conditions(
            self.defs,
            self.instance,
            asset_selection=dg.AssetSelection.all(),
            evaluation_time=self.now,
            cursor=self.cursor,
        )
        self.cursor = result.cursor
        keys = self.defs.resolve_asset_graph().get_all_asset_keys()
        return {k.to_user_string() for k in keys if result.get_num_requested(k)}

    def came(self, asset: str, version: str) -> None:
        """Note that a run made ``asset``, with this content."""
        tags = {"dagster/data_version": version}
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(asset_key=asset, tags=tags)
        )


@pytest.fixture
def clockwork() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Clockwork(instance, all_assets())


def test_nothing_is_made_of_an_update_that_brought_nothing(clockwork: Clockwork) -> None:
    clockwork.came(AWARDS, "first")
    assert clockwork.tick() == set()
    clockwork.came(AWARDS, "first")
    assert clockwork.tick() == set()


def test_new_rows_make_what_follows_although_other_datasets_were_never_asked_for(
    clockwork: Clockwork,
) -> None:
    clockwork.came(AWARDS, "first")
    clockwork.tick()
    clockwork.came(AWARDS, "second")
    asked = clockwork.tick()
    assert {"signals", "warehouse"} <= asked
    assert asked <= set(DOWNSTREAM) - {"diffusion", "leads", "out_feed"}
    # Asked once: the next look finds it handled.
    assert clockwork.tick() == set()
    # The feed follows what was detected, and only then.
    clockwork.came("signals", "no news")
    clockwork.tick()
    clockwork.came("signals", "no news")
    assert "out_feed" not in clockwork.tick()
    clockwork.came("signals", "news")
    assert "out_feed" in clockwork.tick()


def test_a_new_raw_file_makes_the_tables_and_the_same_one_does_not(clockwork: Clockwork) -> None:
    clockwork.came(raw_key("decp"), "one")
    clockwork.tick()
    clockwork.came(raw_key("decp"), "one")
    assert clockwork.tick() == set()
    clockwork.came(raw_key("decp"), "two")
    assert AWARDS in clockwork.tick()


def test_what_time_alone_changes_is_looked_at_once_a_day(clockwork: Clockwork) -> None:
    clockwork.tick()
    assert clockwork.tick(after=timedelta(hours=1)) == set()
    assert clockwork.tick(after=timedelta(days=1)) == DATED


def _pair() -> list[dg.AssetsDefinition]:
    @dg.asset
    def source() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(data_version=dg.DataVersion(_pair.version))  # type: ignore[attr-defined]

    @dg.asset(deps=[source], automation_condition=on_new_data())
    def result() -> None:
        return None

    return [source, result]


def test_one_run_of_both_asks_for_nothing_and_news_after_it_are_not_lost() -> None:
    assets = _pair()
    with dg.DagsterInstance.ephemeral() as instance:
        clockwork = Clockwork(instance, assets)

        def run(version: str, *keys: str) -> None:
            _pair.version = version  # type: ignore[attr-defined]
            selection = dg.AssetSelection.assets(*keys)
            assert dg.materialize(assets, selection=selection, instance=instance).success

        run("1", "source", "result")
        clockwork.tick()
        run("2", "source", "result")
        assert clockwork.tick() == set()
        # Both within one interval: the result was made before the news came.
        run("2", "result")
        run("3", "source")
        assert clockwork.tick() == {"result"}


def test_every_asset_but_the_leads_says_when_it_is_stale() -> None:
    for asset in automated(all_assets()):
        for spec in asset.specs:
            key = spec.key.to_user_string()
            assert (spec.freshness_policy is None) == (key == "leads"), key
            assert (spec.automation_condition is None) == (not spec.deps), key


def test_freshness_is_that_of_the_description() -> None:
    specs = {spec.key.to_user_string(): spec for one in all_assets() for spec in one.specs}
    for name, source in discovery.sources().items():
        cadence = source.dataset.cadence
        wanted = dg.FreshnessPolicy.time_window(
            fail_window=timedelta(days=cadence.fail_after_days),
            warn_window=timedelta(days=cadence.warn_after_days),
        )
        for table in source.dataset.tables:
            assert specs[core_key(table)].freshness_policy == wanted
        if source.dataset.derived_from is None:
            assert specs[raw_key(name)].freshness_policy == wanted
