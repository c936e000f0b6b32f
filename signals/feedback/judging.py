"""Whether what a platform says is about what it was given.

Belongs here: judging rows against the stream of their account, and offsets against its length.
Pure: frames in, frames out. Does not belong here: reading either.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import polars as pl

from signals.feedback.files import REFUSED_SCHEMA, Rows
from signals.segments import latest

#: A clock may be so much ahead; a later instant would win over every later row.
AHEAD = timedelta(hours=1)
#: Rules about rows of another account, which are counted apart: somebody mixes up tenants.
FOREIGN = "of_another_account"


def judged_feedback(
    said: Rows,
    told: pl.DataFrame,
    leads: pl.DataFrame,
    *,
    source: str,
    now: datetime,
    elsewhere: Collection[str] = (),
) -> Rows:
    """Return the rows about signals of this stream, with the lead, type and company of each.

    Args:
        said: rows of :class:`signals.feedback.contract.Feedback`.
        told: what the account's stream has said, columns of the contract of signals.
        leads: ``lead_id`` of the leads that the account has.
        source: URI of the account's stream.
        now: instant of the reading.
        elsewhere: ids of signals that other accounts were given.
    """
    known = latest(told).select(
        "signalid", "type", "siren", "lead_id", _erased=pl.col("op") == "ERASE"
    )
    rows = said.kept.join(
        known, left_on="signal_id", right_on="signalid", how="left", maintain_order="left"
    )
    unknown = pl.col("type").is_null()
    rules = {
        FOREIGN: (pl.col("source") != source)
        | (unknown & pl.col("signal_id").is_in(list(elsewhere))),
        "unknown_signal": unknown,
        "erased_signal": pl.col("_erased") | pl.col("lead_id").is_null(),
        "lead_gone": ~pl.col("lead_id").is_in(leads["lead_id"].to_list()),
        "at_in_the_future": pl.col("at") > pl.lit(now + AHEAD),
    }
    return _split(said, rows, rules, "_erased")


def judged_offsets(said: Rows, *, source: str, last: str, now: datetime) -> Rows:
    """Return the offsets of this stream.

    Args:
        said: rows of :class:`signals.feedback.contract.ConsumerOffset`.
        source: URI of the stream.
        last: its last sequence.
        now: instant of the reading.
    """
    rules = {
        FOREIGN: pl.col("source") != source,
        "sequence_beyond_the_stream": pl.col("sequence") > last,
        "at_in_the_future": pl.col("at") > pl.lit(now + AHEAD),
    }
    return _split(said, said.kept, rules)


def _split(said: Rows, rows: pl.DataFrame, rules: dict[str, pl.Expr], *helpers: str) -> Rows:
    first = pl.coalesce(pl.when(broken).then(pl.lit(name)) for name, broken in rules.items())
    rows = rows.with_columns(rule=first)
    refused = rows.drop_nulls("rule").select("line", "rule")
    return Rows(
        rows.filter(pl.col("rule").is_null()).drop("rule", *helpers),
        pl.concat([said.refused, refused.match_to_schema(REFUSED_SCHEMA)]).sort("line"),
    )
