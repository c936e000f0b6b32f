"""Families of legal forms: which forms one unit may have one after the other.

Belongs here: numbers of legal forms and their families. Does not belong here: recognising a
form in a name (``sirene.names``), the code tables (``sirene.nomenclatures``).

Within a family a unit may change its form (SARL to SAS) and keep its SIREN; an SCI never
becomes a SARL under the same one.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sirene.nomenclatures import LEGAL_FORMS, table

#: First digits of the legal category → family.
_FAMILIES = {
    "1": "person", "3": "foreign", "51": "company", "52": "company", "53": "company",
    "54": "company", "55": "company", "56": "company", "57": "company", "58": "company",
    "61": "savings", "62": "grouping", "63": "farming", "64": "insurance", "65": "civil",
    "7": "public", "92": "association",
}  # fmt: skip
_NUMBERS = {name: number for number, name in enumerate(sorted(set(_FAMILIES.values())), start=1)}
CIVIL = _NUMBERS["civil"]
#: Forms are numbered from 1 in the order of the code table, 0 is none.
Numbers = NDArray[np.uint8]


@cache
def _forms() -> pl.DataFrame:
    return table(LEGAL_FORMS).unique("short", keep="first", maintain_order=True)


def category_families(categories: pl.Series) -> Numbers:
    """Return the family of each legal category, from its first digits; 0 if it has none."""
    known = list(_FAMILIES), [_NUMBERS[name] for name in _FAMILIES.values()]
    found = pl.select(
        pl.coalesce(
            pl.lit(categories).str.slice(0, digits).replace_strict(
                *known, default=None, return_dtype=pl.UInt8
            )
            for digits in (2, 1)
        ).fill_null(0)
    )  # fmt: skip
    return found.to_series().to_numpy()


def form_numbers(forms: pl.Series) -> Numbers:
    """Return the number of each short legal form, 0 for none."""
    known = _forms()["short"]
    return forms.replace_strict(
        known.to_list(), range(1, known.len() + 1), default=0, return_dtype=pl.UInt8
    ).fill_null(0).to_numpy()  # fmt: skip


@cache
def form_texts() -> pl.Series:
    """Return the short form of each number, null for 0."""
    return pl.concat([pl.Series([None], dtype=pl.String), _forms()["short"]])


@cache
def form_families() -> Numbers:
    """Return the family of each form number."""
    return category_families(
        pl.concat([pl.Series([None], dtype=pl.String), _forms()["categorie_juridique"]])
    )
