"""The Dagster definitions: they load, and every asset says where its data comes from."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from replaying import Replayed, workspace_at

from assets import discovery
from assets.workspace import as_resource
from opendata.catalogue import OPEN_LICENCES
from opendata.sample_portal import SamplePortal
from pipelines.definitions import all_assets, build_defs
from pipelines.jobs import dataset_keys
from pipelines.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def test_definitions_validate_by_dagsters_own_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("dagster"), "definitions", "validate"],
        cwd=ROOT,
        env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_each_dataset_has_a_job_and_a_schedule_at_its_own_hour(tmp_path: Path) -> None:
    defs = build_defs(Settings(data_dir=tmp_path))
    dg.Definitions.validate_loadable(defs)
    for name, source in discovery.sources().items():
        if source.dataset.derived_from is None:
            assert defs.resolve_job_def(f"update_{name}")
            if not source.dataset.enabled:
                # Whoever chooses it gets a schedule (SIGNALS_DATASETS).
                continue
            schedule = defs.resolve_schedule_def(f"update_{name}")
            assert schedule.cron_schedule == source.dataset.cadence.cron
            assert schedule.execution_timezone == "Europe/Paris"
    assert defs.resolve_job_def("main")


@pytest.fixture(scope="module")
def materialised(portal: SamplePortal, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """The metadata that the run of one small dataset shows in Dagster."""
    day = date(2020, 3, 2)
    portal.set_date(day)
    workspace = workspace_at(portal, day, tmp_path_factory.mktemp("dagster") / "data")
    keys = [*dataset_keys("egapro"), "leads", "matches", "signals", "out_feed", "warehouse"]
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            all_assets(),
            selection=dg.AssetSelection.assets(*keys),
            resources={"workspace": as_resource(workspace)},
            instance=instance,
        )
    return {
        event.asset_key.to_user_string(): {
            name: entry.value
            for name, entry in event.step_materialization_data.materialization.metadata.items()
        }
        for event in result.all_events
        if event.is_step_materialization
    }


def test_each_dataset_asset_shows_publisher_licence_rows_and_date(
    materialised: dict[str, dict],
) -> None:
    for key in ("raw_egapro", "core_egapro__declarations"):
        shown = materialised[key]
        assert "Travail" in shown["publisher"]
        assert "Licence Ouverte" in shown["licence"]
        assert shown["source_date"] == "2020-03-01"
        assert isinstance(shown["dagster/row_count"], int)
    assert materialised["core_egapro__declarations"]["dagster/row_count"] == 1268


def test_every_asset_says_whose_data_under_which_licence_how_much_and_of_when(
    materialised: dict[str, dict],
) -> None:
    assert {"leads", "matches", "signals", "warehouse", "out_feed"} <= materialised.keys()
    for key, shown in materialised.items():
        wanted = {"publisher", "licence", "dagster/row_count", "source_date"}
        assert wanted <= shown.keys(), key
    assert materialised["leads"]["dagster/row_count"] == 451


def test_no_lead_reaches_dagster(materialised: dict[str, dict], replayed: Replayed) -> None:
    names = replayed.workspace.lead_store.leads()["company_name"].drop_nulls().to_list()
    shown = repr([materialised[key] for key in ("leads", "matches", "out_feed", "signals")])
    assert not [name for name in names if len(name) > 8 and name in shown]


def _dataset_of(key: str) -> str:
    """Return the dataset that an asset is of: the one with the longest name that it bears."""
    name = key.removeprefix("raw_").removeprefix("core_")
    return max((one for one in discovery.catalogue() if name.startswith(one)), key=len)


def test_static_metadata_is_there_before_any_run() -> None:
    for asset in all_assets():
        for spec in asset.specs:
            key = spec.key.to_user_string()
            if key.startswith(("raw_", "core_")):
                assert spec.metadata["publisher"]
                assert spec.metadata["licence"]
                # Of each of the licences that may be published, the one the dataset is under.
                licence = discovery.catalogue()[_dataset_of(key)].licence
                assert spec.tags["licence"] == licence.id
                # One that does not allow it is used here, and no export may cite it.
                assert (licence.id in OPEN_LICENCES) == licence.republication
                assert licence.title in str(spec.metadata["licence"].value)
                assert licence.url in str(spec.metadata["licence"].value)
            assert spec.description
            assert spec.group_name in {"raw", "core", "leads", "signals", "out"}
