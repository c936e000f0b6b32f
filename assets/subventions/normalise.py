"""Grant agreements of a local authority (SCDL) → one row per decision and beneficiary.

Belongs here: the day of a grant whose agreement is not dated. Does not belong here: the format
itself (:mod:`assets.scdl`), which grants are news (``signals/``).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assets.scdl import grants

CODE_VERSION = "1"


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``subventions__grants``: the beneficiaries with a right SIRET.

    Without a day of agreement the first day of payment stands for it: many authorities leave
    the one empty and give ``2023-12-07`` or ``2017-01-09/2017-04-05`` in the other.
    """
    paid = pl.col("periode_versement").str.extract(r"(\d{4}-\d{2}-\d{2})")
    first_paid = paid.str.to_date("%Y-%m-%d", strict=False)
    rows = raw["subventions"].with_columns(
        # Amounts as typed: "31 000,00", with an unbreakable space or none.
        montant=pl.col("montant_texte")
        .str.replace_all(r"[\s\u{a0}\u{202f}€]", "")
        .str.replace(",", ".", literal=True)
        .cast(pl.Float64, strict=False)
    )
    return {"subventions__grants": grants(rows, pl.coalesce("date_convention", first_paid))}
