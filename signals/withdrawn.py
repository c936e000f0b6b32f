"""Which signals no record supports any more.

Belongs here: events whose every record was annulled, rectified or taken back by its
publisher. Does not belong here: writing the retraction (:mod:`signals.log`), nor amending
a signal that another record still supports.
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
    standing = current.filter(pl.col("op").is_in(["ASSERT", "AMEND"]))
    records = exploded(standing).select("signalid", *_KEY)
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
        if new:
            taken = rows.filter(pl.col("_op") == "removed")
            found.append(taken.select(dataset, "record_key", reason=pl.lit("source_correction")))
    empty = pl.LazyFrame(schema=dict.fromkeys([*_KEY, "reason"], pl.String()))
    return pl.concat([empty, *found]).unique(_KEY, keep="first", maintain_order=True)


def _present(frames: Frames) -> pl.LazyFrame:
    """Return dataset_id and record_key of every record that its publisher still gives."""
    return pl.concat(
        [
            frames.current(name).select(
                pl.lit(name.split("__")[0]).alias("dataset_id"), "record_key"
            )
            for name in _tables(frames)
        ]
    ).unique()
