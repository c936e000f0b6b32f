"""A public contract comes to its end: the time to bid for the next one (DECP).

The end is the first notification and the months of the version in force. The window opens nine
months before it and closes two months before, when the next contract is mostly under way.
"""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._decp import TABLE, award_events, awards, usable
from signals.events import none

SIGNAL = Signal(
    code="contract_renewal_window",
    family="procurement",
    title_fr="Marché public bientôt à renouveler",
    title_en="Public contract due for renewal",
    explanation_fr="Le titulaire doit répondre à nouveau : moyens, partenaires, sous-traitants.",
    explanation_en="The incumbent must bid again: means, partners, subcontractors.",
    inputs=(TABLE,),
    window_days=210,
    half_life_days=90,
    base_score=55,
    nature="inference",
    time_driven=True,
    real_example="SOCIETE GIENNOISE D ASSAINISSEMENT (306001637), 2020-05-04, contract "
    "24450021100127201920231802300",
    guards=(
        "Works are built once: contracts of works (CPV 45) are not renewed.",
        "Shorter than six months is a one-off, longer than ten years a typing error.",
        "Told once, when the window opens: windows already open at the first look are not news.",
        "A contract prolonged since has its window later.",
    ),
)
OPENS, CLOSES = "-9mo", "-2mo"
SHORTEST, LONGEST = 6, 120
CONFIDENCE = 0.6


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the contracts that end in nine to two months, when that comes true or is learned."""
    since = frames.since(TABLE)
    if since is None:
        return none()
    fresh = awards(frames).filter(pl.col("_op") == "added").select("uid", "titulaire_id")
    end = pl.col("date_premiere_notification").dt.offset_by(
        pl.concat_str(pl.col("duree_mois"), pl.lit("mo"))
    )
    works = pl.col("code_cpv").str.starts_with("45").fill_null(value=False)
    built = (pl.col("type_marche") == "Travaux").fill_null(value=False)
    running = (
        usable(frames.current(TABLE))
        .filter(pl.col("duree_mois").is_between(SHORTEST, LONGEST), (works | built).not_())
        .with_columns(end=end)
        .with_columns(opened=pl.col("end").dt.offset_by(OPENS), _op=pl.lit("added"))
        .filter(pl.col("end").dt.offset_by(CLOSES) >= pl.lit(frames.today))
    )
    just_opened = running.filter(pl.col("opened") > pl.lit(since))
    just_known = running.join(fresh, on=["uid", "titulaire_id"], how="semi")
    day = pl.col("end").dt.strftime("%d/%m/%Y")
    return award_events(
        pl.concat([just_opened, just_known]).unique(["uid", "titulaire_id"]),
        SIGNAL,
        frames.today,
        pl.concat_str("uid", pl.lit("|"), "end"),
        occurred=pl.col("opened"),
        titles=(
            pl.lit("Marché public à renouveler avant le ") + day,
            pl.lit("Public contract to be renewed by ") + pl.col("end").cast(pl.String),
        ),
        more={"end": pl.col("end").cast(pl.String)},
        confidence=CONFIDENCE,
    )
