"""How detectors read ``spectacle__licences``: one row per receipt and category.

Belongs here: which receipts stand for a licence, and a receipt as an event. Does not
belong here: which of them are new or ending.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from signals.base import Signal
from signals.events import Reading, events

TABLE = "spectacle__licences"
#: "invalide" and "invalidé" begin like it and mean the contrary.
VALID = (pl.col("statut") == "valide") & pl.col("date_validite").is_not_null()
CONFIDENCE = 0.95
_CATEGORIES = {
    1: ("exploitant de lieu", "venue"),
    2: ("producteur", "production"),
    3: ("diffuseur", "promotion"),
}


def licence_events(
    rows: pl.LazyFrame, signal: Signal, today: date, day: pl.Expr, titles: tuple[pl.Expr, pl.Expr]
) -> pl.LazyFrame:
    """Return licences as events of ``day``, named by category and first day of validity."""
    words = [
        pl.col("categorie").replace_strict(
            {code: names[language] for code, names in _CATEGORIES.items()},
            default=None,
            return_dtype=pl.String,
        )
        for language in (0, 1)
    ]
    reading = Reading(
        siren=pl.col("siren"),
        siret=pl.col("siret"),
        name=pl.col("raison_sociale"),
        key=[pl.col("categorie"), pl.col("date_validite")],
        occurred=day,
        title_fr=pl.concat_str([titles[0], (pl.lit(", ") + words[0]).fill_null("")]),
        title_en=pl.concat_str([titles[1], (pl.lit(", ") + words[1]).fill_null("")]),
        after={
            "categorie": pl.col("categorie"),
            "numero_recepisse": pl.col("numero_recepisse"),
            "renouvellement": pl.col("renouvellement"),
            "date_validite": pl.col("date_validite").cast(pl.String),
        },
        company=pl.col("personne_morale"),
        confidence=CONFIDENCE,
    )
    return events(rows, signal, today, reading)
