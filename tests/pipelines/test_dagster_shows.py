"""What a run leaves in Dagster: versions by content, checks in words, rows that name nobody."""

from __future__ import annotations

import base64
import re
import shutil
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import polars as pl
import pytest
import yaml
from dagster._core.instance.config import PoolGranularity
from dagster._daemon.types import DaemonHeartbeat
from replaying import workspace_at

from assets import dataset_assets as wiring
from assets import discovery, shown
from assets.dataset_assets import POOL, RETRIES, core_key, dataset_assets, raw_key
from assets.workspace import Workspace, as_resource
from opendata.clock import Clock
from opendata.errors import LicenceError, OpenDataError
from opendata.http import UnavailableError
from opendata.ingest import Source
from opendata.sample_portal import SamplePortal
from pipelines import main_job
from pipelines.backfill_jobs import backfill_jobs
from pipelines.definitions import all_assets
from pipelines.failure_words import reason
from pipelines.main_job import run_datasets

ROOT = Path(__file__).resolve().parents[2]
EGAPRO = discovery.sources()["egapro"]
TABLE = "egapro__declarations"
OLD, NEW = date(2020, 3, 2), date(2021, 3, 2)


class Made:
    """The events of one run of the assets of a dataset."""

    def __init__(self, workspace: Workspace, source: Source = EGAPRO) -> None:
        with dg.DagsterInstance.ephemeral() as instance:
            self.result = dg.materialize(
                dataset_assets(source),
                resources={"workspace": as_resource(workspace)},
                instance=instance,
                raise_on_error=False,
            )
        self.shown: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, str] = {}
        for event in self.result.all_events:
            if event.is_step_materialization:
                done = event.step_materialization_data.materialization
                key = done.asset_key.to_user_string()
                self.shown[key] = {name: one.value for name, one in done.metadata.items()}
                self.versions[key] = (done.tags or {})["dagster/data_version"]

    def check(self, name: str) -> dg.AssetCheckEvaluation:
        """Return the answer of a check."""
        (one,) = [c for c in self.result.get_asset_check_evaluations() if c.check_name == name]
        return one


def at(portal: SamplePortal, day: date, folder: Path) -> Workspace:
    portal.set_date(day)
    return workspace_at(portal, day, folder)


@pytest.fixture(scope="module")
def story(portal: SamplePortal, tmp_path_factory: pytest.TempPathFactory) -> list[Made]:
    """Egapro taken, taken again, and replaced."""
    folder = tmp_path_factory.mktemp("story") / "data"
    return [Made(at(portal, day, folder)) for day in (OLD, OLD, NEW)]


def test_a_version_is_its_content(story: list[Made]) -> None:
    first, again, other = story
    assert first.versions == again.versions
    assert again.shown[core_key(TABLE)]["status"] == "unchanged"
    assert other.versions.keys() == {raw_key("egapro"), core_key(TABLE)}
    assert all(other.versions[key] != first.versions[key] for key in first.versions)


def test_a_held_version_is_no_news_and_its_check_says_why(
    portal: SamplePortal, tmp_path: Path
) -> None:
    serving = Made(at(portal, OLD, tmp_path / "data"))
    careful = replace(at(portal, NEW, tmp_path / "data"), changed_ceilings={"egapro": 0.0})
    held = Made(careful)
    assert held.shown[core_key(TABLE)]["status"] == "held"
    assert held.versions[core_key(TABLE)] == serving.versions[core_key(TABLE)]
    check = held.check("gates")
    assert not check.passed
    assert "keys differ" in str(check.description)
    # The alert of the run points there instead of calling it unforeseen.
    (stopped,) = [event for event in held.result.all_events if event.is_step_failure]
    assert reason(stopped).startswith("a gate stopped what follows")


def test_a_publisher_who_is_late_is_a_warning_in_words(
    portal: SamplePortal, tmp_path: Path, story: list[Made]
) -> None:
    assert story[0].check("publisher_date").passed
    hasty = EGAPRO.dataset.cadence.model_copy(update={"warn_after_days": 0})
    source = replace(EGAPRO, dataset=EGAPRO.dataset.model_copy(update={"cadence": hasty}))
    made = Made(at(portal, OLD, tmp_path), source)
    assert made.result.success
    check = made.check("publisher_date")
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert "of 2020-03-01, 1 days ago" in str(check.description)


def test_rows_over_time_are_drawn_and_told(story: list[Made]) -> None:
    drawn = story[2].shown[core_key(TABLE)]["rows by version"]
    said, data = re.fullmatch(r"!\[(.*)\]\(data:image/svg\+xml;base64,(.*)\)", drawn).groups()
    assert said.startswith("rows by version: 2020-03-01 1,268, 2021-03-01 ")
    assert base64.b64decode(data).decode().count("<rect") == 2


def test_previews_show_columns_that_say_nothing_of_anybody(story: list[Made]) -> None:
    for source in discovery.sources().values():
        dataset = source.dataset
        for table in dataset.tables:
            classes = {one.name: one.personal for one in dataset.described_columns(table)}
            found = {classes[name] for name in shown.harmless(dataset, table)}
            assert found <= ({"none"} if dataset.contains_personal_data else {"none", "company"})
    assert "siren" not in shown.harmless(discovery.catalogue()["sirene"], "sirene__legal_units")
    lines = story[0].shown[core_key(TABLE)]["preview"].splitlines()
    assert len(lines) == 2 + shown.ROWS
    assert len({line.count("|") for line in lines}) == 1


def test_columns_lead_back_to_those_of_the_publisher(story: list[Made]) -> None:
    made = story[0].shown[core_key(TABLE)]["dagster/column_lineage"]
    (dep,) = made.deps_by_column["siren"]
    assert (dep.asset_key.to_user_string(), dep.column_name) == ("raw_egapro", "SIREN")
    for source in discovery.sources().values():
        dataset = source.dataset
        if dataset.derived_from is not None:
            continue
        raw = {column.name for column in shown.raw_schema(dataset).columns}
        for table in dataset.tables:
            own = {column.name for column in dataset.described_columns(table)}
            found = shown.lineage(dataset, table, raw_key(dataset.name)).deps_by_column
            assert found.keys() <= own
            assert {one.column_name for deps in found.values() for one in deps} <= raw


def test_a_chart_of_nothing_says_so_and_text_cannot_leave_it() -> None:
    assert shown.chart("signals", {}) == "signals: none."
    drawn = shown.chart("signals", {"<script>": 3})
    assert "<script>" not in drawn
    assert "<script>" not in base64.b64decode(drawn.rpartition(",")[2][:-1]).decode()


def test_rows_have_another_version_only_if_they_differ() -> None:
    rows = pl.DataFrame({"a": ["x", "y"], "b": [[1], [2]]})
    same = pl.concat([rows[:1], rows[1:]], rechunk=False)
    assert shown.frame_version(rows) == shown.frame_version(same)
    assert shown.frame_version(rows) != shown.frame_version(rows.with_columns(b=[[1], [3]]))
    assert shown.frame_version(rows) != shown.frame_version(rows.rename({"a": "c"}))


@pytest.mark.parametrize(
    ("error", "asks_again", "attempts"),
    [(UnavailableError, True, 4), (LicenceError, True, 1), (UnavailableError, False, 1)],
)
def test_only_a_portal_that_does_not_answer_is_asked_again_and_not_by_a_command(
    error: type[OpenDataError],
    asks_again: bool,
    attempts: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    soon = dg.RetryPolicy(max_retries=RETRIES.max_retries, delay=0.01)
    monkeypatch.setattr(wiring, "RETRIES", soon)
    tried = []
    opened = Workspace(data_dir=tmp_path / "data", clock=Clock.at(OLD))
    resource = as_resource(opened).model_copy(update={"asks_again": asks_again})

    def asking() -> None:
        tried.append(1)
        with wiring.tried_again(), resource.writing("asking"):
            raise error("no", next_step="wait")

    raw, month = dg.asset(asking), dg.op(asking)

    @dg.job
    def job() -> None:
        month()

    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([raw], instance=instance, raise_on_error=False)
        assert "no. What to do: wait." in reason(done.get_step_failure_events()[0])
        assert len(tried) == attempts
        assert not job.execute_in_process(instance=instance, raise_on_error=False).success
    assert len(tried) == 2 * attempts


def test_no_step_has_a_policy_that_would_try_again_what_a_person_interrupted() -> None:
    assert {asset.op.retry_policy for asset in all_assets()} == {None}
    assert RETRIES.backoff == dg.Backoff.EXPONENTIAL


def test_whatever_writes_waits_for_the_one_writer(tmp_path: Path) -> None:
    pools = {asset.op.pool for asset in all_assets()}
    pools |= {node.definition.pool for job in backfill_jobs() for node in job.nodes}
    assert pools == {POOL}
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    settings = yaml.safe_load((tmp_path / "dagster.yaml").read_text("utf-8"))
    for name in ("storage", "local_artifact_storage", "compute_logs"):
        settings.pop(name)
    with dg.instance_for_test(overrides=settings, temp_dir=str(tmp_path)) as instance:
        config = instance.get_concurrency_config()
        assert config.pool_config.default_pool_limit == 1
        assert config.pool_config.pool_granularity == PoolGranularity.OP
        assert config.run_queue_config is not None
        assert config.run_queue_config.max_concurrent_runs == 1
        # Two steps of different runs: the second one waits for the first.
        storage = instance.event_log_storage
        storage.initialize_concurrency_limit_to_default(POOL)
        assert storage.claim_concurrency_slot(POOL, "one", "core").is_claimed
        assert not storage.claim_concurrency_slot(POOL, "two", "core").is_claimed


def test_a_killed_run_does_not_keep_the_next_one_waiting(
    portal: SamplePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was killed never gives back its place in the pool."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.chdir(home)
    workspace = at(portal, OLD, tmp_path / "data")
    with dg.DagsterInstance.get() as instance:
        storage = instance.event_log_storage
        storage.initialize_concurrency_limit_to_default(POOL)
        assert storage.claim_concurrency_slot(POOL, "killed", "core").is_claimed
    done = Thread(target=run_datasets, args=(workspace, ["egapro"]), daemon=True)
    done.start()
    done.join(240)
    assert not done.is_alive(), "the run waits for a place that nobody gives back"
    assert workspace.store.current("egapro") is not None


def test_a_run_of_a_living_daemon_keeps_its_place_in_the_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may stand at the lock of the folder: only what is dead is taken from it."""
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    @dg.job
    def take_egapro() -> None:
        pass

    with dg.DagsterInstance.get() as instance:
        storage = instance.event_log_storage
        storage.initialize_concurrency_limit_to_default(POOL)
        run = instance.create_run_for_job(take_egapro, status=dg.DagsterRunStatus.STARTED)
        assert storage.claim_concurrency_slot(POOL, run.run_id, "core").is_claimed
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "1", []))
        main_job._free_pool(instance)
        assert storage.get_concurrency_info(POOL).active_run_ids == {run.run_id}
        # A daemon that gives no sign any more will not free it.
        stale = time.time() - 2 * main_job.HEARTBEAT
        instance.add_daemon_heartbeat(DaemonHeartbeat(stale, "SENSOR", "1", []))
        main_job._free_pool(instance)
        assert storage.get_concurrency_info(POOL).active_run_ids == set()
