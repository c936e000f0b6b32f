"""Mass operations: days on which INSEE re-coded or closed in bulk, not companies by themselves.

Belongs here: telling such days from busy ones. Does not belong here: what to do about
them; the rows stay, labelled. The thresholds are data (``column_policy.yml``).
"""

from __future__ import annotations

import polars as pl

from sirene.policy import MassOperation


def is_mass_operation(rows: pl.DataFrame, rule: MassOperation) -> pl.Series:
    """Tell for each row whether its day is a mass operation of its kind of change.

    A day counts as one when it holds more rows of one change than the floor and than so
    many times the median of all days of that change. Days that companies choose themselves
    (1 January, 31 December …) need more; what is published once a year for all is none.
    Rows without a date are counted as one day.

    Args:
        rows: with ``change`` and ``occurred_at``.
        rule: the thresholds.
    """
    day = pl.col("occurred_at").dt.strftime("%m-%d").is_in(list(rule.peak_days)).fill_null(False)
    peak = day & pl.col("change").is_in(list(rule.peak_changes))
    factor = pl.when(peak).then(rule.peak_factor).otherwise(rule.factor)
    days = (
        rows.group_by("change", "occurred_at")
        .len("rows")
        .with_columns(pl.col("rows").median().over("change").alias("median"))
        .with_columns(
            (
                (pl.col("rows") > rule.floor)
                & (pl.col("rows") > factor * pl.col("median"))
                & pl.col("change").is_in(list(rule.yearly_changes)).not_()
            ).alias("is_mass_operation")
        )
    )
    return rows.join(
        days,
        on=["change", "occurred_at"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )["is_mass_operation"]
