"""A collective agreement of a company ends within six months (ACCO)."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._acco import (
    TABLE,
    agreement_events,
    concluded,
    deposit,
    signed_on,
    topic,
)

AHEAD = timedelta(days=182)
SIGNAL = Signal(
    code="agreement_expiring",
    family="workforce",
    title_fr="Accord d'entreprise à renégocier",
    title_en="Company agreement to renegotiate",
    explanation_fr="Santé, prévoyance, épargne, télétravail : le contrat se rejoue bientôt.",
    explanation_en="Health, savings, telework: the contract is decided again before it ends.",
    inputs=(TABLE,),
    window_days=AHEAD.days,
    half_life_days=90,
    base_score=50,
    time_driven=True,
    guards=(
        "An agreement without term (2999-01-01) does not end.",
        "Not when the company signed another one on the same topic since.",
        "Only topics with a known one; job cuts are not renegotiated.",
        "Told once, when the last six months begin; those that had begun on the baseline are not.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return agreements in their last six months that no later one has followed.

    Dated by the day on which the last six months begin.
    """
    rows = frames.current(TABLE).filter(concluded()).with_columns(topic=topic(), signed=signed_on())
    day = pl.col("date_fin") - AHEAD
    ending = rows.filter(
        day > pl.lit(frames.since(TABLE), dtype=pl.Date),
        pl.col("topic").is_in(["other", "restructuring"]).not_(),
    )
    later = rows.select("siren", "topic", later=pl.col("signed"))
    followed = ending.join(later, on=["siren", "topic"]).filter(pl.col("later") > pl.col("signed"))
    left = ending.join(followed.select("agreement_id"), on="agreement_id", how="anti")
    titles = (
        pl.concat_str(
            [
                pl.lit(SIGNAL.title_fr + " avant le "),
                pl.col("date_fin").dt.strftime("%d/%m/%Y"),
                pl.lit(" : "),
                pl.col("themes").fill_null("thème non publié"),
            ]
        ),
        pl.concat_str(
            [
                pl.lit(SIGNAL.title_en + " before "),
                pl.col("date_fin").cast(pl.String),
                pl.lit(": "),
                pl.col("themes").fill_null("theme not published"),
            ]
        ),
    )
    return agreement_events(left, SIGNAL, frames.today, day, titles, deposit())
