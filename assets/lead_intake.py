"""Taking a file of leads into the encrypted store.

Belongs here: whether there is a new file, what of it is kept, and the note that says so. Does
not belong here: reading files (``leads.intake``), matching (``lead_matching``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from assets.workspace import Workspace
from leads.departures import Departures, departures
from leads.intake import Intake, read_leads
from leads.privacy.use import admitted
from opendata.files import digest, write_json

#: Refused rows of a lead file that are named by line and rule; all are counted.
REFUSED_SHOWN = 1000


def intake_note(workspace: Workspace) -> Path:
    """Return where it is noted what became of the last file of leads: counts and lines."""
    return workspace.data_dir / "state" / "intake" / "leads.json"


def take_in(workspace: Workspace) -> dict[str, Any]:
    """Read the file of leads, if there is a new one, into the store; return counts."""
    if workspace.leads is None:
        return {"read": 0, "accepted": 0, "rejected": 0}
    note = intake_note(workspace)
    asked = [
        digest(workspace.leads),
        workspace.default_account,
        workspace.leads_complete,
        workspace.leads_floor,
    ]
    if note.exists() and (workspace.data_dir / "leads.duckdb").exists():
        last: dict[str, Any] = json.loads(note.read_bytes())
        if last["asked"] == asked:
            return {**last["counts"], "unchanged_file": True}
    intake = read_leads(workspace.leads, default_account=workspace.default_account)
    intake = admitted(intake, workspace.suppressions)
    counts = _keep(workspace, intake)
    refused = intake.rejected.select("line", "column", "rule").sort("line").head(REFUSED_SHOWN)
    write_json(
        note, {"asked": asked, "counts": counts, "refused": refused.to_dicts()}, point="intake"
    )
    return counts


def _keep(workspace: Workspace, intake: Intake) -> dict[str, Any]:
    """Put what was read into the store, and let go what is no longer in the list."""
    store = workspace.lead_store
    left = Departures((), intake.accepted.clear(), {})
    if workspace.leads_complete:
        left = departures(store.leads(), intake, floor=workspace.leads_floor)
    changes = store.upsert(
        pl.concat([intake.accepted, left.staying]),
        complete_for=left.complete_for,
        on=workspace.clock.today(),
    )
    return {
        "read": intake.read,
        "accepted": intake.accepted.height,
        "rejected": intake.rejected.height,
        "rejected_by_rule": dict(intake.rejected.group_by("rule").len().sort("rule").iter_rows()),
        "added": changes.added.height,
        "changed": changes.changed.height,
        "unchanged": changes.unchanged - left.staying.height,
        "removed": changes.removed.height,
        "removal_held": left.held,
    }
