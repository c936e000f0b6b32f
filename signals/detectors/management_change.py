"""The management of a company changes (BODACC B); who comes or goes is neither said nor kept."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._registry import MODIFICATIONS, modifications, notice_events, taking_effect

SIGNAL = Signal(
    code="management_change",
    family="governance",
    title_fr="Changement de direction",
    title_en="Change of management",
    explanation_fr="L'administration change : nouveau décideur, fournisseurs remis en question.",
    explanation_en="Management changes: a new decision maker, suppliers called into question.",
    inputs=(MODIFICATIONS,),
    window_days=60,
    half_life_days=30,
    base_score=45,
    guards=(
        "No person is named: the notice gives the roster after the change, which is not read.",
        "A dissolution or a merger puts a liquidator in place: it is no change of management.",
        "One event a day and company: a notice published again is the same event.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return companies whose management changed and that go on."""
    ending = pl.any_horizontal("dissolution", "fusion", "transmission_universelle")
    changed = modifications(frames, "administration").filter(ending.fill_null(value=False).not_())
    return notice_events(
        changed,
        SIGNAL,
        frames.today,
        key=[taking_effect()],
        occurred=taking_effect(),
        after={"date_effet": pl.col("date_effet").cast(pl.String)},
    )
