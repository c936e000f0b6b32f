"""Which signals a contradiction between two registers concerns, and how sure that leaves them.

Belongs here: pairing signals with contradictions as ``contradictions.yml`` says (``left``,
``right``), the confidence that is left, and the rows that tell it of signals told before. Does
not belong here: finding contradictions (:mod:`signals.contradictions`), confidence from evidence
(:mod:`signals.evidence`).

What a signal is doubted for stands in ``contradicted_by`` of its ``score_breakdown``. Confidence is
always made anew from the evidence, so that it is the same whatever came first, and whole again
once the registers agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from opendata.clock import Clock
from signals.amend import followed, renamed
from signals.contract import SIGNAL_SCHEMA, Reason
from signals.disagreement import rules
from signals.evidence import exploded, gathered
from signals.registry import registry
from signals.scoring import DOUBTED, doubted_for, scored
from signals.weights import weights

CONTRADICTED: Reason = "contradicted"
AGREED: Reason = "source_correction"
_STANDS = pl.col("op").is_in(["ASSERT", "AMEND"])
_SEPARATOR = ", "


@dataclass(frozen=True)
class Doubts:
    """What the registers contradict each other on, as one run sees it.

    Attributes:
        contradictions: columns of :func:`signals.disagreement.schema`.
        recorded: instant of the run, UTC.
        run_id: name of the run.
    """

    contradictions: pl.DataFrame
    recorded: datetime
    run_id: str


def weighed(new: pl.DataFrame, known: pl.DataFrame, doubts: Doubts) -> pl.DataFrame:
    """Return the rows a run adds to the log, doubted as the registers say.

    Args:
        new: ASSERT, AMEND, RETRACT rows of the run, their confidence that of the evidence.
        known: the last row of each signal before.
        doubts: the contradictions that stand.

    Returns:
        ``new``, and an AMEND row for each other signal still of use about which the registers
        began or ceased to contradict each other. Given again, it has nothing to add.
    """
    told = new.filter(_STANDS)
    fresh = pl.col("expirytime") > pl.lit(doubts.recorded).cast(pl.Datetime("us", "UTC"))
    others = known.filter(_STANDS, fresh).join(new, on="signalid", how="anti")
    about = concerned(pl.concat([told, others]), doubts.contradictions)
    changed = _changed(others, about, doubts)
    day = Clock.at(doubts.recorded).today()
    lowered = [
        _scored(_lowered(told, about), day).select(SIGNAL_SCHEMA.names()),
        renamed(_scored(_lowered(_whole(changed), about), day)),
    ]
    return pl.concat([new.filter(_STANDS.not_()), *lowered])


def concerned(rows: pl.DataFrame, contradictions: pl.DataFrame) -> pl.DataFrame:
    """Return ``signalid``, ``doubted_for`` (kinds, in order) and the share of confidence left.

    The register on the left is doubted in every signal of the given codes about the company
    (and the establishment, where both name one), that on the right only in those that rest on
    the very record.
    """
    pairs = pl.DataFrame(
        [
            (kind, registry()[code].signal.type, side, rule.confidence)
            for kind, rule in rules().kinds.items()
            for side in ("left", "right")
            for code in getattr(rule, side)
        ],
        schema={"kind": pl.String, "type": pl.String, "side": pl.String, "share": pl.Float64},
        orient="row",
    )
    said = contradictions.select(
        "kind", "siren", "right_record_key", _siret="siret",
        _dataset=pl.col("right_field").str.extract(r"^(.*?)__"),
    ).join(pairs, on="kind")  # fmt: skip
    same_site = (pl.col("siret") == pl.col("_siret")).fill_null(value=True)
    left = rows.join(said.filter(side="left"), on=["siren", "type"]).filter(same_site)
    right = exploded(rows).join(
        said.filter(side="right"),
        left_on=["type", "dataset_id", "record_key"],
        right_on=["type", "_dataset", "right_record_key"],
    )
    wanted = ["signalid", "kind", "share"]
    found = pl.concat([left.select(wanted), right.select(wanted)]).unique(["signalid", "kind"])
    return (
        found.sort("signalid", "kind")
        .group_by("signalid", maintain_order=True)
        .agg(doubted_for=pl.col("kind").str.join(_SEPARATOR), share=pl.col("share").product())
    )


def _changed(others: pl.DataFrame, about: pl.DataFrame, doubts: Doubts) -> pl.DataFrame:
    """Return the signals whose doubts are not those told, as their own successors."""
    then, now = doubted_for(pl.col("score_breakdown")), pl.col("doubted_for")
    rows = others.join(about.drop("share"), on="signalid", how="left").filter(then.ne_missing(now))
    more = now.fill_null("").str.split(_SEPARATOR).list.set_difference(
        then.fill_null("").str.split(_SEPARATOR)
    )  # fmt: skip
    worse = now.is_not_null() & (more.list.len() > 0)
    told = followed(rows, "AMEND", "", doubts.recorded, doubts.run_id)
    why = pl.when(worse).then(pl.lit(CONTRADICTED)).otherwise(pl.lit(AGREED))
    return told.with_columns(reason=why).select(SIGNAL_SCHEMA.names())


def _whole(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with the confidence that their evidence gives."""
    sure = gathered(exploded(rows), weights().source_precedence).select("signalid", "confidence")
    return rows.drop("confidence").join(sure, on="signalid")


def _lowered(rows: pl.DataFrame, about: pl.DataFrame) -> pl.DataFrame:
    share = pl.col("share").fill_null(1.0)
    return (
        rows.join(about, on="signalid", how="left", maintain_order="left")
        .with_columns(confidence=(pl.col("confidence") * share).round(4))
        .rename({"doubted_for": DOUBTED})
    )


def _scored(rows: pl.DataFrame, day: date) -> pl.DataFrame:
    base = pl.col("score_breakdown").str.json_path_match("$.base").cast(pl.Int64)
    return scored(rows.with_columns(base_score=base), day)
