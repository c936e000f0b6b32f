"""The share capital of a company changes (BODACC B).

The notice gives the capital after the change. Whether it went up or down is told by the capital
of the company's last notice before, where one is known.
"""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._registry import MODIFICATIONS, modifications, notice_events, taking_effect
from signals.events import euros

SIGNAL = Signal(
    code="capital_change",
    family="finance",
    title_fr="Modification du capital",
    title_en="Share capital changed",
    explanation_fr="Capital modifié : une hausse précède souvent un projet à financer.",
    explanation_en="Capital changed: an increase often comes before a project to be financed.",
    inputs=(MODIFICATIONS, "bodacc__registrations"),
    window_days=90,
    half_life_days=45,
    base_score=50,
    guards=(
        "The direction is told only against a capital published before; else it stays unknown.",
        "The same capital as before is no change: most notices repeat it.",
        "Capital in another currency is not compared.",
        "A dissolution brings the capital back to its partners: no project follows.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return companies whose capital is not what it was."""
    ending = pl.col("dissolution").fill_null(value=False)
    changed = modifications(frames, "capital").filter(ending.not_())
    known = [
        frames.current(table).select("siren", at="date_parution", was="capital_eur")
        for table in SIGNAL.inputs
        if frames.has(table)
    ]
    former = (
        changed.select("siren", "notice_id", "date_parution")
        .join(pl.concat(known).filter(pl.col("was") > 0), on="siren")
        .filter(pl.col("at") < pl.col("date_parution"))
        .sort("notice_id", "siren", "at", "was")
        .unique(["notice_id", "siren"], keep="last", maintain_order=True)
        .select("notice_id", "siren", "was")
    )
    now, was = pl.col("capital_eur"), pl.col("was")
    rows = changed.join(former, on=["notice_id", "siren"], how="left").filter(
        now.ne_missing(was) | was.is_null()
    )
    direction = pl.when(now > was).then(pl.lit("up")).when(now < was).then(pl.lit("down"))
    return notice_events(
        rows,
        SIGNAL,
        frames.today,
        key=[
            pl.coalesce(now.round(2).cast(pl.String), taking_effect().cast(pl.String)),
            taking_effect().dt.year(),
        ],
        occurred=taking_effect(),
        titles=(_title(direction, french=True), _title(direction, french=False)),
        before={"capital_eur": was},
        after={"capital_eur": now, "direction": direction},
    )


def _title(direction: pl.Expr, *, french: bool) -> pl.Expr:
    words = {
        "up": "Augmentation de capital" if french else "Share capital increased",
        "down": "Réduction de capital" if french else "Share capital reduced",
    }
    name = pl.lit(SIGNAL.title_fr if french else SIGNAL.title_en)
    told = direction.replace_strict(words, default=None, return_dtype=pl.String)
    amount = pl.lit(" : " if french else ": ") + euros(pl.col("capital_eur"), french=french)
    return pl.concat_str(pl.coalesce(told, name), amount.fill_null(""))
