"""How detectors read ``sirene_changes``: one row per change between two states of Sirene.

Belongs here: the parts of an event that every change gives in the same way. Does not
belong here: the rule of any one signal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from signals.base import Frames, Signal
from signals.events import Reading, events

TABLE = "sirene_changes"
#: Insee dates and publishes by month; the extremes of a month are one share of the doubt.
CONFIDENCE = 0.95
PAGE = "https://annuaire-entreprises.data.gouv.fr/entreprise/"


def changes(frames: Frames, *kinds: str) -> pl.LazyFrame:
    """Return the new changes of these kinds."""
    rows = frames.delta(TABLE)
    return rows.filter(pl.col("_op") != "removed", pl.col("change").is_in(kinds))


def known_changes(frames: Frames, *kinds: str) -> pl.LazyFrame:
    """Return all changes of these kinds, new or not."""
    return frames.current(TABLE).filter(pl.col("change").is_in(kinds))


def sites_of(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return both ends of each change as one column ``siret``, for anti-joins."""
    ends = [rows.select(siret=pl.col(name)) for name in ("siret", "other_siret")]
    return pl.concat(ends).drop_nulls().unique()


def without_units(rows: pl.LazyFrame, frames: Frames, kind: str, *, days: int) -> pl.LazyFrame:
    """Return ``rows`` but those of a company with a change ``kind`` at most ``days`` apart."""
    other = known_changes(frames, kind).select("siren", pl.col("occurred_at").alias("_other"))
    gap = (pl.col("occurred_at") - pl.col("_other")).abs() <= timedelta(days=days)
    close = rows.select("siren", "siret", "occurred_at").join(other, on="siren").filter(gap)
    return rows.join(close, on=["siren", "siret", "occurred_at"], how="anti", nulls_equal=True)


def change_events(
    rows: pl.LazyFrame,
    signal: Signal,
    today: date,
    *,
    key: Sequence[pl.Expr],
    title_fr: pl.Expr,
    title_en: pl.Expr,
    after: Mapping[str, pl.Expr],
    before: Mapping[str, pl.Expr] | None = None,
    **parts: Any,
) -> pl.LazyFrame:
    """Return ``rows`` of ``sirene_changes`` as events; ``parts`` replaces other readings."""
    reading: dict[str, Any] = {
        "siren": pl.col("siren"),
        "siret": pl.col("siret"),
        "name": pl.col("nom_complet"),
        "occurred": pl.col("occurred_at"),
        "url": pl.lit(PAGE) + pl.col("siren"),
        "departement": pl.col("departement"),
        "company": pl.col("personne_morale"),
        "prospecting_allowed": pl.col("prospecting_allowed"),
        "mass_operation": pl.col("is_mass_operation"),
        "confidence": CONFIDENCE,
    }
    return events(
        rows,
        signal,
        today,
        Reading(
            key=key,
            title_fr=title_fr,
            title_en=title_en,
            after=after,
            before=before or {},
            **{**reading, **parts},
        ),
    )
