"""A company that used to file its accounts has not filed the next ones (BODACC C).

The accounts of a year are due within a few months of its end. Ten months after the end of the
year that follows the last one filed, with no notice of a filing, they are late.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._bodacc import standing
from signals.detectors._registry import ACCOUNTS, STRIKE_OFFS, notice_events
from signals.events import none

SIGNAL = Signal(
    code="late_accounts",
    family="finance",
    title_fr="Comptes annuels en retard",
    title_en="Annual accounts late",
    explanation_fr="Aucun dépôt dix mois après la clôture : difficulté possible, à surveiller.",
    explanation_en="No filing ten months after the year's end: possible trouble, to be watched.",
    inputs=(ACCOUNTS,),
    window_days=180,
    half_life_days=90,
    base_score=40,
    polarity="risk",
    nature="inference",
    time_driven=True,
    guards=(
        "Only companies seen filing before; a year may be lengthened: an inference.",
        "Only while notices of accounts keep coming: silence of the source is no lateness.",
        "Companies struck off, in liquidation or ceased no longer file.",
        "Told once, when the date passes: the dates that passed before are not news.",
    ),
)
#: From the end of the last year filed: the next year, and ten months.
DUE = "22mo"
CONFIDENCE = 0.6
#: Bulletin C comes out on working days.
SILENCE = timedelta(days=15)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the companies whose last filed year ended 22 months ago: a year, and ten months."""
    since = frames.since(ACCOUNTS)
    filed = standing(frames.current(ACCOUNTS), frames, ACCOUNTS)
    newest = filed.select(pl.col("date_parution").max()).collect().item()
    if since is None or newest is None or newest < frames.today - SILENCE:
        return none()
    late_on = pl.col("date_cloture").dt.offset_by(DUE)
    last = (
        filed.filter(pl.col("date_cloture").is_not_null())
        .sort("siren", "date_cloture", "notice_id")
        .unique("siren", keep="last", maintain_order=True)
        .with_columns(late_on=late_on)
        .filter(pl.col("late_on").is_between(pl.lit(since), pl.lit(frames.today), closed="right"))
    )
    due = pl.col("date_cloture").dt.offset_by("1y")
    return notice_events(
        last.join(_gone(frames), on="siren", how="anti"),
        SIGNAL,
        frames.today,
        key=[due],
        occurred=pl.col("late_on"),
        before={"last_filed": pl.col("date_cloture").cast(pl.String)},
        after={"expected": due.cast(pl.String)},
        confidence=CONFIDENCE,
    )


def _gone(frames: Frames) -> pl.LazyFrame:
    """Return siren of those who are not expected to file."""
    parts = [pl.LazyFrame(schema={"siren": pl.String})]
    if frames.has(STRIKE_OFFS):
        parts.append(standing(frames.current(STRIKE_OFFS), frames, STRIKE_OFFS).select("siren"))
    if frames.has("bodacc__insolvencies"):
        judged = frames.current("bodacc__insolvencies")
        liquidated = pl.col("procedure") == "liquidation_judiciaire"
        parts.append(judged.filter(liquidated).select("siren"))
    if frames.has("sirene__legal_units"):
        units = frames.current("sirene__legal_units")
        parts.append(units.filter(pl.col("etat_administratif") == "C").select("siren"))
    return pl.concat(parts).unique()
