"""What a row of feedback says, and how far a consumer has read.

Belongs here: the two models, the closed lists, their JSON Schemas. Does not belong here: whether
a row fits what was published (:mod:`signals.feedback.judging`).

There is no free text: it would carry personal data, and nobody could count it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from signals.contract import Row

VERSION = "1.0"
Status = Literal["handled", "ignored", "wrong"]
Why = Literal[
    "wrong_company",
    "wrong_event",
    "outdated",
    "duplicate",
    "not_relevant",
    "already_known",
    "bad_time",
]
#: Status → the reasons that may go with it; ``None`` where none need be given.
REASONS: Mapping[str, tuple[Why | None, ...]] = {
    "handled": (None,),
    "ignored": (None, "not_relevant", "already_known", "bad_time"),
    "wrong": ("wrong_company", "wrong_event", "outdated", "duplicate"),
}
#: The rule that a reason which is not its status's breaks.
MISFIT = "reason_not_of_status"


def _in_utc(at: datetime) -> datetime:
    """Return an instant in UTC, whose year may be none that there is."""
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("outside the years 1 to 9999") from error


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]


def _conditions(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema which reasons go with which status."""
    schema["allOf"] = [
        {
            "if": {"properties": {"status": {"const": status}}},
            "then": {
                "properties": {"reason": {"enum": list(reasons)}},
                **({} if None in reasons else {"required": ["reason"]}),
            },
        }
        for status, reasons in REASONS.items()
    ]


class Feedback(Row):
    """What became of one signal; the latest ``at`` holds, and a row twice is one row."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, json_schema_extra=_conditions
    )

    source: str = Field(
        pattern=r"^urn:company-signals:account:.+$",
        max_length=300,
        description="source of the account's stream, as in its manifest",
    )
    signal_id: str = Field(pattern=r"^[0-9a-f]{32}$", description="signalid of the signal")
    status: Status = Field(description="what became of it")
    reason: Why | None = Field(
        default=None, description="why; with `wrong` always, with `handled` never"
    )
    at: Instant = Field(description="when it was said, with its zone; the latest holds")

    @model_validator(mode="after")
    def _fitting(self) -> Feedback:
        if self.reason not in REASONS[self.status]:
            raise PydanticCustomError(MISFIT, "the reason is none of this status")
        return self


class ConsumerOffset(Row):
    """How far one consumer has applied a stream: what it has not read is not dropped so soon."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    source: str = Field(
        pattern=r"^urn:company-signals:(company$|account:.+$)",
        max_length=300,
        description="source of the stream, as in its manifest",
    )
    consumer: str = Field(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="its name: a program, never a person"
    )
    sequence: str = Field(pattern=r"^[0-9]{20}$", description="last sequence applied")
    at: Instant = Field(description="when, with its zone; the latest holds")


#: How the name of a file begins → what its rows are.
MODELS: Mapping[str, type[Feedback] | type[ConsumerOffset]] = {
    "feedback": Feedback,
    "consumer_offsets": ConsumerOffset,
}


def json_schemas() -> dict[str, str]:
    """Return file name → JSON Schema of a row."""
    made = {}
    for name, model in MODELS.items():
        head = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:company-signals:{name}:{VERSION}",
        }
        made[f"{name}.schema.json"] = json.dumps({**head, **model.model_json_schema()}, indent=2)
    return {name: f"{text}\n" for name, text in made.items()}
