"""What the tables beside the log say, column by column.

Belongs here: the models of the companion tables, in the order in which they are exported.
A test holds every exported table to them. Does not belong here: the row of a signal
(:mod:`signals.contract`), making the tables.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from signals.contract import Op, Reason, Row

Polarity = Literal["opportunity", "risk", "suppressor"]
SourceState = Literal["OK", "STALE", "GAP"]


class Tombstone(Row):
    """A signal that was withdrawn or erased, for who reads snapshots only."""

    sequence: str = Field(description="of the row that ended it")
    signalid: str = Field(description="the logical signal")
    op: Op = Field(description="RETRACT or ERASE")
    reason: Reason | None = Field(description="why it ended")
    recordedtime: datetime = Field(description="when, UTC")


class SourceVersion(Row):
    """A version of a dataset that a row cites: whom to name for it."""

    source_id: str = Field(description="<dataset>@<version>, cited by evidence")
    dataset: str = Field(description="our name of the dataset")
    title: str = Field(description="the publisher's title")
    publisher: str = Field(description="who must be named")
    publisher_url: str = Field(description="home page of the publisher")
    landing_page: str = Field(description="page of the dataset")
    licence_id: str = Field(description="the portal's licence id, e.g. lov2")
    licence_title: str = Field(description="name of the licence")
    licence_url: str = Field(description="text of the licence")
    publication_date: date = Field(description="date of last update, to be shown")
    fetched_at: datetime = Field(description="when it was downloaded, UTC")
    attribution: str = Field(description="sentence to show")


class SourceStatus(Row):
    """How one source stands; a gap is never "no change"."""

    dataset: str = Field(description="our name of the dataset")
    state: SourceState = Field(description="OK, STALE or GAP")
    publication_date: date | None = Field(description="the publisher's date of what serves")
    last_checked: date | None = Field(description="when the portal was last asked")
    message: str | None = Field(description="why it is not OK")


class SignalType(Row):
    """One kind of signal, with what its rule refuses."""

    type: str = Field(description="as in the rows of the log")
    code: str = Field(description="short name")
    family: str = Field(description="group of kinds")
    title_fr: str = Field(description="name, French")
    title_en: str = Field(description="name, English")
    explanation_fr: str = Field(description="why it matters to a seller, French")
    explanation_en: str = Field(description="why it matters to a seller, English")
    polarity: Polarity = Field(description="a suppressor silences the company's opportunities")
    nature: Literal["fact", "inference"] = Field(description="said by a register, or by our rule")
    base_score: int = Field(description="0-100, before confidence, freshness and match")
    half_life_days: int = Field(description="days in which the score halves")
    window_days: int = Field(description="older events are not signalled, younger ones expire then")
    rule_version: str = Field(description="version of the rule")
    inputs: list[str] = Field(description="tables read, the most authoritative first")
    guards: list[str] = Field(description="what the rule refuses")


class Alternative(Row):
    """A company that a lead could also be."""

    siren: str | None = Field(description="the company")
    siret: str | None = Field(description="the establishment")
    name: str | None = Field(description="name in the registry; of legal persons only")
    probability: float | None = Field(description="probability that the lead is this one, 0-1")


class Match(Row):
    """The answer for one lead, also where it is ambiguous or there is none."""

    match_id: str = Field(description="names the answer; joins to the rows of the log")
    lead_id: str = Field(description="the lead")
    account_id: str = Field(description="the tenant")
    verdict: Literal["confirmed", "probable", "ambiguous", "no_match", "not_diffusible"] = Field(
        description="only confirmed and probable leads receive signals"
    )
    siren: str | None = Field(description="the company; null unless confirmed or probable")
    siret: str | None = Field(description="the establishment, where the address tells")
    probability: float | None = Field(description="calibrated, 0-1")
    tier: str | None = Field(description="evidence the lead gave")
    matched_name: str | None = Field(description="name of the registry that was recognised")
    matched_kind: str | None = Field(description="kind of that name, e.g. enseigne")
    reasons: list[str] | None = Field(description="reason codes")
    alternatives: list[Alternative] | None = Field(description="other candidates, best first")
    question: str | None = Field(description="what would settle the doubt")
    matched_at: date = Field(description="when it was answered")
    registry_version: str = Field(description="version of SIRENE asked")
    model_version: str = Field(description="version of the model")


class LeadScore(Row):
    """How one lead stands, all its signals together."""

    account_id: str = Field(description="the tenant")
    lead_id: str = Field(description="the lead")
    siren: str = Field(description="the company it was recognised as")
    score: float = Field(description="0-100; 0 where a suppressor stands")
    opportunity: float = Field(description="what its opportunities add up to")
    risk: float = Field(description="what its risks add up to")
    suppressed_by: str | None = Field(description="signalid that silences the company")
    signals: int = Field(description="number of standing signals")
    signalids: list[str] = Field(description="the signals, best first")
    score_breakdown: str = Field(description="the factors, JSON object")
    as_of: date = Field(description="day of the score")


#: table → its model and its key.
COMPANIONS: dict[str, tuple[type[Row], tuple[str, ...]]] = {
    "tombstones": (Tombstone, ("signalid",)),
    "sources": (SourceVersion, ("source_id",)),
    "source_status": (SourceStatus, ("dataset",)),
    "signal_types": (SignalType, ("type",)),
    "matches": (Match, ("account_id", "lead_id")),
    "lead_scores": (LeadScore, ("account_id", "lead_id", "siren")),
}
#: Tables that only the streams of accounts have.
OF_ACCOUNTS = ("matches", "lead_scores")
