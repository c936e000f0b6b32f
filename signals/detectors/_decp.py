"""How detectors read ``decp__awards``: one row per contract and winner, latest version.

Belongs here: what several contract-based rules share. Does not belong here: thresholds
of any one signal.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from signals.base import Frames, Signal
from signals.events import NO_TEXT, Reading, euros, events, folded, plausible_amount, titled

TABLE = "decp__awards"
#: Buyers type these records themselves.
CONFIDENCE = 0.9


def awards(frames: Frames) -> pl.LazyFrame:
    """Return new or corrected awards to identified companies, with ``amount`` and ``share``.

    Each winner of a joint award carries the full amount: ``share`` divides it. Both are
    null where the amount is a placeholder, in k€, or absurd.
    """
    return usable(frames.delta(TABLE).filter(pl.col("_op") != "removed"))


def usable(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the awards to identified companies, with ``amount``, ``share`` and ``framework``."""
    return rows.filter(pl.col("titulaire_siren").str.contains(r"^\d{9}$")).with_columns(
        amount=plausible_amount(pl.col("montant_eur")),
        share=plausible_amount(pl.col("montant_eur")) / pl.col("winners").clip(lower_bound=1),
        framework=is_framework(pl.col("nature")),
    )


def is_framework(nature: pl.Expr) -> pl.Expr:
    """Return whether the amount is the ceiling of a framework agreement, not revenue."""
    return folded(nature).str.contains("ACCORD CADRE", literal=True).fill_null(False)


def award_events(
    rows: pl.LazyFrame,
    signal: Signal,
    today: date,
    key: pl.Expr | None = None,
    *,
    occurred: pl.Expr | None = None,
    amends_only: pl.Expr | None = None,
    titles: tuple[pl.Expr, pl.Expr] | None = None,
    before: Mapping[str, pl.Expr] | None = None,
    more: Mapping[str, pl.Expr] | None = None,
    url: pl.Expr | None = None,
    confidence: float = CONFIDENCE,
) -> pl.LazyFrame:
    """Return ``rows`` of :func:`awards` as events named by the contract unless by ``key``.

    They happened when the contract was first notified unless ``occurred``; ``more`` is added to
    what is known after.
    """
    amount = pl.when(pl.col("framework").not_()).then(pl.col("share"))
    reading = Reading(
        siren=pl.col("titulaire_siren"),
        siret=pl.when(pl.col("titulaire_id").str.contains(r"^\d{14}$")).then("titulaire_id"),
        name=pl.col("titulaire_nom"),
        counterparty=pl.when(pl.col("acheteur_id").str.contains(r"^\d{14}$")).then(
            pl.col("acheteur_id").str.head(9)
        ),
        key=[pl.col("uid") if key is None else key],
        # A modification carries its own notification: the contract was won with the first.
        occurred=pl.col("date_premiere_notification") if occurred is None else occurred,
        title_fr=titled(signal.title_fr, euros(amount, french=True), ", ")
        if titles is None
        else titles[0],
        title_en=titled(signal.title_en, euros(amount, french=False), ", ")
        if titles is None
        else titles[1],
        before=before or {},
        after={
            "uid": pl.col("uid"),
            "acheteur_nom": pl.col("acheteur_nom"),
            "code_cpv": pl.col("code_cpv"),
            "nature": pl.col("nature"),
            "montant_eur": pl.col("amount"),
            "winners": pl.col("winners"),
            "duree_mois": pl.col("duree_mois"),
            **(more or {}),
        },
        url=NO_TEXT if url is None else url,
        departement=pl.col("titulaire_departement"),
        amends_only=pl.col("_op") == "modified" if amends_only is None else amends_only,
        confidence=confidence,
    )
    return events(rows, signal, today, reading)
