"""Data folders for the tests of what an operator does: copies of a replay, and a held version.

Belongs here: what the tests of `status` and of the maintenance commands share.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

from replaying import Replayed, workspace_at

from assets.workspace import Workspace
from opendata.sample_portal import SamplePortal
from pipelines.main_job import run_datasets

#: Run dates of the sample's plan.
SIRENE = (date(2017, 1, 2), date(2017, 2, 2), date(2017, 5, 2))
LAST = date(2025, 1, 6)


def copied(replayed: Replayed, portal: SamplePortal, folder: Path, day: date = LAST) -> Workspace:
    """Return a workspace at ``day`` over a copy of what the replay left."""
    portal.set_date(day)
    shutil.copytree(replayed.data_dir, folder / "data")
    return workspace_at(portal, day, folder / "data")


def with_held_version(portal: SamplePortal, folder: Path) -> Workspace:
    """Return a workspace in which the guard held the second month of Sirene.

    The sample was cut to companies that change, so the guard of the whole register trips.
    """
    for day in SIRENE[:2]:
        portal.set_date(day)
        workspace = replace(workspace_at(portal, day, folder / "data"), changed_ceilings={})
        report = run_datasets(workspace, ["sirene"])
    assert report.outcomes["sirene"] == "held"
    return workspace


def ids(workspace: Workspace, dataset: str) -> list[str]:
    """Return the versions of ``dataset``, oldest first."""
    return [version.id for version in workspace.store.state(dataset).versions]


def serving(workspace: Workspace, dataset: str) -> str | None:
    """Return the version of ``dataset`` that serves."""
    return workspace.store.state(dataset).current
