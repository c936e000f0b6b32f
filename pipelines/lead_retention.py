"""Leads that nobody has used for longer than they may be kept.

Belongs here: finding and forgetting them. CNIL: data on prospects are kept for three years
from their collection or the last contact; here, from the last file that brought the lead or
the last correction of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from assets.workspace import Workspace
from leads.privacy.facts import Facts
from opendata.lock import one_writer
from pipelines.audit import noted
from pipelines.places import all_places


@dataclass(frozen=True)
class Unused:
    """Leads by account: ``account_id``, ``leads``; how many have no known day of use."""

    by_account: pl.DataFrame
    undated: int

    @property
    def total(self) -> int:
        """Return how many leads were unused for too long."""
        return int(self.by_account["leads"].sum())


def unused(workspace: Workspace, days: int) -> Unused:
    """Count the leads last used more than ``days`` ago; nothing is changed."""
    found, undated = _found(workspace, days)
    by_account = found.group_by("account_id").agg(leads=pl.len()).sort("account_id")
    return Unused(by_account, undated)


def forget(workspace: Workspace, days: int) -> Unused:
    """Forget them, with their answers and what was published of them.

    Unlike an erasure this blocks nobody: a lead that its account sends again is a new one.
    """
    with one_writer(workspace.data_dir):
        counted = unused(workspace, days)
        found, _ = _found(workspace, days)
        if found.is_empty():
            return counted
        keys = workspace.suppressions.keys()
        facts = Facts(leads=frozenset(keys.leads_of(found).to_list()))
        for place in all_places(workspace):
            if not place.follows:
                place.erase(facts)
        # The streams take back what they said of leads that are no longer there.
        for place in all_places(workspace):
            if place.follows:
                place.erase(facts)
        noted(workspace, "retention", leads=counted.total, days=days)
    return counted


def _found(workspace: Workspace, days: int) -> tuple[pl.DataFrame, int]:
    if not (workspace.data_dir / "leads.duckdb").exists():
        return pl.DataFrame(schema={"account_id": pl.String, "lead_id": pl.String}), 0
    key = ["account_id", "lead_id"]
    leads = workspace.lead_store.leads().select(key)
    known = leads.join(workspace.lead_store.usage(), on=key, how="left", maintain_order="left")
    last = workspace.clock.today() - timedelta(days=days)
    return known.filter(pl.col("used_on") < last).select(key), known["used_on"].null_count()
