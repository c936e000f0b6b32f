"""What the log said on the word of versions that were rolled back.

Belongs here: the rows that take it back. A signal returns to what it was before those
versions spoke; one that they alone support is retracted, and may be asserted again by the
same record later, for its publisher never annulled it. Does not belong here: moving
versions (:mod:`opendata.retention`), records that a publisher withdrew
(:mod:`signals.withdrawn`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import polars as pl

from opendata.clock import Clock
from signals.amend import followed, renamed
from signals.contract import SIGNAL_SCHEMA, Reason
from signals.evidence import exploded, gathered
from signals.scoring import DOUBTED, scored
from signals.segments import latest
from signals.weights import weights

REASON: Reason = "rollback"
_STANDS = pl.col("op").is_in(["ASSERT", "AMEND"])


def taken_back(
    rows: pl.DataFrame, withdrawn: Collection[str], *, recorded: datetime, run_id: str
) -> pl.DataFrame:
    """Return the AMEND and RETRACT rows that undo what ``withdrawn`` versions said.

    Args:
        rows: every row of the log (:meth:`signals.log.SignalLog.rows`).
        withdrawn: ``source_id`` of the versions rolled back.
        recorded: instant of the rollback, UTC.
        run_id: name of the run.

    Returns:
        Rows for :meth:`signals.log.SignalLog.append`; none when they were given before.
    """
    spoken = pl.element().struct.field("source_id").is_in(sorted(withdrawn))
    cites = pl.col("evidence").list.eval(spoken).list.any()
    touched = latest(rows).filter(_STANDS, cites)
    if touched.is_empty():
        return SIGNAL_SCHEMA.to_frame()
    untouched = rows.filter(cites.not_()).join(touched, on="signalid", how="semi")
    then = latest(untouched)
    before = then.filter(_STANDS)
    # What was already withdrawn then is withdrawn again, whatever else supports it.
    supported = touched.join(then.filter(_STANDS.not_()), on="signalid", how="anti")
    left = exploded(pl.concat([before, supported])).filter(
        pl.col("source_id").is_in(sorted(withdrawn)).not_()
    )
    evidence = gathered(left, weights().source_precedence)
    shown = pl.concat([before, supported.join(before, on="signalid", how="anti")])
    restored = (
        shown.drop("evidence", "confidence", "id")
        .join(evidence, on="signalid")
        .join(touched.select("signalid", "id"), on="signalid")
        .select(SIGNAL_SCHEMA.names())
    )
    gone = touched.join(restored, on="signalid", how="anti")
    base = pl.col("score_breakdown").str.json_path_match("$.base").cast(pl.Int64)
    amended = followed(restored, "AMEND", REASON, recorded, run_id).with_columns(
        # The confidence is that of the evidence; the next run says what is doubted.
        pl.lit(None, dtype=pl.String).alias(DOUBTED),
        base_score=base,
    )
    return pl.concat(
        [
            renamed(scored(amended, Clock.at(recorded).today())),
            renamed(followed(gone, "RETRACT", REASON, recorded, run_id)),
        ]
    )
