"""The snapshots of a stream: what stands now, and what to forget.

Belongs here: ``signals_current`` and ``tombstones``, made from the rows of a stream, and
their flat form for spreadsheets. Does not belong here: writing files.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from opendata.cells import harmless
from signals.segments import latest

#: Columns of the flat form, in the order a reader wants them.
_FLAT = (
    "time",
    "title_fr",
    "company_name",
    "siren",
    "siret",
    "departement",
    "counterparty_siren",
    "score",
    "confidence",
    "nature",
    "lead_id",
    "match_status",
    "match_probability",
    "before",
    "after",
    "type",
    "expirytime",
    "is_mass_operation",
    "prospecting_allowed",
    "dataclassification",
    "signalid",
)
#: Fields of the evidence shown in the flat form, one text per signal.
_FLAT_EVIDENCE = (
    "dataset_id",
    "record_key",
    "publication_date",
    "licence",
    "url",
    "publisher",
    "attribution",
)


def snapshot(rows: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return the last row of each signal that neither is withdrawn nor has expired."""
    ordered = rows if rows["sequence"].is_sorted() else rows.sort("sequence")
    valid = pl.col("expirytime") > pl.lit(now, dtype=pl.Datetime("us", "UTC"))
    stands = pl.col("op").is_in(["ASSERT", "AMEND"]) & valid
    # Ids are given once: where each row is the first of its signal, each is the last of it too.
    only = (ordered["id"] == ordered["signalid"]).all()
    last = stands if only else pl.col("signalid").is_last_distinct() & stands
    kept = ordered.select(last).to_series()
    # To filter copies every column: where all stands, as in a stream's first days, none is.
    return ordered if kept.all() else ordered.filter(kept)


def tombstones(rows: pl.DataFrame) -> pl.DataFrame:
    """Return what a reader of snapshots alone must forget: ids, no values."""
    ends = pl.col("op").is_in(["RETRACT", "ERASE"])
    columns = ("sequence", "signalid", "op", "reason", "recordedtime")
    if rows.select(ends.any()).item() is not True:
        return rows.clear().select(columns)
    return latest(rows.select(columns)).filter(ends)


def flat(current: pl.DataFrame) -> pl.DataFrame:
    """Return ``current`` for a spreadsheet: one cell per value, no cell a formula."""
    evidence = [
        pl.col("evidence")
        .list.eval(pl.element().struct.field(name).cast(pl.String))
        .list.unique(maintain_order=True)
        .list.join(" | ", ignore_nulls=True)
        .alias(name)
        for name in _FLAT_EVIDENCE
    ]
    ordered = current.sort("score", "signalid", descending=[True, False])
    return harmless(ordered.select(*_FLAT, *evidence))
