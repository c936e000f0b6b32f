"""How a lead stands, all its signals together.

Belongs here: the diminishing sum, what risk takes off, and what silences a company
altogether. The numbers are in ``weights.yml`` and in the profile of the account. Does not
belong here: the score of one signal (:mod:`signals.scoring`).
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from opendata.clock import Clock
from signals.fit import Rating
from signals.insolvency import SCHEMA
from signals.scoring import actionable, scored
from signals.weights import Condition, LeadWeights, Weights, weights

LEAD_SCORE_SCHEMA = pl.Schema(
    {
        "account_id": pl.String(),
        "lead_id": pl.String(),
        "siren": pl.String(),
        "score": pl.Float64(),
        "opportunity": pl.Float64(),
        "risk": pl.Float64(),
        "suppressed_by": pl.String(),
        "fit": pl.String(),
        "profile_version": pl.String(),
        "signals": pl.Int64(),
        "signalids": pl.List(pl.String()),
        "score_breakdown": pl.String(),
        "as_of": pl.Date(),
    }
)
_LEAD = ("account_id", "lead_id", "siren")
#: Where the notices are that ``suppressed_by`` names when no signal of the lead speaks of them.
NOTICES = "bodacc"


def lead_scores(
    rows: pl.DataFrame,
    types: pl.DataFrame,
    now: datetime,
    how: Weights | None = None,
    rating: Rating | None = None,
    insolvency: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return one row per lead and company, best first.

    Args:
        rows: the current signals of an account (:mod:`signals.feed.current`).
        types: catalogue of signals, for code and polarity.
        now: instant at which freshness and expiry are taken.
        how: the weights; the project's by default.
        rating: the account's profile and how companies fit it, if it has one.
        insolvency: state of each company on that day (:func:`signals.insolvency.standing_on`);
            a company without a row there is judged by its signals alone.

    Returns:
        Rows in :data:`LEAD_SCORE_SCHEMA`. ``score`` is 0 where ``suppressed_by`` names
        the signal or the notice that silences the company; ``signalids`` go from best to least.
    """
    used = weights() if how is None else how
    day = Clock.at(now).today()
    kinds = types.select("type", "code", "polarity")
    standing = rows.filter(actionable(now)).join(kinds, on="type", how="left")
    base = pl.col("score_breakdown").str.json_path_match("$.base").cast(pl.Int64)
    standing = standing.with_columns(base_score=base)
    if rating is None:
        fresh = scored(standing, day).with_columns(fit=pl.lit(None, dtype=pl.String))
    else:
        fresh = scored(rating.rated(standing), day, rating.factors())
    fresh = fresh.sort(*_LEAD, "score", "signalid", descending=[False] * 3 + [True, False])
    opportunity = _summed(fresh, pl.col("polarity") == "opportunity", "opportunity", used.lead)
    risk = _summed(fresh, pl.col("polarity") == "risk", "risk", used.lead)
    leads = fresh.group_by(_LEAD, maintain_order=True).agg(
        signals=pl.len().cast(pl.Int64), signalids=pl.col("signalid"), fit=pl.col("fit").first()
    )
    states = SCHEMA.to_frame() if insolvency is None else insolvency
    for part in (opportunity, risk, _silencers(fresh, used, states)):
        leads = leads.join(part, on=_LEAD, how="left")
    leads = leads.join(_shown(states), on="siren", how="left")
    return (
        _weighed(leads, used.lead)
        .with_columns(
            as_of=pl.lit(day),
            profile_version=pl.lit(None if rating is None else rating.profile.version),
        )
        .select(pl.col(name).cast(kind) for name, kind in LEAD_SCORE_SCHEMA.items())
    )


def _summed(rows: pl.DataFrame, which: pl.Expr, name: str, how: LeadWeights) -> pl.DataFrame:
    place = pl.int_range(pl.len()).over(_LEAD)
    share = pl.lit(how.diminishing).pow(place)
    total = (pl.col("score") * pl.col("_share")).sum().clip(upper_bound=how.maximum).round(1)
    chosen = rows.filter(which).with_columns(_share=share)
    return chosen.group_by(_LEAD, maintain_order=True).agg(total.alias(name))


def _weighed(leads: pl.DataFrame, how: LeadWeights) -> pl.DataFrame:
    filled = leads.with_columns(pl.col("opportunity", "risk").fill_null(0.0))
    net = (pl.col("opportunity") - how.risk_weight * pl.col("risk")).clip(0, how.maximum).round(1)
    breakdown = pl.struct(
        "opportunity",
        "risk",
        "suppressed_by",
        "insolvency",
        risk_weight=pl.lit(how.risk_weight),
        diminishing=pl.lit(how.diminishing),
    )
    return filled.with_columns(
        score=pl.when(pl.col("suppressed_by").is_null()).then(net).otherwise(0.0),
        score_breakdown=breakdown.struct.json_encode(),
    ).sort("score", *_LEAD, descending=[True, False, False, False])


def _shown(states: pl.DataFrame) -> pl.DataFrame:
    """Return what the breakdown says of the state of a company."""
    said = pl.struct("state", "severity", "silences", "since", "until", "notice_id")
    return states.select("siren", insolvency=said)


def _silencers(rows: pl.DataFrame, how: Weights, states: pl.DataFrame) -> pl.DataFrame:
    """Return what silences each lead: its latest signal that nothing lifts, else a judgment.

    The state of the company on the day overrules signals that speak of that state: it knows of
    closures, plans and appeals, whatever the window of a signal.
    """
    ended = states.filter(pl.col("silences")).select(
        "siren",
        time="since",
        suppressed_by=pl.lit(f"{NOTICES}:") + pl.col("notice_id"),
        _by_signal=pl.lit(value=False),
    )
    free = states.filter(pl.col("silences").not_()).select("siren")
    leads = rows.select(_LEAD).unique(maintain_order=True)
    silent = [leads.join(ended, on="siren").select(*_LEAD, "time", "suppressed_by", "_by_signal")]
    for rule in how.suppressors:
        raised = rows.filter(_meets(rule)).select(
            *_LEAD, "time", suppressed_by="signalid", _by_signal=pl.lit(value=True)
        )
        if rule.state is not None:
            raised = raised.join(free, on="siren", how="anti")
        lifts = rows.filter(pl.any_horizontal([pl.lit(False), *map(_meets, rule.lifted_by)]))
        last = lifts.group_by(_LEAD).agg(_lifted=pl.col("time").max())
        still = raised.join(last, on=_LEAD, how="left")
        silent.append(
            still.filter((pl.col("_lifted") >= pl.col("time")).fill_null(False).not_()).drop(
                "_lifted"
            )
        )
    found = pl.concat(silent).sort(*_LEAD, "_by_signal", "time", "suppressed_by")
    return found.unique(_LEAD, keep="last", maintain_order=True).drop("time", "_by_signal")


def _meets(condition: Condition) -> pl.Expr:
    """Return whether a row is the signal of ``condition`` with its values in ``after``."""
    said = [
        (pl.col("after").str.json_path_match(f"$.{name}") == value).fill_null(False)
        for name, value in condition.when.items()
    ]
    return pl.all_horizontal(pl.col("code") == condition.signal, *said)
