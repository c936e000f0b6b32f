"""What a lead is.

Belongs here: the fields of a lead, the data class of each one, and what makes an id or
an account name acceptable. Does not belong here: reading files, matching, storing.
"""

from __future__ import annotations

from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

#: ``company`` describes a legal person; ``contact`` a human being, never shown or logged.
DataClass = Literal["none", "company", "contact"]

#: Extra columns are kept as one JSON text, so that a file's own columns never change a table.
EXTRA = "extra"
MAX_ID_LENGTH = 200
ACCOUNT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
#: International prefix, or ten French digits in pairs. An id of eleven bare digits is not
#: refused: CRM record ids look like that.
PHONE_PATTERN = (
    r"^(?:(?:\+|00)\d[\d .()/-]{6,}|0[1-9](?:[ ./-]?\d{2}){4}|\d{2,3}(?:[ .-]\d{1,3}){3,})$"
)
#: Ids travel in file names, logs and other systems: one line of ordinary characters.
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.:/+=-]*$"
URL_PATTERN = r"(?i)linkedin\.|^https?:|^www\."

#: Rule name → condition under which a lead id is refused, in the order they are reported.
LEAD_ID_RULES: dict[str, pl.Expr] = {
    "lead_id_is_an_email": pl.col("lead_id").str.contains("@", literal=True),
    "lead_id_is_a_phone": pl.col("lead_id").str.contains(PHONE_PATTERN),
    "lead_id_is_a_profile": pl.col("lead_id").str.contains(URL_PATTERN),
    "lead_id_too_long": pl.col("lead_id").str.len_chars() > MAX_ID_LENGTH,
    "lead_id_not_opaque": ~pl.col("lead_id").str.contains(ID_PATTERN),
}


def _field(data_class: DataClass, meaning: str) -> Any:
    return Field(default=None, description=meaning, json_schema_extra={"data_class": data_class})


class Lead(BaseModel):
    """One company somebody wants to sell to, as their own system describes it.

    Every value is text as typed; nothing is corrected here. ``extra`` holds the columns that
    intake did not recognise and counts as contact data, since nobody knows what they hold.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lead_id: str = Field(
        min_length=1,
        description="opaque key of the lead in its own system",
        json_schema_extra={"data_class": "none"},
    )
    account_id: str = Field(
        pattern=ACCOUNT_PATTERN,
        description="the customer whose lead it is",
        json_schema_extra={"data_class": "none"},
    )
    company_name: str | None = _field("company", "name of the company")
    siren: str | None = _field("company", "SIREN as given, valid or not")
    siret: str | None = _field("company", "SIRET as given, valid or not")
    vat: str | None = _field("company", "European VAT number as given")
    address: str | None = _field("company", "street and number")
    postcode: str | None = _field("company", "postcode, CEDEX included")
    city: str | None = _field("company", "commune or CEDEX office")
    department: str | None = _field("company", "French department, code or name")
    country: str | None = _field("company", "country, name or ISO code; empty means France")
    website: str | None = _field("company", "address of the company's site")
    email_domain: str | None = _field("company", "what follows the @ of a contact's address")
    phone: str | None = _field("contact", "telephone")
    linkedin_url: str | None = _field("contact", "LinkedIn page of the company or the person")
    contact_name: str | None = _field("contact", "name of the person")
    contact_email: str | None = _field("contact", "e-mail of the person")
    extra: dict[str, str] = Field(
        default_factory=dict,
        description="unrecognised columns",
        json_schema_extra={"data_class": "contact"},
    )

    @field_validator("lead_id")
    @classmethod
    def _opaque(cls, value: str) -> str:
        rule = lead_id_problem(value)
        if rule:
            raise ValueError(rule)
        return value


def lead_id_problem(value: str) -> str | None:
    """Return the rule that ``value`` breaks as a lead id, or nothing.

    Personal data in an id would end up in signals, logs and file names.
    """
    row = pl.DataFrame({"lead_id": [value]}, schema={"lead_id": pl.String})
    for rule, broken in LEAD_ID_RULES.items():
        if row.select(broken).item():
            return rule
    return None


def data_classes() -> dict[str, DataClass]:
    """Return field → data class, in the order of the model."""
    classes: dict[str, DataClass] = {}
    for name, info in Lead.model_fields.items():
        described = info.json_schema_extra
        if not isinstance(described, dict):
            raise TypeError(f"field {name} has no data class")
        classes[name] = described["data_class"]  # type: ignore[assignment]
    return classes


#: Text fields of a lead in table order; ``extra`` follows as JSON text.
FIELDS: tuple[str, ...] = tuple(name for name in Lead.model_fields if name != EXTRA)
SCHEMA = pl.Schema({**dict.fromkeys(FIELDS, pl.String()), EXTRA: pl.String()})
