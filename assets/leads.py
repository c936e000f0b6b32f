"""Leads and their matches as assets.

Belongs here: the wiring of intake (``lead_intake``) and matching (``lead_matching``). Counts
only: no field of a lead reaches Dagster.
"""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from assets.dataset_assets import POOL, core_key
from assets.lead_intake import take_in
from assets.lead_matching import REGISTRY, match_all
from assets.workspace import WorkspaceResource


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
    deps=["leads", "diffusion", *(core_key(table) for table in REGISTRY.values())],
    pool=POOL,
    description="For each lead the company it is, how likely and why; kept encrypted.",
)
def matches(workspace: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Match the leads to the registry."""
    with workspace.writing("matching the leads") as opened:
        found = match_all(opened)
    verdicts = found.matches.group_by("verdict").len().sort("verdict")
    yield dg.MaterializeResult(
        metadata={
            **opened.provenance("sirene"),
            "dagster/row_count": found.matches.height,
            "looked up": found.again,
            "because of": found.why,
            **{f"verdict: {name}": count for name, count in verdicts.iter_rows()},
        }
    )
