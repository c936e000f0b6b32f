"""Running steps of the bundled sample's plan in a test.

Belongs here: what the tests of the main road share: a run of one date, the hashes of a
folder, the live rows of a stream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from assets.workspace import Workspace
from opendata.sample_portal import SamplePortal
from pipelines import replay
from pipelines.main_job import RunReport, run_main_job
from pipelines.workspace import open_workspace


@dataclass(frozen=True)
class Replayed:
    """What a replay left: the data folder and the report of each run date."""

    data_dir: Path
    reports: dict[date, RunReport]
    workspace: Workspace

    @property
    def exports(self) -> Path:
        """Return the folder the platform fetches from."""
        return self.workspace.exports


def workspace_at(portal: SamplePortal, day: date, data_dir: Path) -> Workspace:
    """Return the workspace of a run at ``day`` against the sample portal."""
    return open_workspace(replay.sample_settings(portal, day, data_dir))


def run_step(
    portal: SamplePortal, step: replay.Step, data_dir: Path, skip: Collection[str] = ()
) -> RunReport:
    """Run one date of the plan into ``data_dir``."""
    portal.set_date(step.date)
    return run_main_job(workspace_at(portal, step.date, data_dir), step.run, skip=skip)


def run_steps(
    portal: SamplePortal, plan: Sequence[replay.Step], data_dir: Path
) -> dict[date, RunReport]:
    """Run the dates of ``plan`` as a replay does."""
    last = plan[-1].date
    return {
        step.date: run_step(
            portal, step, data_dir, () if step.date == last else replay.LOOKED_AT_LAST
        )
        for step in plan
    }


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file under ``folder`` by relative path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def stream_rows(stream: Path) -> pl.DataFrame:
    """Return every row a stream ever had, in order."""
    segments = sorted((stream / "segments").glob("*.parquet"))
    return pl.concat([pl.read_parquet(path, glob=False) for path in segments]).sort("sequence")
