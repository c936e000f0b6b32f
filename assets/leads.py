"""Leads and their matches as assets.

Belongs here: the wiring of intake (``lead_intake``) and matching (``lead_matching``). Counts
only: no field of a lead reaches Dagster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from assets import shown
from assets.dataset_assets import POOL, core_key
from assets.divided import Steps, Told, divided
from assets.feedback import take_feedback
from assets.lead_intake import intake_note, take_in
from assets.lead_matching import REGISTRY, Matched, match_all
from assets.lead_matching_shares import gather_matching, match_share, plan_matching
from assets.workspace import Workspace, WorkspaceResource


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
        note = intake_note(opened)
        version = shown.content_version(note.read_bytes() if note.exists() else "no leads")
    return dg.MaterializeResult(
        metadata={
            "publisher": "the customer's own file",
            "licence": "customer data, not published",
            "source_date": opened.clock.today().isoformat(),
            "dagster/row_count": counts["accepted"],
            **counts,
        },
        data_version=version,
    )


@dg.asset(
    name="matches",
    group_name="leads",
    kinds={"duckdb"},
    owners=["team:data"],
    tags={"personal_data": "yes"},
    deps=["leads", "diffusion", *(core_key(table) for table in REGISTRY.values())],
    pool=POOL,
    description="For each lead the company it is, how likely and why; kept encrypted.",
)
def matches(workspace: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Match the leads to the registry, minding what platforms said was the wrong company."""
    with workspace.writing("matching the leads") as opened:
        said = take_feedback(opened)
        found = match_all(opened)
    metadata, version = _told(opened, found, said.counts)
    yield dg.MaterializeResult(metadata=metadata, data_version=version)


def in_shares(shares: int) -> dg.AssetsDefinition:
    """Return the asset of the matches as one that is made in ``shares``."""
    return divided(matches, Steps(_plan, match_share, _settle), shares)


def _plan(workspace: Workspace) -> dict[str, Any]:
    said = take_feedback(workspace)
    looked_up = plan_matching(workspace)
    counted = {f"feedback {name}": count for name, count in said.counts.items()}
    return {"to look up": looked_up, **counted}


def _settle(workspace: Workspace) -> Told:
    return _told(workspace, gather_matching(workspace), {})


def _told(workspace: Workspace, found: Matched, said: Mapping[str, int]) -> Told:
    verdicts = found.matches.group_by("verdict").len().sort("verdict")
    metadata = {
        **workspace.provenance("sirene"),
        "dagster/row_count": found.matches.height,
        "looked up": found.again,
        "because of": found.why,
        **{f"feedback {name}": count for name, count in said.items()},
        **{f"verdict: {name}": count for name, count in verdicts.iter_rows()},
        "leads by verdict": dg.MetadataValue.md(
            shown.chart("leads by verdict", dict(verdicts.iter_rows()))
        ),
    }
    return metadata, shown.frame_version(found.matches.sort("account_id", "lead_id"))
