"""Contradictions between registers as an asset.

Belongs here: making the table from what serves and saying what its columns mean. Does not belong
here: the rules (``signals/contradictions.py``, ``signals/site_contradictions.py``).
"""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl

from assets import discovery, shown
from assets.dataset_assets import POOL, core_key
from assets.frames import StoreFrames
from assets.workspace import Workspace, WorkspaceResource
from opendata import parquet
from opendata.assembly import Content
from opendata.files import digest
from signals.contradictions import INPUTS, contradictions
from signals.disagreement import rules

TABLE = "contradictions"


def make(workspace: Workspace) -> pl.DataFrame:
    """Write the contradictions between the tables that serve; return how many of each kind.

    The table is made anew each time: what ceased to contradict is gone from it.
    """
    frames = StoreFrames(workspace.store, discovery.owners(), workspace.clock.today())
    rows = contradictions(frames)
    parquet.sink(rows, _path(workspace), sort_by=("contradiction_id",), point=TABLE)
    written = pl.scan_parquet(_path(workspace), glob=False)
    return written.group_by("kind").len("rows").sort("kind").collect()


def content(workspace: Workspace) -> dict[str, Content]:
    """Return the table as the warehouse takes it; nothing while it was never made."""
    path = _path(workspace)
    return described(path) if path.exists() else {}


def described(path: Path) -> dict[str, Content]:
    """Return the table in the file ``path`` with what it and its columns mean."""
    columns = {column.name: f"{column.en} / {column.fr}" for column in rules().columns}
    comment = (
        "What two registers say and cannot both be true: both values are kept. "
        "/ Ce que deux registres disent et qui ne peut être vrai ensemble : les deux restent."
    )
    return {TABLE: Content([path], ("contradiction_id",), comment, columns)}


def read(workspace: Workspace) -> pl.DataFrame | None:
    """Return the table as it was last made; ``None`` if it never was."""
    path = _path(workspace)
    return pl.read_parquet(path, glob=False) if path.exists() else None


def _path(workspace: Workspace) -> Path:
    return workspace.data_dir / "tables" / f"{TABLE}.parquet"


@dg.asset(
    name=TABLE,
    group_name="signals",
    kinds={"parquet"},
    owners=["team:data"],
    deps=[*(core_key(table) for table in INPUTS), "diffusion"],
    pool=POOL,
    description="What two registers say of one company and cannot both be true, once the lag that "
    "is normal between them is over; both values are kept.",
)
def registers_compared(workspace: WorkspaceResource) -> dg.MaterializeResult[None]:
    """Compare the registers."""
    with workspace.writing("comparing registers") as opened:
        counts = make(opened)
        said = opened.provenance()
        version = shown.content_version(digest(_path(opened)))
    return dg.MaterializeResult(
        metadata={
            **said,
            "dagster/row_count": int(counts["rows"].sum()),
            **{str(kind): int(rows) for kind, rows in counts.iter_rows()},
            "by kind": dg.MetadataValue.md(
                shown.chart("contradictions by kind", dict(counts.iter_rows()))
            ),
        },
        data_version=version,
    )
