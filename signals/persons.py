"""Who may be named: only legal persons, unless sole traders are asked for.

Belongs here: the proof that a SIREN is a legal person, and what is left out without it.
A SIREN does not tell by itself; a name in a contract may be a person's.
"""

from __future__ import annotations

import polars as pl

from signals.base import Frames

#: Tables that hold nothing but legal persons, and their SIREN columns. Egapro: the duty
#: begins at 50 employees.
_LEGAL_PERSONS_ONLY = {
    "bodacc__sales": "buyer_siren",
    "bodacc__disposals": "seller_siren",
    "bodacc__insolvencies": "siren",
    "bodacc__registrations": "siren",
    "egapro__declarations": "siren",
}
_UNITS = "sirene__legal_units"


def classified(events: pl.DataFrame, proofs: pl.DataFrame) -> pl.DataFrame:
    """Return the events with ``dataclassification`` filled and ``prospecting_allowed`` decided.

    Sirene decides where it knows the unit; then the event's own source; then the tables
    that hold legal persons only. What stays unproven is taken for a natural person.

    Args:
        events: rows in :data:`signals.contract.EVENT_SCHEMA`, more columns allowed.
        proofs: of :func:`proofs`.
    """
    columns = events.columns
    known = events.join(proofs, on="siren", how="left", maintain_order="left")
    kind = pl.coalesce("_sirene", "dataclassification", "_other", pl.lit("sole_trader"))
    return known.with_columns(
        dataclassification=kind,
        prospecting_allowed=pl.coalesce("prospecting_allowed", pl.lit(False))
        & pl.coalesce("_allowed", pl.lit(True)),
    ).select(columns)


def nameable(events: pl.DataFrame, *, sole_traders: bool) -> pl.DataFrame:
    """Return the classified events that may be told.

    Args:
        events: rows of :func:`classified`.
        sole_traders: keep natural persons who may be prospected, marked and without name,
            instead of leaving them all out. Who objected is left out in any case.
    """
    company = pl.col("dataclassification") == "company"
    if not sole_traders:
        return events.filter(company)
    named = pl.when(company).then("company_name")
    told = events.filter(company | pl.col("prospecting_allowed"))
    return told.with_columns(company_name=named)


def proofs(frames: Frames, sirens: pl.Series) -> pl.DataFrame:
    """Return what the tables prove about ``sirens``: the register is read once for all rules.

    Returns:
        siren, _sirene and _other (classification), _allowed (prospecting).
    """
    wanted = pl.LazyFrame({"siren": sirens.drop_nulls().unique()})
    other = [
        frames.current(table)
        .select(siren=pl.col(column), _other=pl.lit("company"))
        .join(wanted, on="siren", how="semi")
        for table, column in _LEGAL_PERSONS_ONLY.items()
        if frames.has(table)
    ]
    empty = pl.LazyFrame(schema={"siren": pl.String(), "_other": pl.String()})
    others = pl.concat([empty, *other]).drop_nulls().unique()
    if not frames.has(_UNITS):
        return others.with_columns(
            _sirene=pl.lit(None, dtype=pl.String), _allowed=pl.lit(None, dtype=pl.Boolean)
        ).collect()
    legal = pl.col("personne_morale")
    units = (
        frames.current(_UNITS)
        .join(wanted, on="siren", how="semi")
        .select(
            "siren",
            _sirene=pl.when(legal)
            .then(pl.lit("company"))
            .when(legal.not_())
            .then(pl.lit("sole_trader")),
            # Article A123-96 du code de commerce: who objects is not prospected, whatever they are.
            _allowed=(pl.col("statut_diffusion") == "O").fill_null(False),
        )
    )
    return units.join(others, on="siren", how="full", coalesce=True).collect()
