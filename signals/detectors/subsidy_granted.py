"""A company is granted public money (ADEME, register of de minimis aid, local authorities)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._grants import TABLES, grants
from signals.events import Reading, euros, events, plausible_amount, titled

SIGNAL = Signal(
    code="subsidy_granted",
    family="funding",
    title_fr="Aide publique accordée",
    title_en="Public grant",
    explanation_fr="Un projet est financé : achats, travaux et études à engager dans l'année.",
    explanation_en="A project is funded: purchases, works and studies within the year.",
    inputs=TABLES,
    window_days=180,
    half_life_days=60,
    base_score=60,
    register_forgets=True,
    guards=(
        "Named by day and amount, not by a register's record: the same grant in two registers is "
        "one event with two pieces of evidence.",
        "From 1,000 euros: below, or without an amount, it funds no project.",
        "Dated by the agreement, within 180 days: old grants published late are not news.",
        "The correction of a grant published before amends, it never announces.",
        "A grant that leaves a register of the last three years is not taken back.",
    ),
)
CONFIDENCE = 0.9


def detect(frames: Frames) -> pl.LazyFrame:
    """Return new grants of 1,000 euros or more to identified companies.

    Two grants of the same amount to one company on one day are told as one.
    """
    amount = plausible_amount(pl.col("montant_eur"))
    rows = grants(frames).with_columns(amount=amount).filter(pl.col("amount").is_not_null())
    reading = Reading(
        siren=pl.col("siren"),
        siret=pl.col("siret"),
        name=pl.col("nom_beneficiaire"),
        # Registers round differently, to the cent or to the euro.
        key=[pl.col("date_octroi"), pl.col("amount").round(0).cast(pl.Int64)],
        occurred=pl.col("date_octroi"),
        title_fr=titled(SIGNAL.title_fr, euros(pl.col("amount"), french=True), ", "),
        title_en=titled(SIGNAL.title_en, euros(pl.col("amount"), french=False), ", "),
        after={
            "attribuant": pl.col("attribuant"),
            "montant_eur": pl.col("amount"),
            "objet": pl.col("objet"),
            "dispositif": pl.col("dispositif"),
        },
        amends_only=pl.col("_op") == "modified",
        confidence=CONFIDENCE,
    )
    return events(rows, SIGNAL, frames.today, reading)
