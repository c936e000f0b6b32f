"""What one exported signal says, column by column.

Belongs here: the model of a row of the feed, the Polars schemas that follow from it, the
columns a detector returns, and the check that a frame keeps to them. Does not belong
here: how signals are found, scored, stored or published.

Names are those of CloudEvents 1.0 (lower case) wherever it has one. There is one stream
per tenant and one for the company log; ``source`` + ``id`` is unique, and ``sequence`` is
gapless, within a stream.
"""

from __future__ import annotations

import types
from datetime import date, datetime
from typing import Any, Literal, Union, get_args, get_origin

import polars as pl
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from opendata.errors import ContractError

SPECVERSION = "1.0"
#: A new column raises the minor number; anything else the major one, published beside the old.
SCHEMA_VERSION = "1.0.0"
TYPE_PREFIX = "fr.company_signals"

Op = Literal["ASSERT", "AMEND", "RETRACT", "ERASE"]
Reason = Literal[
    "rectificatif",
    "annulation",
    "source_correction",
    "corroborated",
    "contradicted",
    "identity_merge",
    "opposition",
    "retention",
    "rule_change",
    "mass_operation",
    "match_changed",
    "lead_added",
    "lead_removed",
    "held_back",
    "rollback",
]
MatchStatus = Literal["confirmed", "probable", "ambiguous", "rejected"]
Classification = Literal["company", "sole_trader"]

#: Match verdicts under which a signal reaches a lead.
EXPORTED_VERDICTS = ("confirmed", "probable")


class Row(BaseModel):
    """Base of the rows: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Evidence(Row):
    """One record of one publisher that states the event."""

    dataset_id: str = Field(description="name of the dataset, e.g. bodacc")
    source_id: str = Field(description="<dataset>@<version>, joins to sources.parquet")
    resource_id: str | None = Field(description="the portal's resource id, where there is one")
    record_key: str = Field(description="the publisher's own key of the record")
    url: str | None = Field(description="page of the record, else the dataset's landing page")
    publication_date: date = Field(description="when the publisher made the record public")
    source_last_update: date | None = Field(description="date of the publisher's version read")
    confidence: float = Field(description="confidence this record alone gives the event, 0-1")
    publisher: str | None = Field(description="who must be named when the signal is shown")
    licence: str | None = Field(description="the portal's licence id, e.g. lov2")
    attribution: str | None = Field(description="sentence to show with the signal")


class SignalRow(Row):
    """One row of a stream: an event about a company, or a change to such a row."""

    specversion: Literal["1.0"] = Field(description="version of CloudEvents")
    id: str = Field(description="hash of type, subject, event key (and lead); names the row")
    source: str = Field(description="URI of the stream; with id, unique")
    type: str = Field(description="fr.company_signals.<family>.<event>.v<major>, closed registry")
    subject: str = Field(description="siren:… or siret:…, or erased")
    time: date = Field(description="legal date of the event, Europe/Paris, per the register")
    timeprecision: Literal["day", "year"] = Field(description="precision of time")
    recordedtime: datetime = Field(description="when this row was written, UTC")
    sequence: str = Field(description="20 digits, contiguous within the stream, text-ordered")
    op: Op = Field(description="what to do with the row; an unknown one means stop")
    supersedes: str | None = Field(description="id of the row that this one amends or retracts")
    reason: Reason | None = Field(description="why an amendment, retraction or late assertion")
    signalid: str = Field(description="the logical signal: id of its first ASSERT, in every row")
    correlationid: str = Field(description="signalid of the company log behind a lead's signal")
    causationid: str | None = Field(description="id of the company log's row that a lead's repeats")
    nature: Literal["fact", "inference"] = Field(description="said by a register, or by our rule")
    title_fr: str = Field(description="one line, French")
    title_en: str = Field(description="one line, English")
    before: str | None = Field(description="values before, JSON object, nothing personal")
    after: str | None = Field(description="values after, JSON object, nothing personal")
    confidence: float = Field(description="confidence in the event, all evidence together, 0-1")
    score: float = Field(description="relevance 0-100 on the day of recordedtime")
    score_breakdown: str = Field(description="the factors of score, JSON object")
    half_life_days: int = Field(description="days in which the score halves")
    expirytime: datetime = Field(description="end of relevance, UTC; not actionable from then on")
    siren: str | None = Field(description="the company; null once erased")
    siret: str | None = Field(description="the establishment, if the event is about one")
    counterparty_siren: str | None = Field(description="other company of a transaction")
    company_name: str | None = Field(description="registered name of the legal person")
    departement: str | None = Field(description="code of the département, text")
    lead_id: str | None = Field(description="the tenant's lead; null in the company stream")
    account_id: str | None = Field(description="the tenant; null in the company stream")
    match_id: str | None = Field(description="joins to matches.parquet")
    match_probability: float | None = Field(description="probability that the lead is the company")
    match_status: MatchStatus | None = Field(description="verdict; only confirmed and probable")
    match_reasons: list[str] | None = Field(description="why lead and company are thought the same")
    is_baseline: bool = Field(description="first observation of a source; never actionable")
    is_mass_operation: bool = Field(description="part of an administrative mass operation")
    evidence: list[Evidence] = Field(description="the records behind it, the strongest first")
    dataclassification: Classification = Field(description="sole_trader rows are personal data")
    prospecting_allowed: bool = Field(description="false: the person objects (A123-96, GDPR 21)")
    run_id: str = Field(description="the run that wrote the row")
    rule_version: str = Field(description="version of the detector")
    schema_version: str = Field(description="version of this table")


def polars_type(annotation: Any) -> pl.DataType:
    """Return the Polars type that holds values of ``annotation``."""
    if get_origin(annotation) in (Union, types.UnionType):
        (inner,) = (part for part in get_args(annotation) if part is not type(None))
        return polars_type(inner)
    if get_origin(annotation) is Literal:
        return pl.String()
    if get_origin(annotation) is list:
        return pl.List(polars_type(get_args(annotation)[0]))
    if isinstance(annotation, type) and issubclass(annotation, Row):
        return pl.Struct(dict(schema_of(annotation)))
    plain: dict[Any, pl.DataType] = {
        str: pl.String(),
        int: pl.Int64(),
        float: pl.Float64(),
        bool: pl.Boolean(),
        date: pl.Date(),
        datetime: pl.Datetime("us", "UTC"),
    }
    return plain[annotation]


def schema_of(model: type[Row]) -> pl.Schema:
    """Return the Polars schema of ``model``, in the order of its fields."""
    return pl.Schema(
        {name: polars_type(field.annotation) for name, field in model.model_fields.items()}
    )


SIGNAL_SCHEMA = schema_of(SignalRow)
EVIDENCE_TYPE = polars_type(Evidence)

#: What a detector returns. ``amends_only`` marks the correction of a record published
#: before: it may amend a signal that is known, it never asserts one.
#: ``dataclassification`` is null where the source does not prove what kind of person it is.
EVENT_SCHEMA = pl.Schema(
    {
        "siren": pl.String(),
        "siret": pl.String(),
        "counterparty_siren": pl.String(),
        "company_name": pl.String(),
        "event_key": pl.String(),
        "occurred_at": pl.Date(),
        "title_fr": pl.String(),
        "title_en": pl.String(),
        "before": pl.String(),
        "after": pl.String(),
        "source_id": pl.String(),
        "record_key": pl.String(),
        "record_url": pl.String(),
        "publication_date": pl.Date(),
        "confidence": pl.Float64(),
        "dataclassification": pl.String(),
        "prospecting_allowed": pl.Boolean(),
        "is_mass_operation": pl.Boolean(),
        "amends_only": pl.Boolean(),
        "departement": pl.String(),
    }
)

#: What :func:`signals.detect.detect_all` returns: rows without their place in a stream.
CANDIDATE_SCHEMA = pl.Schema({**SIGNAL_SCHEMA, "amends_only": pl.Boolean()})


def optional(field: FieldInfo) -> bool:
    """Return whether the field may be null."""
    return type(None) in get_args(field.annotation)


def choices(field: FieldInfo) -> tuple[str, ...]:
    """Return the closed list of the field; empty if it has none."""
    parts = (field.annotation, *get_args(field.annotation))
    found = (get_args(part) for part in parts if get_origin(part) is Literal)
    return next(found, ())


def conform(rows: pl.DataFrame) -> pl.DataFrame:
    """Return ``rows`` with exactly the columns of the contract, once checked.

    Raises:
        ContractError: a column is missing, has another type, is null where it may not be,
            or holds a value outside its closed list. The message names the column only.
    """
    if dict(rows.schema) != dict(SIGNAL_SCHEMA):
        wrong = sorted(set(rows.schema.items()) ^ set(SIGNAL_SCHEMA.items()), key=str)
        raise _broken(f"columns differ from the contract: {[name for name, _ in wrong]}")
    for name, field in SignalRow.model_fields.items():
        if not optional(field) and rows[name].null_count():
            raise _broken(f"column {name} is null in {rows[name].null_count()} row(s)")
        allowed = choices(field)
        if allowed and not rows[name].drop_nulls().is_in(allowed).all():
            raise _broken(f"column {name} has a value outside {list(allowed)}")
    return rows.select(SIGNAL_SCHEMA.names())


def _broken(what: str) -> ContractError:
    return ContractError(
        what, next_step="correct the producer; docs/feed.md describes each column", file="signals"
    )
