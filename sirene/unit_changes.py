"""Changes of legal units: creation, closing, reactivation, and values of their own.

Belongs here: what a difference between two states of one unit means. Does not belong
here: head offices (``moves.py``) and establishments (``site_changes.py``).

Every rule needs full diffusion on both sides: what was or is masked is not compared, and
a unit that enters or leaves the public file by an opposition has not changed.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from sirene.drafts import draft
from sirene.names import MASK, core_key, full_key, glued_key
from sirene.policy import ColumnPolicy, Limits, policy

OPEN = "O"
ACTIVE = "A"


def diffused() -> pl.Expr:
    """Tell which units are fully diffused now and, if they were known, were so before."""
    before = (pl.col("statut_diffusion_before") == OPEN).fill_null(False)
    return (pl.col("statut_diffusion") == OPEN) & (before | ~pl.col("known"))


def became(state: str) -> pl.Expr:
    """Tell which known units or establishments came to ``state``."""
    before = pl.col("etat_administratif_before")
    return (pl.col("etat_administratif") == state) & before.is_not_null() & (before != state)


def recent(day: pl.Expr, observed_at: date, days: int, limits: Limits) -> pl.Expr:
    """Tell which dates are at most ``days`` back, and not absurdly far ahead."""
    return day.is_between(
        observed_at - timedelta(days=days), observed_at + timedelta(days=limits.future_days)
    )


def unit_changes(units: pl.DataFrame, observed_at: date) -> pl.DataFrame:
    """Return the changes of units as drafts.

    Args:
        units: ``Difference.units``.
        observed_at: date of the later state.
    """
    seen = units.filter(diffused())
    limits = policy().limits
    created = seen.filter(
        ~pl.col("known"),
        pl.col("etat_administratif") == ACTIVE,
        recent(pl.col("date_creation"), observed_at, limits.unit_created_days, limits),
    )
    # Closed on the day it was created: INSEE cancels a registration made by mistake or twice.
    cancelled = (pl.col("date_debut") <= pl.col("date_creation")).fill_null(False)
    closed = seen.filter(became("C"), ~cancelled)
    reactivated = seen.filter(became(ACTIVE))
    return pl.concat(
        [
            _of_state(created, "unit_created", pl.col("date_creation")),
            _of_state(closed, "unit_closed", pl.col("date_debut")),
            _of_state(reactivated, "unit_reactivated", pl.col("date_debut")),
            *(_value_changes(seen, name, rule) for name, rule in policy().unit_events.items()),
        ]
    )


def _of_state(rows: pl.DataFrame, change: str, occurred_at: pl.Expr) -> pl.DataFrame:
    state = "etat_administratif"
    return draft(
        rows,
        change,
        column=state,
        before=pl.col(f"{state}_before"),
        after=pl.col(state),
        occurred_at=occurred_at,
    )


def new_period() -> pl.Expr:
    """Tell where the register opened a new period; unknown dates are given the benefit."""
    return (pl.col("date_debut") != pl.col("date_debut_before")).fill_null(True)


def _comparable(column: str, rule: ColumnPolicy) -> pl.Expr:
    """Return what two values of ``column`` are compared by; null compares with nothing."""
    value = pl.col(column)
    if rule.kind == "name":
        return glued_key(core_key(full_key(value)))
    return pl.when(~value.is_in([MASK, "", *rule.unknown])).then(value)


def _value_changes(seen: pl.DataFrame, column: str, rule: ColumnPolicy) -> pl.DataFrame:
    """Return the differences of one column of units that were and are active."""
    compares = new_period() if rule.year is None else _later_year(rule.year)
    if rule.same:
        compares &= (pl.col(rule.same) == pl.col(f"{rule.same}_before")).fill_null(False)
    changed = seen.filter(
        pl.col("etat_administratif") == ACTIVE,
        pl.col("etat_administratif_before") == ACTIVE,
        compares,
        pl.col(column) != pl.col(f"{column}_before"),
    ).filter(_comparable(column, rule) != _comparable(f"{column}_before", rule))
    return draft(
        changed,
        str(rule.change),
        column=column,
        before=pl.col(f"{column}_before"),
        after=pl.col(column),
        # The register says the year, the state of its last day is what it counts.
        occurred_at=pl.col("date_debut") if rule.year is None else pl.date(rule.year, 12, 31),
    )


def _later_year(column: str) -> pl.Expr:
    """Tell where a refreshed value is of a later year; within one year it is corrected."""
    return (pl.col(column) > pl.col(f"{column}_before")).fill_null(False)
