"""Matching in shares: leads dealt by account, looked up by processes that meet nowhere.

Belongs here: what a share is given, and putting the answers together. Does not belong here:
which leads are due and what an answer is (``lead_matching``).

The answer to a lead depends on that lead, the registry and the model alone, so that any cut
gives the same answers. The leads are cut as they are ordered, by account: whole accounts stay
together but for the one at a border.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date

import polars as pl

from assets.lead_matching import Asked, Matched, answers, asked, grounds, keep
from assets.parts import AGAIN, Parts
from assets.workspace import Workspace
from leads.labels import LABEL_SCHEMA
from leads.matching import MATCH_SCHEMA
from leads.model import SCHEMA
from leads.refit import serving_model
from opendata.clock import Clock
from opendata.errors import StateError
from opendata.shares import Share

NAME = "matching"


def plan_matching(workspace: Workspace) -> int:
    """Build the index if it is not there, give each share its leads; return how many there are."""
    parts, due = Parts(workspace, NAME), asked(workspace)
    parts.begin()
    ordered = due.leads.sort("account_id", "lead_id")
    for share in parts.shares():
        parts.seal(f"asked-{share.number}", share.slice_of(ordered))
    parts.seal("labels", due.labels)
    parts.planned(
        {
            "about": _about(workspace),
            "note": due.note,
            "why": due.why,
            "matched_at": workspace.clock.today().isoformat(),
        }
    )
    return due.leads.height


def match_share(workspace: Workspace, share: Share) -> int:
    """Look up the leads of ``share``; return how many there were."""
    parts = Parts(workspace, NAME)
    day = date.fromisoformat(parts.plan()["matched_at"])
    leads = parts.unseal(f"asked-{share.number}").cast(SCHEMA)
    labels = parts.unseal("labels").cast(LABEL_SCHEMA)
    # All shares answer on one day, also those that midnight falls between.
    found = answers(replace(workspace, clock=Clock.at(day)), leads, labels)
    parts.seal(f"found-{share.number}", found)
    return leads.height


def gather_matching(workspace: Workspace) -> Matched:
    """Keep what all shares found.

    Raises:
        StateError: a share was not done, or leads, answers or registry changed since the plan.
    """
    parts = Parts(workspace, NAME)
    plan = parts.plan()
    if _about(workspace) != plan["about"]:
        raise StateError("what is matched changed while it was matched", next_step=AGAIN)
    found = [parts.unseal(f"found-{share.number}").cast(MATCH_SCHEMA) for share in parts.shares()]
    _, labels = grounds(workspace)
    due = Asked(SCHEMA.to_frame(), labels, plan["why"], plan["note"])
    matched = keep(workspace, pl.concat(found), due)
    parts.end()
    return matched


def _about(workspace: Workspace) -> str:
    """Return a hash of all that the answers are made of."""
    version = workspace.store.current("sirene")
    model = serving_model(workspace.models).version
    made = hashlib.sha256(f"{version and version.id} {model}".encode())
    for rows in grounds(workspace):
        made.update(rows.hash_rows().sort().to_numpy().tobytes())
    return made.hexdigest()
