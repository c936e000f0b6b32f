"""One replay of the bundled sample, shared by the tests of the main road."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from replaying import Replayed, run_steps, workspace_at
from synthetic_persons import sample_with_persons
from synthetic_world import DAYS, World, leads_file

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
        reports = run_steps(portal, plan, data_dir)
    return Replayed(data_dir, reports, workspace_at(portal, plan[-1].date, data_dir))


@pytest.fixture(scope="session")
def january(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The sample with invented persons after its first month of Sirene; to be copied."""
    folder = tmp_path_factory.mktemp("january")
    with SamplePortal(sample_with_persons(folder / "sample")) as served, history():
        world = World(served, folder / "data", leads_file(folder / "leads.csv"))
        assert world.run(DAYS[0]).ok
        yield world


@pytest.fixture(scope="session")
def february(january: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The month after, in which some of them turned to partial diffusion; to be copied."""
    world = january.copied(tmp_path_factory.mktemp("february"))
    assert world.run(DAYS[1]).ok
    return world
