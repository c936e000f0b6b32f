"""A buyer publishes a call for tenders (BOAMP)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.events import Reading, events
from signals.withdrawn import cancelled

TABLE = "boamp__notices"
SIGNAL = Signal(
    code="tender_published",
    family="procurement",
    title_fr="Appel d'offres publié",
    title_en="Call for tenders published",
    explanation_fr="L'acheteur cherche un fournisseur, avec une date limite de réponse.",
    explanation_en="The buyer looks for a supplier, and says by when to answer.",
    inputs=(TABLE,),
    window_days=60,
    half_life_days=20,
    base_score=50,
    real_example="COMMUNE DE SOISY-SOUS-MONTMORENCY (219505989), 2025-11-07, BOAMP 25-123573",
    guards=(
        "Only a call whose deadline is still to come; an absurd deadline (7017) is unknown.",
        "Only a buyer identified by a valid SIRET: an internal identifier is none.",
        "The procedure names it: a correction of the call is the same event.",
        "A call that another notice cancels says nothing any more.",
    ),
)
CALL = "APPEL_OFFRE"
CONFIDENCE = 0.95


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the new calls that stand and can still be answered."""
    new = frames.delta(TABLE).filter(pl.col("_op") != "removed")
    withdrawn = cancelled(
        frames.current(TABLE).filter(pl.col("etat").ne_missing("RECTIFICATIF"))
    ).select("record_key")
    calls = new.filter(
        pl.col("nature") == CALL,
        pl.col("etat").ne_missing("ANNULATION"),
        pl.col("date_limite") >= pl.lit(frames.today),
    ).join(withdrawn, on="record_key", how="anti")
    until = pl.col("date_limite")
    reading = Reading(
        siren=pl.col("acheteur_siren"),
        siret=pl.col("acheteur_siret"),
        name=pl.col("acheteur_nom"),
        key=[pl.coalesce("dossier", "idweb")],
        occurred=pl.col("date_parution"),
        title_fr=pl.lit("Appel d'offres, réponse avant le ") + until.dt.strftime("%d/%m/%Y"),
        title_en=pl.lit("Call for tenders, answer by ") + until.cast(pl.String),
        after={
            "idweb": pl.col("idweb"),
            "date_limite": until.cast(pl.String),
            "code_cpv": pl.col("code_cpv"),
            "type_marche": pl.col("type_marche"),
        },
        url=pl.col("url"),
        departement=pl.col("departement"),
        # Who awards public contracts is a body under public law or a company, never a person.
        company=pl.lit(value=True),
        confidence=CONFIDENCE,
    )
    return events(calls, SIGNAL, frames.today, reading)
