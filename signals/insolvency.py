"""In which state of insolvency a company is, or was, on a day.

Belongs here: what a series of judgments comes to: which of them opens, ends or cancels a state,
and how long a plan lasts. Does not belong here: reading a judgment (``assets/bodacc``), telling
its news (``detectors/insolvency_*.py``).

The last notice is not always the state: a plan ends by time without a notice, a milder judgment
within a liquidation does not end it, an appeal gives back what was before.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from signals.detectors._bodacc import corrected
from signals.events import folded

LIQUIDATION = "liquidation_judiciaire"
PROCEDURES = (LIQUIDATION, "redressement_judiciaire", "sauvegarde")
#: State → severity, from 0 (over) to 3 (the company ends, or has ended).
SEVERITY = {
    LIQUIDATION: 3,
    "insufficient_assets": 3,
    "redressement_judiciaire": 2,
    "cession": 2,
    "procedure_unknown": 2,
    "plan_resolved": 2,
    "sauvegarde": 1,
    "plan": 1,
    "closed": 0,
    "liabilities_cleared": 0,
}
#: States that end a procedure: what comes after begins another one.
ENDS = ("insufficient_assets", "liabilities_cleared", "closed")
#: States in which there is nobody left to sell to.
SILENT = (LIQUIDATION, "insufficient_assets")
#: The longest plan (Code de commerce, L626-12, L631-19; fifteen years for farmers only).
PLAN_YEARS = 10
#: Years after which a judgment that nothing followed says nothing of today (as search-infra does).
FORGOTTEN_YEARS = 10
CANCEL = "cancel"
SCHEMA = pl.Schema(
    {
        "siren": pl.String(),
        "state": pl.String(),
        "severity": pl.Int64(),
        "silences": pl.Boolean(),
        "sale_plan": pl.Boolean(),
        "since": pl.Date(),
        "until": pl.Date(),
        "notice_id": pl.String(),
        "jugement_nature": pl.String(),
        "url": pl.String(),
        "source_id": pl.String(),
    }
)
COLUMNS = {
    "siren": "The company / La société",
    "state": "State: procedure, plan, or how it ended / État : procédure, plan ou issue",
    "severity": "0 over, 1 safeguard or plan, 2 recovery, 3 liquidation / Gravité",
    "silences": "Nobody left to sell to / Ne plus prospecter",
    "sale_plan": "A sale of the business was ordered / Plan de cession arrêté",
    "since": "First day, of the judgment / Premier jour, celui du jugement",
    "until": "First day it no longer held, empty if it does / Premier jour où il ne vaut plus",
    "notice_id": "Notice of the judgment that began it / Annonce du jugement",
    "jugement_nature": "Nature of that judgment / Nature du jugement",
    "url": "Page of the notice / Page de l'annonce",
    "source_id": "Key of the version of the dataset / Clé de la version du jeu de données",
}


def periods(
    judgments: pl.LazyFrame, notices: pl.LazyFrame | None = None, *, known_on: date | None = None
) -> pl.LazyFrame:
    """Return the states of each company, one row for each ``[since, until[``.

    Args:
        judgments: rows of ``bodacc__insolvencies``.
        notices: rows of ``bodacc__notices``, which annul and rectify them.
        known_on: what was published later is left out, as if one asked on that day.

    Returns:
        Rows in :data:`SCHEMA` by company and day. A plan ends by itself after ten years;
        days without a row are days without a known state.
    """
    tables = [judgments] if notices is None else [judgments, notices]
    if known_on is not None:
        tables = [rows.filter(pl.col("date_parution") <= known_on) for rows in tables]
    gone = pl.concat([corrected(rows).select("notice_id") for rows in tables])
    told = tables[0].filter((pl.col("type_avis") == "annulation").fill_null(value=False).not_())
    return _runs(_uncancelled(_steps(told.join(gone, on="notice_id", how="anti"))))


def as_of(states: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Return the rows of :func:`periods` that hold on ``day``, at most one a company."""
    over = (pl.col("until") <= day).fill_null(value=False)
    return states.filter(pl.col("since") <= day, over.not_())


def standing_on(states: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Return the last state of each company begun by ``day``, one row each.

    ``silences`` is false for one that is over by then, or so old that it is to be forgotten: its
    company is free, which is not the same as having no row, where nothing is known.
    """
    begun = states.filter(pl.col("since") <= day).sort("siren", "since")
    last = begun.unique("siren", keep="last", maintain_order=True)
    over = (pl.col("until") <= day).fill_null(value=False)
    forgotten = pl.col("since").dt.offset_by(f"{FORGOTTEN_YEARS}y") <= day
    return last.with_columns(silences=pl.col("silences") & over.not_() & forgotten.not_())


def _steps(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the judgments that change something, with ``day`` and ``effect``, in order."""
    nature = folded(pl.col("jugement_nature")).fill_null("")
    begins = pl.col("stage").is_in(["opening", "conversion"])
    effect = (
        pl.when(nature.str.contains("RETRACTATION|INFIRMANT"))
        .then(pl.lit(CANCEL))
        .when(begins & pl.col("procedure").is_in(PROCEDURES))
        .then("procedure")
        .when(pl.col("stage") == "opening")
        .then(pl.lit("procedure_unknown"))
        .when(nature.str.contains("RESOLUTION DU PLAN"))
        .then(pl.lit("plan_resolved"))
        .when(pl.col("stage").is_in(["plan", "cession"]))
        .then("stage")
        .when(pl.col("stage") != "closure")
        .then(pl.lit(None, dtype=pl.String))
        .when(nature.str.contains("INSUFFISANCE D ACTIF", literal=True))
        .then(pl.lit("insufficient_assets"))
        .when(nature.str.contains("EXTINCTION DU PASSIF", literal=True))
        .then(pl.lit("liabilities_cleared"))
        .otherwise(pl.lit("closed"))
    )
    steps = rows.with_columns(day=pl.coalesce("jugement_date", "date_parution"), effect=effect)
    # On one day the harsher judgment comes last, and what cancels after what it cancels.
    weight = pl.col("effect").replace_strict({**SEVERITY, CANCEL: 9}, return_dtype=pl.Int64)
    return (
        steps.filter(pl.col("effect").is_not_null())
        .with_columns(_weight=weight)
        .sort("siren", "day", "_weight", "date_parution", "notice_id")
        # A notice published again is the same judgment.
        .unique(["siren", "day", "effect"], keep="first", maintain_order=True)
    )


def _uncancelled(steps: pl.LazyFrame) -> pl.LazyFrame:
    """Return the steps that no appeal or retraction takes back, nor these themselves.

    One that cites a notice cancels that one, another the judgment before it.
    """
    cancels = pl.col("effect") == CANCEL
    cited = steps.filter(cancels, pl.col("previous_notice_id").is_not_null()).select(
        notice_id="previous_notice_id"
    )
    left = steps.join(cited, on="notice_id", how="anti").filter(
        (cancels & pl.col("previous_notice_id").is_not_null()).not_()
    )
    following = pl.col("effect").shift(-1).over("siren")
    return left.filter(cancels.not_(), (following == CANCEL).fill_null(value=False).not_())


def _runs(steps: pl.LazyFrame) -> pl.LazyFrame:
    ends = pl.col("effect").is_in(ENDS)
    whole = ["siren", "_episode"]
    effect = pl.col("effect")
    known = pl.when(effect.is_in(PROCEDURES)).then(effect).forward_fill().over(whole)
    liquidated = (effect == LIQUIDATION).cum_sum().over(whole) > 0
    numbered = steps.with_columns(
        _episode=ends.cast(pl.Int64).cum_sum().over("siren") - ends.cast(pl.Int64)
    ).with_columns(
        state=pl.when(ends)
        .then(effect)
        # Within a liquidation a milder judgment does not end it.
        .when(liquidated)
        .then(pl.lit(LIQUIDATION))
        .when(effect == "cession")
        .then(pl.coalesce(known, pl.lit("cession")))
        .otherwise(effect),
        sale_plan=(effect == "cession").cum_sum().over(whole) > 0,
    )
    same = pl.all_horizontal(
        pl.col(name).eq_missing(pl.col(name).shift(1).over("siren"))
        for name in ("state", "_episode", "sale_plan")
    )
    begun = numbered.filter((same & (pl.int_range(pl.len()).over("siren") > 0)).not_())
    following = pl.col("day").shift(-1).over("siren")
    longest = pl.when(pl.col("state") == "plan").then(pl.col("day").dt.offset_by(f"{PLAN_YEARS}y"))
    return (
        begun.with_columns(until=pl.min_horizontal(following, longest))
        .with_columns(
            since="day",
            severity=pl.col("state").replace_strict(SEVERITY, return_dtype=pl.Int64),
            silences=pl.col("state").is_in(SILENT),
        )
        # Two states begun on one day: the last one is what the day left.
        .filter((pl.col("until") == pl.col("since")).fill_null(value=False).not_())
        .select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    )
