"""The data class of each column of the feed.

Belongs here: one class a column; a test compares them with the contract, and with values. Every
column is named, none has a class by default: a new one is classed by somebody, or a test fails.
``company`` is what describes the unit a row is about: on a row whose ``dataclassification``
says ``sole_trader`` it is about a natural person.
"""

from __future__ import annotations

from collections.abc import Mapping

from opendata.catalogue import Personal
from signals.contract import SIGNAL_SCHEMA

_COMPANY = (
    "subject",
    "title_fr",
    "title_en",
    "before",
    "after",
    "siren",
    "siret",
    "counterparty_siren",
    "company_name",
    "departement",
    "match_reasons",
    "evidence",
)
_NONE = (
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "timeprecision",
    "recordedtime",
    "sequence",
    "op",
    "supersedes",
    "reason",
    "signalid",
    "correlationid",
    "causationid",
    "nature",
    "confidence",
    "score",
    "score_breakdown",
    "half_life_days",
    "expirytime",
    "lead_id",
    "account_id",
    "match_id",
    "match_probability",
    "match_status",
    "is_baseline",
    "is_mass_operation",
    "dataclassification",
    "prospecting_allowed",
    "run_id",
    "rule_version",
    "schema_version",
)
CLASSES: Mapping[str, Personal] = {
    **dict.fromkeys(_COMPANY, "company"),
    **dict.fromkeys(_NONE, "none"),
}


def unclassed() -> list[str]:
    """Return the columns of the contract that have no class, and classes of no column."""
    return sorted(set(SIGNAL_SCHEMA) ^ set(CLASSES))
