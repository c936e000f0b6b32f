"""One replay of the bundled sample, shared by the tests of the main road."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from replaying import Replayed, run_step, workspace_at

from opendata.sample_portal import SamplePortal
from pipelines import replay
from pipelines.main_job import history


@pytest.fixture(scope="session")
def plan() -> list[replay.Step]:
    return replay.load_plan(replay.SAMPLE / "replay.yml")


@pytest.fixture(scope="session")
def portal() -> Iterator[SamplePortal]:
    with SamplePortal(replay.SAMPLE) as served:
        yield served


@pytest.fixture(scope="session")
def replayed(
    plan: list[replay.Step], portal: SamplePortal, tmp_path_factory: pytest.TempPathFactory
) -> Replayed:
    """The whole plan, replayed once."""
    data_dir = tmp_path_factory.mktemp("replay") / "data"
    with history():
        reports = {step.date: run_step(portal, step, data_dir) for step in plan}
    return Replayed(data_dir, reports, workspace_at(portal, plan[-1].date, data_dir))
