"""Every rule over the tables of one run, as candidates for the log.

Belongs here: running the detectors, checking what they return, naming, scoring and
bringing together what several sources say of one event. Does not belong here: any rule;
what is already known (:mod:`signals.log`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import polars as pl

from opendata.clock import Clock
from opendata.errors import ContractError
from opendata.shares import Share
from signals.base import Frames, Signal
from signals.contract import CANDIDATE_SCHEMA, EVENT_SCHEMA, SCHEMA_VERSION, SPECVERSION
from signals.evidence import PAYLOAD, gathered, strongest_first
from signals.identity import hashed
from signals.persons import classified, nameable, proofs
from signals.registry import Detector, registry
from signals.scoring import scored
from signals.weights import weights


def detect_all(
    frames: Frames,
    *,
    recorded: datetime,
    run_id: str,
    detectors: Mapping[str, Detector] | None = None,
    sole_traders: bool = False,
    left_out: dict[str, int] | None = None,
    share: Share | None = None,
) -> pl.DataFrame:
    """Return one candidate per event that the tables of this run show.

    Args:
        frames: the tables; the delta of a baseline is empty.
        recorded: instant of the run, UTC.
        run_id: name of the run, kept in each row.
        detectors: the rules; all of the project's by default.
        sole_traders: keep events about natural persons, unnamed and marked.
        left_out: filled with signal → events left out because they are about natural persons.
        share: only the events of the companies of this share. An event has one company, and all
            records of a signal are of it: the shares together are the whole.

    Returns:
        Rows in :data:`signals.contract.CANDIDATE_SCHEMA`, one per ``signalid``, sorted.

    Raises:
        ContractError: a rule failed on its tables, or returned other columns than agreed.
    """
    found = []
    for signal, events in _classified(
        registry() if detectors is None else detectors, frames, share
    ):
        told = nameable(events, sole_traders=sole_traders)
        if left_out is not None and told.height < events.height:
            left_out[signal.code] = events.height - told.height
        found.append(_named(told, signal))
    if not found:
        return CANDIDATE_SCHEMA.to_frame()
    return _candidates(_merged(pl.concat(found)), recorded, run_id)


def _classified(
    detectors: Mapping[str, Detector], frames: Frames, share: Share | None
) -> list[tuple[Signal, pl.DataFrame]]:
    """Return the events of each rule that has a table, and whom they are about."""
    found = [
        (one.signal, _run(one, frames, share))
        for one in detectors.values()
        if any(frames.has(table) for table in one.signal.inputs)
    ]
    nobody = pl.Series("siren", [], dtype=pl.String)
    sirens = pl.concat([nobody, *(events["siren"] for _, events in found)])
    with _reading("the proof of who is a legal person"):
        known = proofs(frames, sirens)
    return [(signal, classified(events, known)) for signal, events in found]


def _run(detector: Detector, frames: Frames, share: Share | None) -> pl.DataFrame:
    code = detector.signal.code
    with _reading(f"signal {code}"):
        events = detector.detect(frames)
        schema = events.collect_schema()
        if schema != EVENT_SCHEMA:
            wrong = sorted({name for name, _ in set(schema.items()) ^ set(EVENT_SCHEMA.items())})
            raise ContractError(
                f"signal {code} returned other columns than agreed: {wrong}",
                next_step="correct its detector; signals.contract.EVENT_SCHEMA is the agreement",
            )
        # Polars takes the filter down into the tables as far as the rule lets it.
        return events.collect() if share is None else events.filter(share.of_companies()).collect()


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Say which tables could not be read, without the values that Polars quotes."""
    try:
        yield
    except pl.exceptions.PolarsError as error:
        first_line = str(error).splitlines()[0]
        raise ContractError(
            f"{what} cannot read its tables ({type(error).__name__}): {first_line}",
            next_step="compare the tables with docs/architecture.md, or correct the detector",
        ) from error


def _named(events: pl.DataFrame, signal: Signal) -> pl.DataFrame:
    """Return ``events`` with what the kind of signal gives: type, id, expiry, base score."""
    base = weights().base_score.get(signal.code, signal.base_score)
    expiry = (
        pl.col("occurred_at").dt.offset_by(f"{signal.window_days + 1}d").cast(pl.Datetime("us"))
    )
    return events.with_columns(
        type=pl.lit(signal.type),
        subject=pl.lit(f"{signal.subject}:") + pl.col(signal.subject),
        timeprecision=pl.lit(signal.time_precision),
        nature=pl.lit(signal.nature),
        half_life_days=pl.lit(signal.half_life_days, dtype=pl.Int64),
        base_score=pl.lit(base, dtype=pl.Int64),
        rule_version=pl.lit(signal.rule_version),
        expirytime=expiry.dt.replace_time_zone("Europe/Paris").dt.convert_time_zone("UTC"),
        dataset_id=pl.col("source_id").str.split("@").list.first(),
        time=pl.col("occurred_at"),
    ).with_columns(signalid=hashed(["type", "subject", "event_key"]))


def _merged(events: pl.DataFrame) -> pl.DataFrame:
    """Return one row per signal: the strongest record's values, all records as evidence."""
    precedence = weights().source_precedence
    kept = ("type", "subject", "timeprecision", "nature", "half_life_days", "base_score")
    # Two readings of one record on one day: a fixed order, so that neither run nor row order tells.
    ordered = strongest_first(events.sort(list(PAYLOAD), nulls_last=True), precedence)
    shown = ordered.group_by("signalid", maintain_order=True).agg(
        pl.col(*PAYLOAD, *kept, "rule_version", "expirytime", "siren").first(),
        pl.col("amends_only").all(),
    )
    nothing = pl.lit(None, dtype=pl.String)
    records = events.select(
        "signalid",
        "type",
        "dataset_id",
        "source_id",
        "record_key",
        "publication_date",
        "confidence",
        resource_id=nothing,
        url=pl.col("record_url"),
        source_last_update=pl.lit(None, dtype=pl.Date),
        publisher=nothing,
        licence=nothing,
        attribution=nothing,
    )
    return shown.join(gathered(records, precedence), on="signalid")


def _candidates(rows: pl.DataFrame, recorded: datetime, run_id: str) -> pl.DataFrame:
    filled = rows.with_columns(
        specversion=pl.lit(SPECVERSION),
        id=pl.col("signalid"),
        correlationid=pl.col("signalid"),
        recordedtime=pl.lit(recorded).cast(pl.Datetime("us", "UTC")),
        is_baseline=pl.lit(False),
        match_probability=pl.lit(None, dtype=pl.Float64),
        run_id=pl.lit(run_id),
        schema_version=pl.lit(SCHEMA_VERSION),
    )
    full = scored(filled, Clock.at(recorded).today())
    missing = {name: kind for name, kind in CANDIDATE_SCHEMA.items() if name not in full.columns}
    full = full.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in missing.items())
    typed = full.select(pl.col(name).cast(kind) for name, kind in CANDIDATE_SCHEMA.items())
    return typed.sort("time", "type", "subject", "signalid")
