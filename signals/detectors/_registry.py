"""How detectors read the BODACC tables of filings, modifications, strike-offs and leases.

Belongs here: turning a standing notice about one company into an event. Does not belong here:
which notices stand (:mod:`signals.detectors._bodacc`), the rule of any one signal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._bodacc import CONFIDENCE, notices
from signals.events import Reading, events

ACCOUNTS = "bodacc__accounts"
MODIFICATIONS = "bodacc__modifications"
STRIKE_OFFS = "bodacc__strike_offs"
LEASES = "bodacc__leases"
_NO_TEXT = pl.lit(None, dtype=pl.String)


def modifications(frames: Frames, *flags: str) -> pl.LazyFrame:
    """Return the new notices that say that one of these matters changed."""
    told = pl.any_horizontal(pl.col(flag).fill_null(value=False) for flag in flags)
    return notices(frames, MODIFICATIONS).filter(told)


def notice_events(
    rows: pl.LazyFrame,
    signal: Signal,
    today: date,
    *,
    key: Sequence[pl.Expr],
    titles: tuple[pl.Expr, pl.Expr] | None = None,
    occurred: pl.Expr | None = None,
    counterparty: pl.Expr = _NO_TEXT,
    before: Mapping[str, pl.Expr] | None = None,
    after: Mapping[str, pl.Expr] | None = None,
    confidence: float = CONFIDENCE,
) -> pl.LazyFrame:
    """Return ``rows`` as events of their company, on the day of the notice unless ``occurred``."""
    french, english = titles or (pl.lit(signal.title_fr), pl.lit(signal.title_en))
    reading = Reading(
        siren=pl.col("siren"),
        name=pl.col("company_name"),
        counterparty=counterparty,
        key=key,
        occurred=pl.col("date_parution") if occurred is None else occurred,
        title_fr=french,
        title_en=english,
        before=before or {},
        after=after or {},
        url=pl.col("url"),
        company=pl.lit(True),
        confidence=confidence,
    )
    return events(rows, signal, today, reading)


def taking_effect() -> pl.Expr:
    """Return the day a modification takes effect, or that of its notice if that is not past."""
    effect, notice = pl.col("date_effet"), pl.col("date_parution")
    near = effect.is_between(notice.dt.offset_by("-180d"), notice)
    return pl.when(near).then(effect).otherwise(notice)
