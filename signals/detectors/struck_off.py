"""A company is struck off the trade register (BODACC B)."""

from __future__ import annotations

import polars as pl

from signals.base import Confirms, Frames, Signal
from signals.detectors._bodacc import notices
from signals.detectors._registry import STRIKE_OFFS, notice_events

SIGNAL = Signal(
    code="struck_off",
    family="lifecycle",
    title_fr="Radiation du registre du commerce",
    title_en="Struck off the trade register",
    explanation_fr="La société n'existe plus au registre : ne plus prospecter.",
    explanation_en="The company is no longer registered: stop prospecting.",
    inputs=(STRIKE_OFFS,),
    rule_version="1.1",
    window_days=730,
    half_life_days=365,
    base_score=80,
    polarity="suppressor",
    # The cessation is declared within a month, the strike-off may wait for a liquidation to end.
    confirms=Confirms(code="company_closed", days=365, confidence=0.9),
    guards=(
        "A head office moved to another registry is struck off here and registered there: no end.",
        "The report of a strike-off by the registry undoes it.",
        "Where Sirene states the end, a year apart at most, it is a record of company_closed.",
        "A notice that another one annuls says nothing any more.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the companies that are really struck off."""
    other = pl.any_horizontal("moved_away", "reported").fill_null(value=False)
    return notice_events(
        notices(frames, STRIKE_OFFS).filter(other.not_()),
        SIGNAL,
        frames.today,
        key=[pl.col("date_parution").dt.year()],
        after={"ex_officio": pl.col("ex_officio")},
    )
