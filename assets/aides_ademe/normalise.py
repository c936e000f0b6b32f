"""Grants of ADEME → one row per decision and beneficiary.

Belongs here: what ADEME adds to the statutory format, which is its aid scheme. Does not belong
here: the format itself (:mod:`assets.scdl`), which grants are news (``signals/``).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assets.scdl import grants

CODE_VERSION = "1"


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``aides_ademe__grants``: the beneficiaries with a right SIRET."""
    return {"aides_ademe__grants": grants(raw["aides"], pl.col("date_convention"))}
