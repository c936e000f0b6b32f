"""A source asked by period, asked again on a later day before it publishes anew."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from replaying import workspace_at

from opendata.sample_portal import SamplePortal
from pipelines.main_job import run_datasets


@pytest.mark.parametrize(
    ("dataset", "days", "last"),
    [
        ("bodacc", (date(2008, 1, 16), date(2008, 5, 30), date(2008, 5, 31)), "2008-05-29"),
        ("boamp", (date(2025, 11, 6), date(2025, 11, 20), date(2025, 11, 21)), "2025-11-19"),
    ],
)
def test_nothing_new_makes_no_version(
    portal: SamplePortal, tmp_path: Path, dataset: str, days: tuple[date, ...], last: str
) -> None:
    told = []
    for day in days:
        portal.set_date(day)
        workspace = workspace_at(portal, day, tmp_path / "data")
        told.append(run_datasets(workspace, [dataset]).outcomes[dataset])
    assert told == ["published", "published", "unchanged"]
    state = workspace.store.state(dataset)
    assert len(state.versions) == 2
    assert state.current == state.versions[-1].id
    assert str(state.versions[-1].publisher_date) == last
    # Nothing of the window that was looked at is left among the tables.
    files = {table.file for one in state.versions for table in one.tables.values()}
    tables = {Path(file).parts[0] for file in files}
    written = {
        str(path.relative_to(workspace.data_dir))
        for folder in tables
        for path in (workspace.data_dir / folder).rglob("*.parquet")
        if dataset in str(path)
    }
    assert written - files <= {path for path in written if "quarantine" in path}
