"""The data class of each column of leads and of what is kept beside them.

Belongs here: one class a column; a test compares them with the schemas, and with values.
The classes of a lead's own fields stand in its model.
"""

from __future__ import annotations

from collections.abc import Mapping

from leads.model import DataClass, data_classes

#: Table → column → class. The id of a lead is opaque: intake refuses one that is not.
CLASSES: Mapping[str, Mapping[str, DataClass]] = {
    "leads": data_classes(),
    "matches": {
        "match_id": "none",
        "lead_id": "none",
        "account_id": "none",
        "verdict": "none",
        "siren": "company",
        "siret": "company",
        "probability": "none",
        "tier": "none",
        "matched_name": "company",
        "matched_kind": "none",
        "reasons": "company",
        "alternatives": "company",
        "question": "company",
        "matched_at": "none",
        "registry_version": "none",
        "model_version": "none",
    },
    "usage": {
        "account_id": "none",
        "lead_id": "none",
        "received_on": "none",
        "used_on": "none",
    },
    "corrections": {
        "account_id": "none",
        "lead_id": "none",
        "field": "none",
        "value": "contact",
        "corrected_on": "none",
    },
    "feedback": {
        "account_id": "none",
        "lead_id": "none",
        "signal_id": "none",
        "type": "none",
        "status": "none",
        "reason": "none",
        "at": "none",
        "received_on": "none",
    },
    "labels": {
        "account_id": "none",
        "key": "company",
        "siren": "company",
        "says": "none",
        "lead_id": "none",
        "text": "company",
        "answered_at": "none",
        "applied": "none",
    },
}
