"""What is new about what is already known.

Belongs here: comparing candidates with the last row of each signal, as whole columns, and
the rows that follow: assertions, amendments, retractions, erasures. Does not belong here:
numbering and storing them (:mod:`signals.log`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import polars as pl

from signals.contract import SIGNAL_SCHEMA, Reason
from signals.evidence import PAYLOAD, exploded, gathered, overrides
from signals.identity import hashed
from signals.scoring import DOUBTED, scored

#: Taken from the record whose values are shown, but no change by themselves.
_FOLLOWING = ("expirytime", "half_life_days", "rule_version")
_NO_TEXT = pl.lit(None, dtype=pl.String)
ERASED = "erased"


def assertions(known: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return the candidates never seen before, as ASSERT rows."""
    fresh = candidates.filter(pl.col("amends_only").not_())
    fresh = fresh.join(known, on="signalid", how="anti")
    return fresh.with_columns(
        id=pl.col("signalid"), op=pl.lit("ASSERT"), supersedes=_NO_TEXT
    ).select(SIGNAL_SCHEMA.names())


def amendments(
    known: pl.DataFrame, candidates: pl.DataFrame, precedence: Sequence[str], day: datetime
) -> pl.DataFrame:
    """Return one row per known signal about which the candidates say something new.

    New is a record not seen before (``corroborated``), or other values from a record that
    speaks over the one shown (``source_correction``, ``rule_change``). A retracted signal
    comes back only with a new record, or with any if it was retracted by a rollback or because
    it only confirmed another one, for then no record was annulled; an erased one never does.
    """
    both = known.filter(pl.col("op") != "ERASE").join(candidates, on="signalid", suffix="_new")
    mine = both.select("signalid", "type", "evidence")
    theirs = both.select("signalid", "type", evidence="evidence_new")
    merged = gathered(pl.concat([exploded(mine), exploded(theirs)]), precedence)
    rows = both.join(
        merged.rename({"evidence": "evidence_all", "confidence": "confidence_all"}), on="signalid"
    )
    speaks = overrides(precedence, known="", candidate="_new")
    rows = rows.with_columns(_speaks=speaks, _base=_base_score())
    changed = [
        pl.col("_speaks") & pl.col(name).ne_missing(pl.col(f"{name}_new")) for name in PAYLOAD
    ]
    rows = rows.with_columns(
        _changed=pl.any_horizontal(changed),
        _grown=pl.col("evidence_all").list.len() > pl.col("evidence").list.len(),
        _more_sources=_datasets("evidence_all") > _datasets("evidence"),
    )
    gone = pl.col("op") == "RETRACT"
    rolled_back = gone & pl.col("reason").eq_missing(pl.lit("rollback"))
    absorbed = pl.col("reason").eq_missing(pl.lit("identity_merge"))
    back = rolled_back | (gone & absorbed)
    rows = rows.filter(pl.col("_grown") | back | (gone.not_() & pl.col("_changed")))
    reason = (
        pl.when(rolled_back)
        .then(pl.lit("source_correction"))
        .when(gone & absorbed)
        .then(pl.lit("identity_merge"))
        .when(gone)
        .then(pl.lit("rectificatif"))
        .when(pl.col("_more_sources"))
        .then(pl.lit("corroborated"))
        .when(pl.col("_changed") & (pl.col("rule_version") != pl.col("rule_version_new")))
        .then(pl.lit("rule_change"))
        .when(pl.col("_changed"))
        .then(pl.lit("source_correction"))
        .otherwise(pl.lit("corroborated"))
    )
    new = rows.with_columns(
        *(
            pl.when(pl.col("_speaks")).then(f"{name}_new").otherwise(name).alias(name)
            for name in (*PAYLOAD, *_FOLLOWING)
        ),
        reason=reason,
        op=pl.when(gone).then(pl.lit("ASSERT")).otherwise(pl.lit("AMEND")),
        supersedes=pl.col("id"),
        evidence=pl.col("evidence_all"),
        confidence=pl.col("confidence_all"),
        base_score=pl.col("_base"),
        # The confidence is that of the evidence again; whoever compares registers lowers it.
        **{DOUBTED: _NO_TEXT},
        **{name: pl.col(f"{name}_new") for name in ("recordedtime", "run_id", "schema_version")},
    )
    return renamed(scored(new, day.date()))


def retractions(
    known: pl.DataFrame,
    signalids: Collection[str],
    *,
    reason: Reason,
    recorded: datetime,
    run_id: str,
) -> pl.DataFrame:
    """Return a RETRACT row for each of ``signalids`` that still stands."""
    standing = known.filter(
        pl.col("signalid").is_in(list(signalids)), pl.col("op").is_in(["ASSERT", "AMEND"])
    )
    return renamed(followed(standing, "RETRACT", reason, recorded, run_id))


def erasures(
    known: pl.DataFrame, named: pl.Expr, *, reason: Reason, recorded: datetime, run_id: str
) -> pl.DataFrame:
    """Return an ERASE row, without values, for each signal that is ``named``."""
    gone = known.filter(named, pl.col("op") != "ERASE")
    return renamed(blank(followed(gone, "ERASE", reason, recorded, run_id), reason))


def about(sirens: Collection[str], sirets: Collection[str] = ()) -> pl.Expr:
    """Return whether a row names one of ``sirens``, in any role, or one of ``sirets``."""
    wanted = {"siren": sirens, "counterparty_siren": sirens, "siret": sirets}
    return pl.any_horizontal(
        pl.col(name).is_in(list(numbers)).fill_null(False) for name, numbers in wanted.items()
    )


def closed_to_prospecting(
    known: pl.DataFrame, named: pl.Expr, *, recorded: datetime, run_id: str
) -> pl.DataFrame:
    """Return an AMEND row that closes to prospecting each standing signal that is ``named``."""
    standing = known.filter(
        named, pl.col("op").is_in(["ASSERT", "AMEND"]), pl.col("prospecting_allowed")
    )
    amended = followed(standing, "AMEND", "opposition", recorded, run_id)
    return renamed(amended.with_columns(prospecting_allowed=pl.lit(False)))


def blank(rows: pl.DataFrame, reason: str | None) -> pl.DataFrame:
    """Return ``rows`` as ERASE rows: ids, type and place in the stream, and nothing else."""
    empty = ("before", "after", "siren", "siret", "counterparty_siren", "company_name")
    return rows.with_columns(
        *(_NO_TEXT.alias(name) for name in (*empty, "departement", "lead_id", "match_id")),
        op=pl.lit("ERASE"),
        reason=pl.lit(reason, dtype=pl.String),
        subject=pl.lit(ERASED),
        title_fr=pl.lit(""),
        title_en=pl.lit(""),
        score=pl.lit(0.0),
        score_breakdown=pl.lit("{}"),
        match_reasons=pl.lit(None, dtype=pl.List(pl.String)),
        evidence=pl.col("evidence").list.head(0),
        prospecting_allowed=pl.lit(False),
    )


def followed(
    rows: pl.DataFrame, op: str, reason: str, recorded: datetime, run_id: str
) -> pl.DataFrame:
    """Return ``rows`` as their own successors with another ``op``."""
    return rows.with_columns(
        op=pl.lit(op),
        reason=pl.lit(reason, dtype=pl.String),
        supersedes=pl.col("id"),
        recordedtime=pl.lit(recorded).cast(pl.Datetime("us", "UTC")),
        run_id=pl.lit(run_id),
    )


def renamed(rows: pl.DataFrame) -> pl.DataFrame:
    """Return ``rows`` with the ``id`` that follows from what they supersede and say."""
    said = pl.struct(*PAYLOAD, _records()).struct.json_encode()
    named = rows.with_columns(_said=said).with_columns(id=hashed(["supersedes", "op", "_said"]))
    return named.select(SIGNAL_SCHEMA.names())


def _records() -> pl.Expr:
    key = pl.element().struct
    pair = pl.concat_str([key.field("dataset_id"), key.field("record_key")], separator=" ")
    return pl.col("evidence").list.eval(pair).alias("records")


def _datasets(column: str) -> pl.Expr:
    return pl.col(column).list.eval(pl.element().struct.field("dataset_id")).list.n_unique()


def _base_score() -> pl.Expr:
    return pl.col("score_breakdown_new").str.json_path_match("$.base").cast(pl.Int64)
