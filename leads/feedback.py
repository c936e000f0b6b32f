"""What customers said of signals about their leads.

Belongs here: the columns kept, which row holds, the counts. Does not belong here: the file of the
store (``leads.store``), what a platform sends (``signals.feedback``).

Rows are only added: what a customer said first stays beside what it said later. They go with
their lead.
"""

from __future__ import annotations

import polars as pl

FEEDBACK_SCHEMA = pl.Schema(
    {
        "account_id": pl.String(),
        "lead_id": pl.String(),
        "signal_id": pl.String(),
        "type": pl.String(),
        "status": pl.String(),
        "reason": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "received_on": pl.Date(),
    }
)
#: Instants are kept in UTC, without saying so.
_TYPES = {"at": "TIMESTAMP", "received_on": "DATE"}
#: What names a row: the same again is the same row.
KEY = ("account_id", "lead_id", "signal_id", "status", "reason", "at")
TABLE = (
    "CREATE TABLE IF NOT EXISTS feedback ("
    # Quoted: ``at`` is a word of the language.
    + ", ".join(f'"{name}" {_TYPES.get(name, "VARCHAR")}' for name in FEEDBACK_SCHEMA)
    + ")"
)
#: Of two rows of one instant the graver holds.
_GRAVITY = ("ignored", "handled", "wrong")
_SIGNAL = ("account_id", "signal_id")


def unknown(rows: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Return the ``rows`` that are not among ``kept``, each once."""
    fresh = rows.join(kept.select(KEY), on=KEY, how="anti", nulls_equal=True)
    return fresh.unique(KEY, keep="first", maintain_order=True)


def holding(feedback: pl.DataFrame) -> pl.DataFrame:
    """Return the row that holds of each signal: the latest."""
    gravity = pl.col("status").replace_strict(_GRAVITY, range(len(_GRAVITY)), return_dtype=pl.Int64)
    ordered = feedback.with_columns(_gravity=gravity).sort(
        *_SIGNAL, "at", "_gravity", "reason", nulls_last=False
    )
    return ordered.unique(_SIGNAL, keep="last", maintain_order=True).drop("_gravity")


def by_type(feedback: pl.DataFrame) -> pl.DataFrame:
    """Return per ``type`` how many signals are ``handled``, ``ignored``, ``wrong``, and the rate.

    ``wrong_rate`` is the share of the signals that somebody said something about.
    """
    held = holding(feedback)
    counts = held.group_by("type").agg(
        *((pl.col("status") == status).sum().cast(pl.Int64).alias(status) for status in _GRAVITY),
        judged=pl.len().cast(pl.Int64),
    )
    return counts.select(
        "type",
        "judged",
        "handled",
        "ignored",
        "wrong",
        wrong_rate=pl.col("wrong") / pl.col("judged"),
    ).sort("type")
