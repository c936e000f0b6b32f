"""Taking past months of a dataset as history.

Belongs here: what `backfill` does and shows. Does not belong here: why it is silent
(:mod:`opendata.backfill`).
"""

from __future__ import annotations

from datetime import date

from assets import discovery
from assets.workspace import Workspace
from opendata.backfill import backfill
from opendata.errors import SettingsError
from opendata.lock import one_writer
from opendata.outcome import Outcome
from opendata.remote import DateWindow
from pipelines.console import console


def backfill_dataset(workspace: Workspace, dataset: str, first: date, last: date) -> None:
    """Take the months of ``dataset`` from ``first`` to ``last``, and print each.

    Raises:
        SettingsError: there is no such dataset, or it cannot be backfilled.
        OpenDataError: a month failed; those before it stay.
    """
    source = discovery.sources().get(dataset)
    if source is None:
        raise SettingsError(
            f"there is no dataset {dataset!r}",
            next_step=f"use one of {', '.join(sorted(discovery.sources()))}",
        )
    with one_writer(workspace.data_dir):
        backfill(
            source, workspace.store, workspace.clock, workspace.portals, first, last, each=_shown
        )
    console.print("Rules know these months from their next run on; nothing was signalled.")


def _shown(window: DateWindow, outcome: Outcome) -> None:
    words = "was there already" if outcome.status == "unchanged" else "taken"
    rows = sum(table.rows for table in outcome.version.tables.values())
    console.print(f"{window.start} to {window.end}: {words}, {rows:,} rows")
