"""A public contract is extended: more money or more months by a modification (DECP)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._decp import award_events, awards
from signals.events import euros, plausible_amount, titled

SIGNAL = Signal(
    code="contract_extension",
    family="procurement",
    title_fr="Marché public prolongé ou augmenté",
    title_en="Public contract extended",
    explanation_fr="Avenant : plus de travail que prévu, moyens à renforcer.",
    explanation_en="Amendment: more work than planned, means to be reinforced.",
    inputs=("decp__awards",),
    window_days=120,
    half_life_days=45,
    base_score=50,
    real_example="LABASTERE 64 (494177249), 2024-11-26, contract 21400296600015202403TX03",
    guards=(
        "A version notified on the day of the award corrects it: no extension.",
        "More than twice the first amount is the total typed in the place of a lot, not an "
        "amendment: one may add half at most (art. R. 2194-3 of the public procurement code).",
        "A placeholder, thousand-euro or absurd amount is not compared.",
        "Fewer months and less money are no extension.",
    ),
)
#: What an amount may have become in all.
HIGHEST_RATIO = 2.0


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the awards whose version in force has more money or more months than the first."""
    first = plausible_amount(pl.col("montant_initial_eur"))
    now, was = pl.col("amount"), pl.col("was")
    months, months_was = pl.col("duree_mois"), pl.col("duree_initiale_mois")
    larger = ((now > was) & (now <= HIGHEST_RATIO * was)).fill_null(value=False)
    same = (now <= HIGHEST_RATIO * was).fill_null(value=True)
    longer = ((months > months_was) & same).fill_null(value=False)
    extended = (
        awards(frames)
        .with_columns(was=first)
        .filter(pl.col("date_notification") > pl.col("date_premiere_notification"), larger | longer)
    )
    added = pl.when(larger).then(now - was)
    return award_events(
        extended,
        SIGNAL,
        frames.today,
        pl.concat_str("uid", pl.lit("|"), "date_notification"),
        occurred=pl.col("date_notification"),
        # A later version is how an extension shows: it announces, and a correction amends.
        amends_only=pl.lit(value=False),
        titles=(
            titled(SIGNAL.title_fr, euros(added, french=True), ", + "),
            titled(SIGNAL.title_en, euros(added, french=False), ", + "),
        ),
        before={"montant_eur": was, "duree_mois": months_was},
        more={"modifications": pl.col("modifications")},
    )
