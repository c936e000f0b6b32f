"""Leads and their matches as assets.

Belongs here: reading the file of leads into the encrypted store, matching it to the
registry. Counts only: no field of a lead reaches Dagster.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets.dataset_assets import POOL, core_key
from assets.workspace import Workspace, WorkspaceResource
from leads.index import Index, build_index
from leads.intake import read_leads
from leads.matching import match_leads
from leads.scoring import load_model
from opendata.errors import StateError
from opendata.files import digest, write_json

#: Refused rows of a lead file that are named by line and rule; all are counted.
REFUSED_SHOWN = 1000
REGISTRY = ("sirene__legal_units", "sirene__establishments", "sirene__successions")


def intake_note(workspace: Workspace) -> Path:
    """Return where it is noted what became of the last file of leads: counts and lines."""
    return workspace.data_dir / "state" / "intake" / "leads.json"


def take_in(workspace: Workspace) -> dict[str, Any]:
    """Read the file of leads, if there is a new one, into the store; return counts."""
    if workspace.leads is None:
        return {"read": 0, "accepted": 0, "rejected": 0}
    note = intake_note(workspace)
    asked = [digest(workspace.leads), workspace.default_account]
    if note.exists() and (workspace.data_dir / "leads.duckdb").exists():
        last: dict[str, Any] = json.loads(note.read_bytes())
        if last["asked"] == asked:
            return {**last["counts"], "unchanged_file": True}
    intake = read_leads(workspace.leads, default_account=workspace.default_account)
    changes = workspace.lead_store.upsert(intake.accepted)
    counts = {
        "read": intake.read,
        "accepted": intake.accepted.height,
        "rejected": intake.rejected.height,
        "rejected_by_rule": dict(intake.rejected.group_by("rule").len().sort("rule").iter_rows()),
        "added": changes.added.height,
        "changed": changes.changed.height,
        "unchanged": changes.unchanged,
    }
    refused = intake.rejected.select("line", "column", "rule").sort("line").head(REFUSED_SHOWN)
    write_json(
        note, {"asked": asked, "counts": counts, "refused": refused.to_dicts()}, point="intake"
    )
    return counts


def registry_index(workspace: Workspace) -> tuple[Index | None, str]:
    """Return the index of the current registry and its version; build it if it is not there."""
    version = workspace.store.current("sirene")
    if version is None:
        return None, "none"
    folder = workspace.data_dir / "index" / version.id
    try:
        return Index.open(folder), version.source_id
    except StateError:
        units, establishments, successions = (workspace.store.scan(name) for name in REGISTRY)
        index = build_index(units, establishments, folder, successions=successions)
    _drop_others(workspace, version.id)
    return index, version.source_id


def _drop_others(workspace: Workspace, kept: str) -> None:
    for other in (workspace.data_dir / "index").iterdir():
        if other.name != kept:
            shutil.rmtree(other, ignore_errors=True)


def match_all(workspace: Workspace) -> pl.DataFrame:
    """Match the leads that have no answer from the current registry; return all matches."""
    store, model = workspace.lead_store, load_model()
    index, version = registry_index(workspace)
    open_leads = store.unanswered(registry_version=version, model_version=model.version)
    if open_leads.height:
        store.put_matches(
            match_leads(
                open_leads,
                index,
                matched_at=workspace.clock.today(),
                registry_version=version,
                model=model,
            )
        )
    return store.matches()


@dg.asset(
    name="leads",
    group_name="leads",
    kinds={"duckdb"},
    owners=["team:data"],
    tags={"personal_data": "yes"},
    pool=POOL,
    description="Leads of the customers, read from a file, kept encrypted (AES-256-GCM).",
)
def leads(workspace: WorkspaceResource) -> dg.MaterializeResult[None]:
    """Take in the file of leads."""
    with workspace.writing("reading the leads") as opened:
        counts = take_in(opened)
    return dg.MaterializeResult(
        metadata={
            "publisher": "the customer's own file",
            "licence": "customer data, not published",
            "source_date": opened.clock.today().isoformat(),
            "dagster/row_count": counts["accepted"],
            **counts,
        }
    )


@dg.asset(
    name="matches",
    group_name="leads",
    kinds={"duckdb"},
    owners=["team:data"],
    tags={"personal_data": "yes"},
    deps=["leads", *(core_key(table) for table in REGISTRY)],
    pool=POOL,
    description="For each lead the company it is, how likely and why; kept encrypted.",
)
def matches(workspace: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Match the leads to the registry."""
    with workspace.writing("matching the leads") as opened:
        found = match_all(opened)
    verdicts = found.group_by("verdict").len().sort("verdict")
    yield dg.MaterializeResult(
        metadata={
            **opened.provenance("sirene"),
            "dagster/row_count": found.height,
            **{f"verdict: {name}": count for name, count in verdicts.iter_rows()},
        }
    )
