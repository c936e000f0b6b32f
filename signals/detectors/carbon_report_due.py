"""A company of 500 people or more owes its next greenhouse gas balance this year (ADEME)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._beges import TABLE, report_events
from signals.events import none

UNITS = "sirene__legal_units"
#: Every four years for companies (Code de l'environnement, L229-25).
EVERY = 4
#: Bands of 500 employees and more (INSEE, tranches d'effectifs salariés).
BANDS = ("41", "42", "51", "52", "53")
SIGNAL = Signal(
    code="carbon_report_due",
    family="environment",
    title_fr="Bilan carbone à renouveler",
    title_en="Carbon report due",
    explanation_fr="Le bilan doit être refait cette année : besoin d'un cabinet et de données.",
    explanation_en="The balance has to be made again this year: need for advice and data.",
    inputs=(TABLE, UNITS),
    window_days=365,
    half_life_days=180,
    base_score=50,
    nature="inference",
    time_driven=True,
    time_precision="year",
    guards=(
        "Only its latest balance counts: a later one starts four new years.",
        "Only a company that Sirene has open, with 500 employees or more; an unknown band is no "
        "band.",
        "Told once, when the year begins; those already due on the baseline are not.",
    ),
)
CONFIDENCE = 0.6


def detect(frames: Frames) -> pl.LazyFrame:
    """Return companies whose latest balance describes the year four years before this one."""
    if not (frames.has(TABLE) and frames.has(UNITS)):
        return none()
    large = (
        frames.current(UNITS)
        .filter(pl.col("tranche_effectifs").is_in(BANDS), pl.col("etat_administratif") == "A")
        .select("siren")
    )
    latest = frames.current(TABLE).filter(pl.col("annee") == pl.col("annee").max().over("siren"))
    day = pl.date(pl.col("annee") + EVERY, 1, 1)
    due = latest.join(large, on="siren", how="semi").filter(
        day > pl.lit(frames.since(TABLE), dtype=pl.Date)
    )
    year = (pl.col("annee") + EVERY).cast(pl.String)
    titles = (
        pl.concat_str([pl.lit(SIGNAL.title_fr + " en "), year]),
        pl.concat_str([pl.lit(SIGNAL.title_en + " in "), year]),
    )
    return report_events(due, SIGNAL, frames.today, day, titles, CONFIDENCE)
