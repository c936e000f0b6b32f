"""One event told by two sources under two names: one signal, the records of both.

Belongs here: what a signal that confirms another one (:class:`signals.base.Confirms`) lends
to it, and who is told when the second source comes. Does not belong here: sources that give
an event one name by themselves (:mod:`signals.detect` brings those together).

The result is the same whatever the order of arrival: what is lent is read from the tables as
they stand, not from what was told before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from signals.amend import retractions
from signals.base import Confirms, Frames
from signals.contract import CANDIDATE_SCHEMA, SCHEMA_VERSION, Reason
from signals.detect import detect_all
from signals.evidence import RECORD, exploded, gathered
from signals.registry import registry
from signals.scoring import scored
from signals.weights import weights

MERGED: Reason = "identity_merge"
_STANDS = pl.col("op").is_in(["ASSERT", "AMEND"])


@dataclass(frozen=True)
class Again:
    """The tables as if all that is known of some companies were new."""

    frames: Frames
    sirens: pl.Series

    @property
    def today(self) -> date:
        """Return the legal date of the run."""
        return self.frames.today

    def has(self, table: str) -> bool:
        """Return whether ``table`` has a current version."""
        return self.frames.has(table)

    def current(self, table: str) -> pl.LazyFrame:
        """Return all current rows of ``table``."""
        return self.frames.current(table)

    def delta(self, table: str) -> pl.LazyFrame:
        """Return the current rows of the companies, as new ones."""
        rows = self.frames.current(table).filter(pl.col("siren").is_in(self.sirens.implode()))
        return rows.with_columns(_op=pl.lit("added"))

    def past(self, table: str, steps: int) -> pl.LazyFrame:
        """Return the rows of an earlier version."""
        return self.frames.past(table, steps)

    def since(self, table: str) -> date | None:
        """Return the day of the last look."""
        return self.frames.since(table)


def confirming() -> dict[str, Confirms]:
    """Return what confirms another signal once both are known: code → whose, and how near."""
    found = {code: one.signal.confirms for code, one in registry().items()}
    return {code: confirms for code, confirms in found.items() if confirms is not None}


def merged(
    frames: Frames,
    known: pl.DataFrame,
    found: pl.DataFrame,
    gone: pl.DataFrame,
    *,
    recorded: datetime,
    run_id: str,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the candidates and the withdrawals once what confirms is told as evidence.

    A confirming signal that stands is retracted, one that does not is not asserted; its
    records join those of the signal that it confirms. If that one falls, it is told again.

    Args:
        frames: the tables, as given to :func:`signals.detect.detect_all`.
        known: the last row of each signal (:meth:`signals.log.SignalLog.current`).
        found: answer of :func:`signals.detect.detect_all`.
        gone: answer of :func:`signals.withdrawn.withdrawn`.
        recorded: instant of the run, UTC.
        run_id: name of the run.

    Returns:
        ``found`` and ``gone`` for :meth:`signals.log.SignalLog.append`.
    """
    kinds = confirming()
    standing = known.filter(_STANDS).join(gone, on="signalid", how="anti")
    concerned = _concerned(kinds, known, standing, found)
    if concerned.is_empty():
        return found, gone
    again = detect_all(
        Again(frames, concerned),
        recorded=recorded,
        run_id=run_id,
        detectors={code: registry()[code] for code in kinds},
    ).filter(pl.col("amends_only").not_())
    asserted = found.filter(pl.col("amends_only").not_())
    told = pl.concat([asserted, _as_candidates(standing, recorded, run_id)])
    links = _links(kinds, again, told.unique("signalid", keep="first", maintain_order=True))
    lent = _lent(again, links)
    kept = found.join(links, left_on="signalid", right_on="confirming", how="anti")
    restored = _restored(kinds, known, again, links, found)
    retired = retractions(
        standing, links["confirming"].to_list(), reason=MERGED, recorded=recorded, run_id=run_id
    )
    others = gone.join(retired, on="signalid", how="anti")
    replaced = links.join(retired, left_on="confirming", right_on="signalid", how="semi")
    enriched = _enriched(pl.concat([kept, restored]), told, lent, replaced["signalid"])
    base = pl.col("score_breakdown").str.json_path_match("$.base").cast(pl.Int64)
    rows = scored(enriched.with_columns(base_score=base), frames.today)
    ordered = rows.select(CANDIDATE_SCHEMA.names()).sort("time", "type", "subject", "signalid")
    return ordered, pl.concat([others, retired])


def _concerned(
    kinds: Mapping[str, Confirms], known: pl.DataFrame, standing: pl.DataFrame, found: pl.DataFrame
) -> pl.Series:
    """Return the companies of which something may confirm, be confirmed, or stand alone again."""
    targets = [_type(rule.code) for rule in kinds.values()]
    types = [*map(_type, kinds), *targets]
    new = found.filter(pl.col("type").is_in(types))
    fallen = known.filter(pl.col("type").is_in(targets)).join(standing, on="signalid", how="anti")
    return pl.concat([part["siren"] for part in (new, fallen)]).drop_nulls().unique().sort()


def _type(code: str) -> str:
    return registry()[code].signal.type


def _as_candidates(rows: pl.DataFrame, recorded: datetime, run_id: str) -> pl.DataFrame:
    """Return rows of the log as candidates that may only amend them."""
    return rows.with_columns(
        amends_only=pl.lit(value=True),
        recordedtime=pl.lit(recorded).cast(pl.Datetime("us", "UTC")),
        run_id=pl.lit(run_id),
        schema_version=pl.lit(SCHEMA_VERSION),
    ).select(CANDIDATE_SCHEMA.names())


def _links(kinds: Mapping[str, Confirms], again: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Return ``confirming``, then ``signalid`` and ``type`` of what it confirms, and ``sure``."""
    nobody = pl.DataFrame(
        schema=dict.fromkeys(("confirming", "signalid", "type"), pl.String) | {"sure": pl.Float64}
    )
    found = [nobody]
    for code, rule in kinds.items():
        small = again.filter(pl.col("type") == _type(code))
        great = told.filter(pl.col("type") == _type(rule.code))
        asked = {"counterparty_siren": rule.same_counterparty, "siret": rule.same_site}
        on = ["siren", *(name for name, same in asked.items() if same)]
        apart = (pl.col("time") - pl.col("_time")).abs() <= timedelta(days=rule.days)
        pairs = small.select(*on, "time", confirming="signalid").join(
            great.select(*on, "signalid", "type", _time="time"), on=on
        )
        found.append(
            pairs.filter(apart).select(
                "confirming", "signalid", "type", sure=pl.lit(rule.confidence, dtype=pl.Float64)
            )
        )
    return pl.concat(found)


def _lent(again: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Return the records that confirm, one row per signal and record."""
    records = exploded(again).drop("type").rename({"signalid": "confirming"})
    lent = links.join(records, on="confirming")
    # Paired by company and time: a record is less sure of this event than of its own.
    humble = pl.min_horizontal("confidence", "sure")
    return lent.with_columns(confidence=humble).drop("confirming", "sure")


def _restored(
    kinds: Mapping[str, Confirms],
    known: pl.DataFrame,
    again: pl.DataFrame,
    links: pl.DataFrame,
    found: pl.DataFrame,
) -> pl.DataFrame:
    """Return what confirmed a signal that fell, and confirms no other: it is told by itself."""
    alone = again.join(links, left_on="signalid", right_on="confirming", how="anti").join(
        found, on="signalid", how="anti"
    )
    merged_before = known.filter(pl.col("op") == "RETRACT", pl.col("reason") == MERGED)
    lent_before = exploded(
        known.filter(pl.col("type").is_in([_type(rule.code) for rule in kinds.values()]))
    ).select(RECORD)
    of_fallen = exploded(alone.join(known, on="signalid", how="anti")).join(
        lent_before, on=list(RECORD), how="semi"
    )
    back = pl.concat([merged_before.select("signalid"), of_fallen.select("signalid")]).unique()
    return alone.join(back, on="signalid", how="semi").with_columns(reason=pl.lit(MERGED))


def _enriched(
    found: pl.DataFrame, told: pl.DataFrame, lent: pl.DataFrame, replacing: pl.Series
) -> pl.DataFrame:
    """Return the candidates with what is lent to them, and those signals that gain by it."""
    gaining = told.join(lent, on="signalid", how="semi").join(found, on="signalid", how="anti")
    gaining = gaining.unique("signalid", keep="first", maintain_order=True)
    rows = pl.concat([found, gaining])
    records = pl.concat([exploded(rows), lent.select(exploded(rows).columns)])
    evidence = gathered(records, weights().source_precedence)
    again = pl.col("signalid").is_in(replacing.implode())
    return (
        rows.drop("evidence", "confidence")
        .join(evidence, on="signalid")
        .with_columns(reason=pl.when(again).then(pl.lit(MERGED)).otherwise("reason"))
    )
