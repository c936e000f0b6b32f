"""Companies changed in the RNE → one row per legal person, as last formality left it.

Belongs here: which dates and amounts are usable, and when the company's term ends. Does not
belong here: what is received at all (``opendata/portals/inpi.py``), signals: none reads it, since
its licence does not allow publishing.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from opendata.catalogue import Luhn
from opendata.checkdigits import luhn_valid

CODE_VERSION = "1"

OPEN = "O"
#: Longest term of a company (Code civil, art. 1838).
LONGEST_YEARS = 99
_SHOWN = (
    "denomination", "forme_juridique", "date_immatriculation", "date_debut_activite", "capital",
    "devise", "capital_variable", "cloture_exercice", "date_fin_existence", "date_radiation",
)  # fmt: skip


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``rne__companies``; of one that opposed diffusion, nothing but its number."""
    years = pl.when(pl.col("duree").is_between(1, LONGEST_YEARS)).then("duree")
    term = (
        pl.col("date_creation")
        .dt.offset_by(pl.format("{}y", years.cast(pl.Int64)))
        .dt.offset_by("-1d")
    )
    ends = pl.col("cloture_exercice").str.extract(r"^(\d{4})$")
    filled = raw["companies"].with_columns(
        capital=pl.when(pl.col("capital") > 0).then("capital"),
        cloture_exercice=pl.when(ends.str.tail(2).cast(pl.Int64).is_between(1, 12)).then(ends),
        date_fin_existence=pl.coalesce("date_fin_existence", term),
    )
    shown = pl.col("statut_diffusion") == OPEN
    return {
        "rne__companies": filled.filter(luhn_valid(pl.col("siren"), Luhn(), width=9))
        .sort("siren", "mis_a_jour", nulls_last=False)
        .unique("siren", keep="last", maintain_order=True)
        .select(
            "siren",
            "statut_diffusion",
            *(pl.when(shown).then(name).alias(name) for name in _SHOWN),
            record_key=pl.col("siren"),
            publication_date=pl.col("mis_a_jour").dt.date(),
        )
    }
