"""Which signals no record supports any more.

Belongs here: events whose every record was annulled, rectified or taken back by its
publisher, save where the register forgets by design. Does not belong here: writing the
retraction (:mod:`signals.log`), nor amending a signal that another record still supports.
"""

from __future__ import annotations

from datetime import datetime
from typing import get_args

import polars as pl

from signals.amend import retractions
from signals.base import Frames
from signals.contract import SIGNAL_SCHEMA, Reason
from signals.detectors._bodacc import NOTICES, corrected
from signals.evidence import RECORD, exploded
from signals.registry import registry

_KEY = list(RECORD)
#: Column in which a table of notices names the record that a notice takes the place of.
CANCELS = "cancels"


def withdrawn(
    frames: Frames, current: pl.DataFrame, *, recorded: datetime, run_id: str
) -> pl.DataFrame:
    """Return a RETRACT row for each standing signal that has lost its last record.

    Args:
        frames: the tables, as given to :func:`signals.detect.detect_all`.
        current: the last row of each signal (:meth:`signals.log.SignalLog.current`).
        recorded: instant of the run, UTC.
        run_id: name of the run.

    Returns:
        Rows for :meth:`signals.log.SignalLog.append`. The reason is ``annulation`` or
        ``rectificatif`` where a notice says so, else ``source_correction``.
    """
    lasting = [one.signal.type for one in registry().values() if one.signal.register_forgets]
    standing = current.filter(
        pl.col("op").is_in(["ASSERT", "AMEND"]), pl.col("type").is_in(lasting).not_()
    )
    records = _own(standing).select("signalid", *_KEY)
    touched = records.join(_lost(frames, new=True).collect(), on=_KEY)
    if touched.is_empty():
        return SIGNAL_SCHEMA.to_frame()
    at_stake = records.join(touched, on="signalid", how="semi")
    gone = _lost(frames, new=False).select(_KEY).collect()
    kept = _present(frames).join(at_stake.lazy(), on=_KEY, how="semi").collect()
    alive = at_stake.join(kept, on=_KEY, how="semi").join(gone, on=_KEY, how="anti")
    lost = touched.join(alive, on="signalid", how="anti")
    rows = [
        retractions(
            standing,
            lost.filter(pl.col("reason") == reason)["signalid"].unique().to_list(),
            reason=reason,
            recorded=recorded,
            run_id=run_id,
        )
        for reason in get_args(Reason)
    ]
    return pl.concat(rows).sort("signalid", "reason").unique("signalid", keep="first")


def _own(standing: pl.DataFrame) -> pl.DataFrame:
    """Return the records that support each signal, not those that a confirming one lends it."""
    inputs = [
        (one.signal.type, dataset) for one in registry().values() for dataset in one.signal.datasets
    ]
    own = pl.DataFrame(inputs, schema={"type": pl.String, "dataset_id": pl.String}, orient="row")
    return exploded(standing).join(own, on=["type", "dataset_id"], how="semi")


def _tables(frames: Frames) -> list[str]:
    named = {name for one in registry().values() for name in one.signal.inputs}
    return sorted(name for name in named if frames.has(name))


def _lost(frames: Frames, *, new: bool) -> pl.LazyFrame:
    """Return dataset_id, record_key and reason of records corrected (or, if new, removed)."""
    found = []
    for name in dict.fromkeys([*_tables(frames), NOTICES]):
        if not frames.has(name):
            continue
        rows = frames.delta(name) if new else frames.current(name)
        dataset = pl.lit(name.split("__")[0]).alias("dataset_id")
        if name.startswith("bodacc__"):
            fixed = corrected(rows).select(dataset, "reason", record_key="notice_id")
            found.append(fixed.select(*_KEY, "reason"))
        if CANCELS in rows.collect_schema():
            found.append(cancelled(rows).select(dataset, "record_key", "reason"))
        if new:
            taken = rows.filter((pl.col("_op") == "removed") | taken_back(rows))
            found.append(taken.select(dataset, "record_key", reason=pl.lit("source_correction")))
    empty = pl.LazyFrame(schema=dict.fromkeys([*_KEY, "reason"], pl.String()))
    return pl.concat([empty, *found]).unique(_KEY, keep="first", maintain_order=True)


def cancelled(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return record_key and reason of the records that ``rows`` cancel by naming their key."""
    state = pl.col("etat").str.to_lowercase()
    reason = pl.when(state == "annulation").then(pl.lit("annulation"))
    return rows.filter(pl.col(CANCELS).is_not_null()).select(
        record_key=CANCELS, reason=reason.otherwise(pl.lit("rectificatif"))
    )


def _present(frames: Frames) -> pl.LazyFrame:
    """Return dataset_id and record_key of every record that its publisher still gives."""
    found = {name: frames.current(name) for name in _tables(frames)}
    return pl.concat(
        [
            rows.filter(taken_back(rows).not_()).select(
                pl.lit(name.split("__")[0]).alias("dataset_id"), "record_key"
            )
            for name, rows in found.items()
        ]
    ).unique()


def taken_back(rows: pl.LazyFrame) -> pl.Expr:
    """Return whether a row says nothing but that its publisher withdrew the record."""
    known = "withdrawn" in rows.collect_schema()
    return pl.col("withdrawn").fill_null(False) if known else pl.lit(False)
