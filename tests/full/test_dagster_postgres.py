"""The same definitions with Dagster's memory in PostgreSQL and a process for each step."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import pytest
import yaml
from polars.testing import assert_frame_equal
from postgres_server import PostgresServer, postgres_server
from replaying import hashes, workspace_at

from assets.lead_intake import take_in
from assets.workspace import Workspace
from opendata.errors import SettingsError
from opendata.lake_address import CATALOGUE, LakeAddress, attached
from opendata.sample_portal import SamplePortal
from opendata.warehouse import Warehouse
from pipelines import replay
from pipelines.executors import executor_of
from pipelines.main_job import history, run_datasets, run_exports, run_matching
from pipelines.settings import ROOT, Settings
from signals.contract import CANDIDATE_SCHEMA

pytestmark = pytest.mark.full
ASSETS = ("matches", "warehouse")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as served:
        served.create_database("dagster")
        served.create_database("lake")
        yield served


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A register, leads, and lists of awards and permits of which the second was not looked at."""
    folder = tmp_path_factory.mktemp("loaded") / "data"
    plan = replay.load_plan(replay.SAMPLE / "replay.yml")
    register = next(step for step in plan if "sirene" in step.run)
    first, second = (step for step in plan if "decp" in step.run)
    with SamplePortal(replay.SAMPLE) as portal, history():
        for step in (register, first, second):
            portal.set_date(step.date)
            workspace = workspace_at(portal, step.date, folder)
            assert run_datasets(workspace, step.run).ok
            if step is first:
                seen = {name: workspace.store.current(name) for name in workspace.store.datasets()}
                cursors = {name: version.id for name, version in seen.items() if version}
                workspace.log.append(CANDIDATE_SCHEMA.to_frame(), cursors)
        take_in(workspace)
        yield workspace


def url(server: PostgresServer, scheme: str) -> str:
    return f"{scheme}://test@/dagster?host={quote(str(server.folder))}"


def copied(workspace: Workspace, folder: Path) -> Workspace:
    shutil.copytree(workspace.data_dir, folder / "data")
    return replace(workspace, data_dir=folder / "data")


@pytest.fixture(scope="module")
def alone(loaded: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """What one process makes of it."""
    workspace = copied(loaded, tmp_path_factory.mktemp("alone"))
    with history():
        assert run_matching(workspace).ok
        assert run_exports(workspace).ok
    return workspace


def test_a_run_in_shares_publishes_the_same_files(
    loaded: Workspace, alone: Workspace, tmp_path: Path
) -> None:
    cut = replace(copied(loaded, tmp_path), shares=2)
    with history():
        assert run_matching(cut).ok
        assert run_exports(cut).ok
    assert cut.log.rows().height > 10
    for part in ("exports", "signals"):
        assert hashes(cut.data_dir / part) == hashes(alone.data_dir / part)
    assert_frame_equal(cut.lead_store.matches(), alone.lead_store.matches())


def test_steps_in_processes_of_their_own_make_the_same_and_postgres_remembers(
    server: PostgresServer, loaded: Workspace, alone: Workspace, tmp_path: Path
) -> None:
    workspace = copied(loaded, tmp_path)
    shutil.copytree(alone.data_dir / "signals", workspace.log.folder, dirs_exist_ok=True)
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "deploy" / "dagster.postgres.yaml", home / "dagster.yaml")
    address = LakeAddress("postgres:dbname=lake", str(tmp_path / "lake"))
    environment = {
        **os.environ,
        **server.environment,
        "DAGSTER_HOME": str(home),
        "DAGSTER_POSTGRES_URL": url(server, "postgresql+psycopg2"),
        "SIGNALS_DATA_DIR": str(workspace.data_dir),
        "SIGNALS_AT": workspace.clock.now().isoformat(),
        "SIGNALS_LEADS": str(workspace.leads),
        "SIGNALS_SHARES": "2",
        "SIGNALS_EXECUTOR": "multiprocess",
        "SIGNALS_LAKE": address.catalogue,
        "SIGNALS_LAKE_DATA": address.data,
    }
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select"]
    done = subprocess.run(
        [*command, ",".join(ASSETS), "-m", "pipelines.definitions"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    assert_frame_equal(workspace.lead_store.matches(), alone.lead_store.matches())
    with (
        pytest.MonkeyPatch.context() as patch,
        Warehouse.read_only(workspace.warehouse) as one,
    ):
        for name, value in environment.items():
            patch.setenv(name, value)
        with attached(address, read_only=True) as there:
            there.execute(f"USE {CATALOGUE}")
            for table in ("decp__awards", "sitadel__permits", "signals", "versions"):
                rows = f"FROM {table} ORDER BY ALL"
                assert_frame_equal(there.frame(rows), one.frame(rows))
            (named,) = there.rows("SELECT DISTINCT run_id FROM lake_tables")
            assert named == (workspace.run_id,)
        with dg.DagsterInstance.get() as instance:
            assert type(instance.run_storage).__name__ == "PostgresRunStorage"
            (run,) = instance.get_runs()
            assert run.status is dg.DagsterRunStatus.SUCCESS
            steps = {one.step_key: one for one in instance.get_run_step_stats(run.run_id)}
            pools = instance.event_log_storage.get_pool_limits()
    shares = [f"{asset}.{asset}_share_{number}" for asset in ASSETS for number in (1, 2)]
    assert set(shares) <= steps.keys()
    assert {(pool.name, pool.limit) for pool in pools} == {("duckdb", 1)}


def test_the_instance_of_the_chart_is_one_that_dagster_takes(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chart writes these blocks into one file; Dagster refuses some of them side by side."""
    values = yaml.safe_load((ROOT / "deploy" / "helm" / "values.yaml").read_text("utf-8"))
    coordinator = values["dagsterDaemon"]["runCoordinator"]["config"]
    runs = coordinator["queuedRunCoordinator"]["maxConcurrentRuns"]
    scheme = values["postgresql"]["postgresqlScheme"]
    made = {
        "storage": {"postgres": {"postgres_url": url(server, scheme)}},
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": "QueuedRunCoordinator",
            "config": {} if runs is None else {"max_concurrent_runs": runs},
        },
        "compute_logs": values["computeLogManager"]["config"]["customComputeLogManager"],
        **values["additionalInstanceConfig"],
    }
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(made))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        pools = instance.get_concurrency_config().pool_config
        assert pools.default_pool_limit == 1
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1
        assert instance.compute_log_manager


def test_pods_are_started_by_the_executor_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    executor = executor_of(Settings(executor="k8s", shares=4))
    assert executor.name == "k8s"
    # Without the library the setting says what to install.
    monkeypatch.setitem(sys.modules, "dagster_k8s", None)
    with pytest.raises(SettingsError, match="dagster-k8s is not installed"):
        executor_of(Settings(executor="k8s"))
