"""Whom a request or the whole record is about, without naming them.

Belongs here: sets of keyed hashes and the conditions that follow from them for columns of
numbers and for leads. Does not belong here: the record itself (``suppressions``), and what
is done to those concerned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from opendata.pseudonyms import Pseudonyms

UNIT, SITE = "siren", "siret"
#: A SIREN stands in a SIRET and at the end of a French VAT number.
_DIGITS = 9
_SEPARATOR = "\x1f"
#: A French number with its country: +33 6…, 0033 6…, +33 (0)6….
_INTERNATIONAL = re.compile(r"^(?:00)?330?(\d{9})$")
Since = Mapping[int, date]


@dataclass(frozen=True)
class Facts:
    """Hashes by what they mean; ``since`` is the publication that first hid the unit.

    Attributes:
        accounts, leads, emails, phones: hashes of texts (:class:`Keys`).
        persons: hashes of SIREN of which nothing may be kept.
        natural, natural_sites: natural persons under partial diffusion, since when.
        legal, legal_sites: legal persons under partial diffusion, since when.
    """

    accounts: frozenset[str] = frozenset()
    leads: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    persons: frozenset[int] = frozenset()
    natural: Since = field(default_factory=dict)
    natural_sites: Since = field(default_factory=dict)
    legal: Since = field(default_factory=dict)
    legal_sites: Since = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__dataclass_fields__)

    @property
    def hidden_units(self) -> frozenset[int]:
        """Return hashes of SIREN of natural persons of whom nothing may be shown."""
        return self.persons | frozenset(self.natural)

    @property
    def of_leads(self) -> bool:
        """Return whether a lead may be concerned."""
        return bool(self.accounts or self.leads or self.emails or self.phones or self.persons)

    @property
    def of_units(self) -> bool:
        """Return whether a unit of the register may be concerned."""
        return bool(
            self.persons or self.natural or self.natural_sites or self.legal or self.legal_sites
        )


def email(value: str) -> str:
    """Return an e-mail address in the form that is hashed."""
    return value.strip().lower()


def phone(value: str) -> str:
    """Return a telephone number in the form that is hashed: digits, French ones from 0."""
    return _INTERNATIONAL.sub(r"0\1", "".join(sign for sign in value if sign.isdigit()))


class Keys:
    """The hashes of identifiers, under the key of the record."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self.pseudonyms = pseudonyms

    def account(self, account_id: str) -> str:
        """Return the hash of an account."""
        return self.pseudonyms.text("account", account_id)

    def lead(self, account_id: str, lead_id: str) -> str:
        """Return the hash of a lead of an account."""
        return self.pseudonyms.text("lead", account_id + _SEPARATOR + lead_id)

    def email(self, value: str) -> str:
        """Return the hash of an e-mail address."""
        return self.pseudonyms.text("email", email(value))

    def phone(self, value: str) -> str:
        """Return the hash of a telephone number."""
        return self.pseudonyms.text("phone", phone(value))

    def unit(self, siren: str) -> int:
        """Return the hash of a SIREN."""
        return self.pseudonyms.number(UNIT, int(siren))

    def units(self, column: pl.Expr) -> pl.Expr:
        """Return the hash of each SIREN of a column."""
        return self.pseudonyms.numbers(UNIT, column)

    def sites(self, column: pl.Expr) -> pl.Expr:
        """Return the hash of each SIRET of a column."""
        return self.pseudonyms.numbers(SITE, column)

    def leads_of(self, leads: pl.DataFrame) -> pl.Series:
        """Return the hash of each lead: ``account_id``, ``lead_id``."""
        both = leads.select(pl.concat_str("account_id", "lead_id", separator=_SEPARATOR))
        return self.pseudonyms.texts("lead", both.to_series())

    def concerned(self, leads: pl.DataFrame, facts: Facts) -> pl.Series:
        """Return whether ``facts`` are about each lead.

        Args:
            leads: ``account_id``, ``lead_id`` and any other column of ``leads.model.SCHEMA``.
            facts: whom to look for.
        """
        found = pl.Series("concerned", [False], dtype=pl.Boolean).new_from_index(0, leads.height)
        if facts.leads:
            found |= self.leads_of(leads).is_in(list(facts.leads))
        if facts.accounts:
            accounts = self.pseudonyms.texts("account", leads["account_id"])
            found |= accounts.is_in(list(facts.accounts))
        if facts.emails and "contact_email" in leads.columns:
            address = leads["contact_email"].str.extract(r"([^\s<>;,]+@[^\s<>;,]+)")
            mails = address.str.strip_chars().str.to_lowercase()
            found |= self.pseudonyms.texts("email", mails).is_in(list(facts.emails))
        if facts.phones and "phone" in leads.columns:
            digits = leads["phone"].str.replace_all(r"\D", "")
            digits = digits.str.replace(_INTERNATIONAL.pattern, "0$1")
            found |= self.pseudonyms.texts("phone", digits).is_in(list(facts.phones))
        if facts.persons:
            found |= self._persons(leads, facts)
        return found.fill_null(False)

    def _persons(self, leads: pl.DataFrame, facts: Facts) -> pl.Series:
        wanted = pl.Series(sorted(facts.persons), dtype=pl.UInt64)
        numbers = {
            "siren": pl.col("siren").str.replace_all(r"\D", ""),
            "siret": pl.col("siret").str.replace_all(r"\D", "").str.slice(0, _DIGITS),
            "vat": pl.col("vat").str.replace_all(r"\D", "").str.slice(-_DIGITS),
        }
        hits = [
            self.units(number).is_in(wanted.implode()).fill_null(False)
            for name, number in numbers.items()
            if name in leads.columns
        ]
        return leads.select(pl.any_horizontal(*hits, pl.lit(False)).alias("concerned")).to_series()
