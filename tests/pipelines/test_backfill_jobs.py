"""Past months chosen in Dagster: the job of partitions takes one as history."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from replaying import workspace_at

from assets import discovery
from assets.dataset_assets import POOL
from assets.workspace import Workspace, as_resource
from opendata.ingest import build
from opendata.sample_portal import SamplePortal
from opendata.source_status import last_attempt
from opendata.take import take
from pipelines.backfill_jobs import MONTHS, backfill_jobs
from pipelines.failure_words import reason

SOURCE = discovery.sources()["bodacc"]
MAY = date(2008, 5, 30)


@pytest.fixture
def may(portal: SamplePortal, tmp_path: Path) -> Workspace:
    """A workspace whose first look at BODACC was at the end of May 2008."""
    portal.set_date(MAY)
    opened = workspace_at(portal, MAY, tmp_path / "data")
    take(SOURCE, opened.store, opened.clock, opened.portals)
    build(SOURCE, opened.store, opened.clock)
    return opened


def run(workspace: Workspace, month: str) -> dg.ExecuteInProcessResult:
    (job,) = [one for one in backfill_jobs() if one.name == "backfill_bodacc"]
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(
            partition_key=month,
            resources={"workspace": as_resource(workspace)},
            instance=instance,
            raise_on_error=False,
        )


def test_a_month_becomes_history_and_no_asset_is_said_to_be_made(may: Workspace) -> None:
    serving = may.store.state("bodacc").current
    done = run(may, "2008-01-01")
    assert done.success
    state = may.store.state("bodacc")
    assert state.current == serving
    (past,) = [one for one in state.versions if one.backfilled]
    assert (past.window_from, past.window_to) == (date(2008, 1, 1), date(2008, 1, 31))
    # Automation follows materialisations: without one nothing is detected or published.
    assert not done.get_asset_materialization_events()


def why(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [one for one in result.all_events if one.is_step_failure]
    return reason(event)


def test_the_month_in_which_the_loaded_days_begin_is_taken_up_to_them(may: Workspace) -> None:
    (served,) = may.store.state("bodacc").versions
    assert served.window_from == date(2008, 4, 30)
    assert "loaded from 2008-04-30 on" in why(run(may, "2008-05-01"))
    # The sample has nothing of April, which the portal's answer makes implausible.
    assert "no record from 2008-04-01 to 2008-04-29" in why(run(may, "2008-04-01"))
    assert may.store.state("bodacc").versions == (served,)
    # A month of the past that failed is no gap of the present.
    attempt = last_attempt(may.data_dir, "bodacc")
    assert attempt is not None
    assert attempt.error is None


def test_only_what_is_asked_by_period_has_such_a_job() -> None:
    names = {job.name.removeprefix("backfill_") for job in backfill_jobs()}
    assert "bodacc" in names
    for name in names:
        dataset = discovery.catalogue()[name]
        assert dataset.kind == "events"
        assert all(resource.window for resource in dataset.resources)
    # The file of public contracts holds its own past; the flux of Sirene is an overlay.
    assert names.isdisjoint({"decp", "sirene", "sirene_flux", "sirene_changes"})


def test_months_wait_for_the_one_writer() -> None:
    for job in backfill_jobs():
        assert {node.definition.pool for node in job.nodes} == {POOL}
    assert MONTHS.get_first_partition_key() == "2008-01-01"
