"""What the record of suppressions means for leads on their way in, to matching and out.

Belongs here: refusing leads at intake, and leaving those out whose data may be kept but not
used. Does not belong here: forgetting leads that are in the store (``pipelines/places``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from leads.intake import Intake
from leads.privacy.suppressions import Suppressions

RULE = "suppressed"
_KEY = ["account_id", "lead_id"]


def admitted(intake: Intake, record: Suppressions) -> Intake:
    """Return ``intake`` without leads that somebody had erased or objected to.

    They are counted among the refused, by rule; a file brings nobody back. Their lines are
    not told: that somebody objected is itself about them.
    """
    facts = record.facts()
    if not facts.of_leads or intake.accepted.is_empty():
        return intake
    hit = record.keys().concerned(intake.accepted, facts)
    refused = pl.DataFrame(
        {"line": None, "column": None, "rule": RULE, "value": "<hidden>"},
        schema=intake.rejected.schema,
    )
    rejected = pl.concat([intake.rejected, *[refused] * int(hit.sum())])
    return replace(intake, accepted=intake.accepted.filter(~hit), rejected=rejected)


def usable(
    rows: pl.DataFrame, leads: Callable[[], pl.DataFrame], record: Suppressions
) -> pl.DataFrame:
    """Return ``rows`` about leads that may be used.

    Args:
        rows: leads or answers: ``account_id``, ``lead_id`` and more.
        leads: gives the leads themselves, which carry what a restriction may name.
        record: who is restricted, erased or objected.
    """
    limits = [one for one in (record.restricted(), record.facts()) if one.of_leads]
    known = leads() if limits else rows
    for facts in limits:
        hit = known.filter(record.keys().concerned(known, facts)).select(_KEY)
        rows = rows.join(hit, on=_KEY, how="anti", maintain_order="left")
    return rows
