"""How detectors read ``ratios__years``: a year of accounts beside the one before.

Belongs here: which two years may be compared. Does not belong here: thresholds of any one signal.

Of the kinds of accounts (consolidated, complete, simplified) only the same are compared, and of
each company the most comprehensive one that has both years.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from signals.base import Frames, Signal
from signals.events import Reading, euros, events

TABLE = "ratios__years"
#: Filed by the company, read from a form by machine; years in another unit were met.
CONFIDENCE = 0.85
#: A year ends 11 to 13 months after the one before.
SHORTEST, LONGEST = 330, 400
#: From one year to the next turnover does not change more: a unit was mistaken.
LOWEST_RATIO, HIGHEST_RATIO = 0.2, 5.0
#: The most comprehensive first.
KINDS = ("K", "C", "S")
_VALUES = ("chiffre_affaires_eur", "resultat_net_eur")


def compared(frames: Frames) -> pl.LazyFrame:
    """Return new or corrected years beside the one before, ``…_was`` being the values of that one.

    ``now`` and ``was`` are the turnovers, null unless both are known and in one unit. A year that
    repeats the turnover or the result of the year before was copied: it is left out.
    """
    new = frames.delta(TABLE).filter(pl.col("_op") != "removed")
    before = frames.current(TABLE).select(
        "siren",
        "type_bilan",
        before="date_cloture",
        **{f"{name}_was": pl.col(name) for name in _VALUES},
    )
    apart = (pl.col("date_cloture") - pl.col("before")).dt.total_days()
    pairs = new.join(before, on=["siren", "type_bilan"]).filter(
        apart.is_between(SHORTEST, LONGEST), _copied().not_()
    )
    rank = pl.col("type_bilan").replace_strict(
        {kind: place for place, kind in enumerate(KINDS)}, return_dtype=pl.Int64
    )
    best = (
        pairs.with_columns(rank=rank)
        .sort("siren", "date_cloture", "rank", "before", descending=[False, False, False, True])
        .unique(["siren", "date_cloture"], keep="first", maintain_order=True)
    )
    now, was = pl.col("chiffre_affaires_eur"), pl.col("chiffre_affaires_eur_was")
    usable = (now > 0) & (now / was).is_between(LOWEST_RATIO, HIGHEST_RATIO)
    return best.with_columns(
        now=pl.when(usable).then(now),
        was=pl.when(usable).then(was),
        result=pl.col("resultat_net_eur"),
        result_was=pl.col("resultat_net_eur_was"),
    )


def _copied() -> pl.Expr:
    repeated = [(pl.col(name) == pl.col(f"{name}_was")) & (pl.col(name) != 0) for name in _VALUES]
    return pl.any_horizontal(repeated).fill_null(value=False)


def year_events(
    rows: pl.LazyFrame, signal: Signal, today: date, *, titles: tuple[pl.Expr, pl.Expr]
) -> pl.LazyFrame:
    """Return ``rows`` of :func:`compared` as events of the closing day.

    Consolidated accounts are those of a group, hence of a legal person; the others do not tell.
    """
    consolidated = pl.col("type_bilan") == "K"

    def values(names: Mapping[str, str]) -> dict[str, pl.Expr]:
        return {name: pl.col(column) for name, column in names.items()}

    reading = Reading(
        siren=pl.col("siren"),
        key=[pl.col("date_cloture")],
        occurred=pl.col("date_cloture"),
        title_fr=titles[0],
        title_en=titles[1],
        before={
            "date_cloture": pl.col("before").cast(pl.String),
            **values({"chiffre_affaires_eur": "was", "resultat_net_eur": "result_was"}),
        },
        after={
            "date_cloture": pl.col("date_cloture").cast(pl.String),
            "type_bilan": pl.col("type_bilan"),
            **values({"chiffre_affaires_eur": "now", "resultat_net_eur": "result"}),
        },
        company=pl.when(consolidated).then(pl.lit(value=True)),
        confidence=CONFIDENCE,
    )
    return events(rows, signal, today, reading)


def turnover_titles(french: str, english: str) -> tuple[pl.Expr, pl.Expr]:
    """Return e.g. ``Chiffre d'affaires 2023 : +24 %, 12 M€``."""
    change = ((pl.col("now") / pl.col("was") - 1) * 100).round(0).cast(pl.Int64)
    signed = pl.when(change > 0).then(pl.lit("+")).otherwise(pl.lit("")) + change.cast(pl.String)
    year = pl.col("date_cloture").dt.year()
    now = pl.col("now")
    return (
        pl.concat_str(
            pl.lit(french), year, pl.lit(" : "), signed, pl.lit(" %, "), euros(now, french=True)
        ),
        pl.concat_str(
            pl.lit(english), year, pl.lit(": "), signed, pl.lit("%, "), euros(now, french=False)
        ),
    )


def result_titles(french: str, english: str) -> tuple[pl.Expr, pl.Expr]:
    """Return e.g. ``Perte en 2021 : 716 k€``."""
    year, amount = pl.col("date_cloture").dt.year(), pl.col("result").abs()
    return (
        pl.concat_str(pl.lit(french), year, pl.lit(" : "), euros(amount, french=True)),
        pl.concat_str(pl.lit(english), year, pl.lit(": "), euros(amount, french=False)),
    )
