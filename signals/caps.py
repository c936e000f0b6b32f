"""What an account is not told today, because it asked for fewer.

Belongs here: caps a day and cool-downs, over the new rows of one account's stream. Does not
belong here: the numbers (:mod:`signals.profile`), which rows are new
(:mod:`signals.feed.streams`).

Nothing is lost: what is held back stands in the table ``waiting`` with the reason, and is
asserted (reason ``held_back``) on the first day that has room for it, as long as it has not
expired. Only new opportunities and risks are counted. What silences a company, corrections,
retractions and erasures never wait. The best come first, by score, then by day and by id, so
that the same log gives the same choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from opendata.clock import PARIS
from signals.profile import Profile

WAITING_SCHEMA = pl.Schema(
    {
        "account_id": pl.String(),
        "signalid": pl.String(),
        "correlationid": pl.String(),
        "lead_id": pl.String(),
        "type": pl.String(),
        "time": pl.Date(),
        "expirytime": pl.Datetime("us", "UTC"),
        "why": pl.String(),
    }
)
_CODE = pl.col("type").str.split(".").list.get(-2)


def within(
    new: pl.DataFrame,
    published: pl.DataFrame,
    profile: Profile,
    silencing: frozenset[str],
    day: date,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of ``new`` that may be told on ``day``, and those that wait.

    Args:
        new: ASSERT rows with their ``score``.
        published: every row the stream ever had.
        profile: gives the caps.
        silencing: codes that never wait.
        day: legal date of the publication.

    Returns:
        Rows told, as in ``new``; rows in :data:`WAITING_SCHEMA`.
    """
    best = new.with_columns(_code=_CODE).sort(
        "score", "time", "signalid", descending=[True, True, False]
    )
    free = pl.col("_code").is_in(sorted(silencing))
    counted = best.filter(free.not_())
    told = _told(published, silencing)
    cooled, cooling = _cooled(counted, told, profile, day)
    today = told.filter(pl.col("_day") == day)
    per_kind = {
        code: policy.per_day
        for code, policy in profile.signals.items()
        if policy.per_day is not None
    }
    fewer, full_kind = _capped(cooled, today, per_kind)
    room = None if profile.per_day is None else max(profile.per_day - today.height, 0)
    kept = fewer if room is None else fewer.head(room)
    full_day = fewer.clear() if room is None else fewer.slice(room)
    reasons = {"cool_down": cooling, "cap_of_signal": full_kind, "cap_of_account": full_day}
    waiting = [rows.with_columns(why=pl.lit(reason)) for reason, rows in reasons.items()]
    return (
        pl.concat([best.filter(free), kept]).drop("_code"),
        pl.concat(waiting).select(WAITING_SCHEMA.names()).sort("signalid"),
    )


def _told(published: pl.DataFrame, silencing: frozenset[str]) -> pl.DataFrame:
    """Return lead, kind and legal day of every assertion that counts."""
    when = pl.col("recordedtime").dt.convert_time_zone(PARIS.key).dt.date()
    return published.filter(pl.col("op") == "ASSERT").select(
        "lead_id", _code=_CODE, _day=when
    ).filter(pl.col("_code").is_in(sorted(silencing)).not_())  # fmt: skip


def _cooled(
    rows: pl.DataFrame, told: pl.DataFrame, profile: Profile, day: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the rows into those whose lead is free to hear of the kind, and the others."""
    days = {code: one.cool_down_days for code, one in profile.signals.items() if one.cool_down_days}
    last = told.group_by("lead_id", "_code").agg(_last=pl.col("_day").max())
    joined = rows.join(last, on=["lead_id", "_code"], how="left", maintain_order="left")
    rest = pl.col("_code").replace_strict(days, default=0, return_dtype=pl.Int64)
    passed = (pl.lit(day) - pl.col("_last")).dt.total_days()
    first = pl.int_range(pl.len()).over("lead_id", "_code") == 0
    may = (rest == 0) | (first & (passed.is_null() | (passed >= rest)))
    marked = joined.with_columns(_may=may)
    yes, no = marked.filter("_may"), marked.filter(pl.col("_may").not_())
    return yes.drop("_may", "_last"), no.drop("_may", "_last")


def _capped(
    rows: pl.DataFrame, today: pl.DataFrame, per_kind: Mapping[str, int]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the rows into those within the cap of their kind, and the others."""
    used = today.group_by("_code").agg(_used=pl.len().cast(pl.Int64))
    joined = rows.join(used, on="_code", how="left", maintain_order="left")
    cap = pl.col("_code").replace_strict(per_kind, default=None, return_dtype=pl.Int64)
    place = pl.int_range(pl.len(), dtype=pl.Int64).over("_code") + pl.col("_used").fill_null(0)
    marked = joined.with_columns(_may=(place < cap).fill_null(True))
    yes, no = marked.filter("_may"), marked.filter(pl.col("_may").not_())
    return yes.drop("_may", "_used"), no.drop("_may", "_used")
