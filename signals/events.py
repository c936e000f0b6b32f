"""From the rows of a rule to events in the contract of detectors.

Belongs here: what every detector needs, so that none can forget it: the window, the
refusal of future dates, event keys, JSON values, amounts in words, folded names. Does
not belong here: the rule of any one signal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from signals.base import Signal
from signals.contract import EVENT_SCHEMA

#: Amounts above are typing errors of buyers (decp-processing replaces them too).
ABSURD_AMOUNT_EUR = 12_311_111_111
#: Below, an amount is a placeholder or was typed in thousands of euros.
LOWEST_AMOUNT_EUR = 1_000
#: Keyboard fillers: one digit repeated, or counting up.
_FILLER = r"^(1{6,}|2{6,}|3{6,}|4{6,}|5{6,}|6{6,}|7{6,}|8{6,}|9{6,}|12345\d*)$"
NO_TEXT = pl.lit(None, dtype=pl.String)


def _nothing() -> pl.Expr:
    return pl.lit(None, dtype=pl.String)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Which expression of the rule's rows gives which part of an event.

    Attributes:
        key: what identifies the real-world event beside type and subject.
        occurred: legal date.
        title_fr, title_en: one line, no name of a person.
        before, after: name → value, written as one JSON object; empty means null.
        company: true if a legal person, null if the source does not tell.
        amends_only: true for the correction of a record published before.
    """

    siren: pl.Expr
    key: Sequence[pl.Expr]
    occurred: pl.Expr
    title_fr: pl.Expr
    title_en: pl.Expr
    confidence: float
    after: Mapping[str, pl.Expr] = field(default_factory=dict)
    before: Mapping[str, pl.Expr] = field(default_factory=dict)
    siret: pl.Expr = field(default_factory=_nothing)
    counterparty: pl.Expr = field(default_factory=_nothing)
    name: pl.Expr = field(default_factory=_nothing)
    url: pl.Expr = field(default_factory=_nothing)
    departement: pl.Expr = field(default_factory=_nothing)
    company: pl.Expr = field(default_factory=lambda: pl.lit(None, dtype=pl.Boolean))
    prospecting_allowed: pl.Expr = field(default_factory=lambda: pl.lit(True))
    mass_operation: pl.Expr = field(default_factory=lambda: pl.lit(False))
    amends_only: pl.Expr = field(default_factory=lambda: pl.lit(False))


def events(rows: pl.LazyFrame, signal: Signal, today: date, reading: Reading) -> pl.LazyFrame:
    """Return the events of ``rows`` that fall in the window of ``signal``.

    Args:
        rows: rows that satisfy the rule, with ``source_id``, ``record_key`` and
            ``publication_date``.
        signal: gives the window; events before it, after ``today`` or without a date are
            left out.
        today: legal date of the run.
        reading: where each part of an event is.

    Returns:
        A frame with the columns of :data:`signals.contract.EVENT_SCHEMA`.
    """
    kind = pl.when(reading.company).then(pl.lit("company"))
    person = kind.when(reading.company.not_()).then(pl.lit("sole_trader"))
    columns = {
        "siren": reading.siren,
        "siret": reading.siret,
        "counterparty_siren": reading.counterparty,
        "company_name": reading.name,
        "event_key": pl.concat_str(
            [part.cast(pl.String).fill_null("") for part in reading.key], separator="|"
        ),
        "occurred_at": reading.occurred,
        "title_fr": reading.title_fr,
        "title_en": reading.title_en,
        "before": json_object(reading.before),
        "after": json_object(reading.after),
        "source_id": pl.col("source_id"),
        "record_key": pl.col("record_key"),
        "record_url": reading.url,
        "publication_date": pl.col("publication_date"),
        "confidence": pl.lit(reading.confidence),
        "dataclassification": person.otherwise(NO_TEXT),
        "prospecting_allowed": reading.prospecting_allowed,
        "is_mass_operation": reading.mass_operation.fill_null(False),
        "amends_only": reading.amends_only,
        "departement": reading.departement,
    }
    typed = [columns[name].cast(dtype).alias(name) for name, dtype in EVENT_SCHEMA.items()]
    return rows.select(typed).filter(
        pl.col("siren").is_not_null(), recent(pl.col("occurred_at"), signal, today)
    )


def none() -> pl.LazyFrame:
    """Return no event, for a rule whose conditions on the history are not met."""
    return pl.LazyFrame(schema=EVENT_SCHEMA)


def recent(when: pl.Expr, signal: Signal, today: date) -> pl.Expr:
    """Return whether ``when`` lies in the window of ``signal`` and not in the future."""
    earliest = today - timedelta(days=signal.window_days)
    return when.is_between(pl.lit(earliest), pl.lit(today)).fill_null(False)


def json_object(values: Mapping[str, pl.Expr]) -> pl.Expr:
    """Return one JSON object per row, keys in the order given; null without values."""
    if not values:
        return NO_TEXT
    return pl.struct([value.alias(name) for name, value in values.items()]).struct.json_encode()


def folded(text: pl.Expr) -> pl.Expr:
    """Return ``text`` without case, accents, punctuation and double spaces, for comparing."""
    plain = text.str.normalize("NFD").str.replace_all(r"\p{M}", "").str.to_uppercase()
    return plain.str.replace_all(r"[^A-Z0-9]+", " ").str.strip_chars()


def plausible_amount(amount: pl.Expr) -> pl.Expr:
    """Return ``amount`` in euros, null where it is a placeholder, in k€, or absurd."""
    filler = amount.cast(pl.Int64, strict=False).cast(pl.String).str.contains(_FILLER)
    keep = amount.is_between(LOWEST_AMOUNT_EUR, ABSURD_AMOUNT_EUR) & filler.not_()
    return pl.when(keep).then(amount)


def euros(amount: pl.Expr, *, french: bool) -> pl.Expr:
    """Return ``amount`` as text for a title, e.g. ``1,25 M€`` or ``€193k``; null stays null."""
    millions = (amount / 1_000_000).round(2).cast(pl.String).str.replace(r"\.0$", "")
    thousands = (amount / 1_000).round(0).cast(pl.Int64, strict=False).cast(pl.String)
    large = amount >= 999_500
    if french:
        text = pl.when(large).then(millions.str.replace(".", ",", literal=True) + " M€")
        return text.otherwise(thousands + " k€")
    return pl.when(large).then("€" + millions + "M").otherwise("€" + thousands + "k")


def titled(text: str, suffix: pl.Expr, before: str = " ") -> pl.Expr:
    """Return ``text``, followed by ``before`` and ``suffix`` where there is one."""
    return pl.concat_str([pl.lit(text), (pl.lit(before) + suffix).fill_null("")])
