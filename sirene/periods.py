"""Periods of units and of establishments, and the register at any date.

Belongs here: the two histories as tables of periods, and reading them at a date. Does not
belong here: names over several periods (``registered_names.py``), comparing two months.

A period is one row for as long as no historised variable changes: ``[date_debut, date_fin]``,
**both days included**, as INSEE publishes it. The next period starts on the day after; the
last has no ``date_fin``, also when it is closed. An unknown start (null, published as empty or
as 1900-01-01) counts as "since always". ``changement_*`` says which variables differ from the
period before. ``contigue`` tells whether a period starts on the day after the one before it
ends: null for the first, false where the register has a gap or an overlap.

Neither addresses nor headcounts nor NAF 2025 are historised by INSEE.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from sirene.shown import Standing, guarded, with_site, with_unit

UNIT_PERIODS = "sirene__unit_periods"
SITE_PERIODS = "sirene__establishment_periods"
UNIT_COLUMNS = (
    "siren", "date_debut", "date_fin", "contigue",
    "etat_administratif", "changement_etat_administratif",
    "denomination", "changement_denomination",
    "denomination_usuelle_1", "denomination_usuelle_2", "denomination_usuelle_3",
    "changement_denomination_usuelle",
    "categorie_juridique", "changement_categorie_juridique",
    "activite_principale", "nomenclature_activite", "changement_activite_principale",
    "nic_siege", "changement_nic_siege", "ess", "changement_ess",
    "societe_mission", "changement_societe_mission",
)  # fmt: skip
SITE_COLUMNS = (
    "siret", "siren", "date_debut", "date_fin", "contigue",
    "etat_administratif", "changement_etat_administratif",
    "enseigne_1", "enseigne_2", "enseigne_3", "changement_enseigne",
    "denomination_usuelle", "changement_denomination_usuelle",
    "activite_principale", "nomenclature_activite", "changement_activite_principale",
    "caractere_employeur", "changement_caractere_employeur",
)  # fmt: skip
_USUAL = ("denomination_usuelle_1", "denomination_usuelle_2", "denomination_usuelle_3")
_SIGNS = ("enseigne_1", "enseigne_2", "enseigne_3", "denomination_usuelle")


def unit_periods(raw: pl.LazyFrame, standing: Standing) -> pl.LazyFrame:
    """Return the periods of units, names shown by the rules of ``shown.py``.

    Args:
        raw: StockUniteLegaleHistorique, in order of ``siren`` and ``date_debut``.
        standing: of the stock of the same month.
    """
    rows = with_unit(followed(raw, "siren"), standing)
    registered = pl.when("_personne_morale").then("denomination").alias("denomination")
    return _undated(rows.with_columns(registered, *map(guarded, _USUAL)).select(UNIT_COLUMNS))


def site_periods(raw: pl.LazyFrame, standing: Standing) -> pl.LazyFrame:
    """Return the periods of establishments, names shown by the rules of ``shown.py``.

    Args:
        raw: StockEtablissementHistorique, in order of ``siret`` and ``date_debut``.
        standing: of the stock of the same month, its establishments included.
    """
    rows = with_site(followed(raw, "siret"), standing)
    return _undated(rows.with_columns(*map(guarded, _SIGNS)).select(SITE_COLUMNS))


def followed(rows: pl.LazyFrame, key: str) -> pl.LazyFrame:
    """Add ``contigue`` to periods in order of ``key`` and date: the one before is the one above."""
    same = pl.col(key) == pl.col(key).shift(1)
    ended = pl.col("date_fin").shift(1).dt.offset_by("1d")
    follows = pl.col("date_debut").eq_missing(ended) & ended.is_not_null()
    return rows.with_columns(pl.when(same).then(follows).alias("contigue"))


def _undated(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.with_columns(pl.lit(None, dtype=pl.Date).alias("publication_date"))


def at(periods: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Return the period of each unit or establishment that holds ``day``; none before the first."""
    begun = pl.col("date_debut").is_null() | (pl.col("date_debut") <= day)
    lasting = pl.col("date_fin").is_null() | (pl.col("date_fin") >= day)
    return periods.filter(begun & lasting)


def as_of(frames: Mapping[str, pl.LazyFrame], day: date) -> dict[str, pl.LazyFrame]:
    """Return the register as it stood on ``day``: each table of periods cut to that day.

    Args:
        frames: :data:`UNIT_PERIODS`, :data:`SITE_PERIODS` or both.
        day: any date; what the register knows of it today, not what it knew then.
    """
    return {name: at(frames[name], day) for name in (UNIT_PERIODS, SITE_PERIODS) if name in frames}
