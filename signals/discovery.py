"""Companies that are nobody's lead of an account, fit what it wants, and have news.

Belongs here: which of them an account is shown, and in what order. Does not belong here:
the fit (:mod:`signals.fit`), the sum of a company's signals (:mod:`signals.lead_scores`).

Only legal persons that are active, diffusible and open to prospecting, whose fit is known,
and that nothing silences.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from opendata.clock import Clock
from signals.fit import FITS, Rating
from signals.lead_scores import lead_scores
from signals.scoring import actionable

DISCOVERY_SCHEMA = pl.Schema(
    {
        "account_id": pl.String(),
        "siren": pl.String(),
        "company_name": pl.String(),
        "departement": pl.String(),
        "activite_principale": pl.String(),
        "nomenclature_activite": pl.String(),
        "tranche_effectifs": pl.String(),
        "categorie_juridique": pl.String(),
        "score": pl.Float64(),
        "opportunity": pl.Float64(),
        "risk": pl.Float64(),
        "signals": pl.Int64(),
        "signalids": pl.List(pl.String()),
        "best_type": pl.String(),
        "best_title_fr": pl.String(),
        "best_title_en": pl.String(),
        "best_time": pl.Date(),
        "best_url": pl.String(),
        "best_source_id": pl.String(),
        "attribution": pl.String(),
        "profile_version": pl.String(),
        "as_of": pl.Date(),
    }
)


def discovered(
    standing: pl.DataFrame,
    companies: pl.DataFrame,
    rating: Rating,
    known: pl.DataFrame,
    *,
    account_id: str,
    types: pl.DataFrame,
    now: datetime,
    insolvency: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the companies an account is shown, best first, in :data:`DISCOVERY_SCHEMA`.

    Args:
        standing: the snapshot of the company stream, evidence filled.
        companies: what is known of them (:data:`signals.fit.COMPANY_SCHEMA`).
        rating: the account's profile and how companies fit it.
        known: ``siren`` of every company that is, or may be, a lead of the account.
        account_id: the tenant.
        types: catalogue of signals.
        now: instant at which freshness and expiry are taken.
        insolvency: state of each company on that day, as for a lead's score.
    """
    policy = rating.profile.discovery
    if policy is None:
        return DISCOVERY_SCHEMA.to_frame()
    open_to = pl.col("active") & pl.col("personne_morale") & pl.col("diffusible")
    fitting = rating.fits.filter(pl.col("fit") == FITS)
    chosen = (
        companies.filter(open_to)
        .join(fitting, on="siren", how="semi")
        .join(known, on="siren", how="anti")
    )
    of_company = pl.col("dataclassification") == "company"
    rows = standing.filter(of_company).join(chosen, on="siren", how="semi")
    rows = rows.with_columns(account_id=pl.lit(account_id), lead_id=pl.col("siren"))
    fresh = _fresh(rows, types, now, policy.fresh_days)
    rows = rows.join(fresh, on="siren", how="semi")
    scores = lead_scores(rows, types, now, rating=rating, insolvency=insolvency).filter(
        pl.col("suppressed_by").is_null(),
        pl.col("score") > 0,
        pl.col("score") >= policy.least_score,
    )
    scores = scores.sort("score", "siren", descending=[True, False]).head(policy.at_most)
    scores = scores.with_columns(_best=pl.col("signalids").list.first())
    shown = scores.join(chosen.drop("company_name"), on="siren", how="left", maintain_order="left")
    shown = shown.join(_described(rows), on="_best", how="left", maintain_order="left")
    names = companies.select("siren", "company_name")
    shown = shown.join(names, on="siren", how="left", maintain_order="left")
    return shown.select(pl.col(name).cast(kind) for name, kind in DISCOVERY_SCHEMA.items())


def _fresh(rows: pl.DataFrame, types: pl.DataFrame, now: datetime, days: int) -> pl.DataFrame:
    """Return the companies with an opportunity that is not older than ``days``."""
    earliest = Clock.at(now).today() - timedelta(days=days)
    told = rows.filter(actionable(now), pl.col("time") >= earliest)
    good = types.filter(pl.col("polarity") == "opportunity").select("type")
    return told.join(good, on="type", how="semi").select("siren").unique()


def _described(rows: pl.DataFrame) -> pl.DataFrame:
    first = pl.col("evidence").list.first().struct
    return rows.select(
        _best="signalid",
        best_type="type",
        best_title_fr="title_fr",
        best_title_en="title_en",
        best_time="time",
        best_url=first.field("url"),
        best_source_id=first.field("source_id"),
        attribution=first.field("attribution"),
    )
