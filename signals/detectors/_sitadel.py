"""How detectors read ``sitadel__permits``: authorisations in force, applied for by legal persons.

Belongs here: whose permits count and from which size, whatever happened to them. Does not belong
here: what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from signals.base import Frames, Signal
from signals.events import Reading, events

TABLE = "sitadel__permits"
#: The publisher fills the SIREN from the form, or by searching the name.
CONFIDENCE = 0.9
#: A company that builds for another: who moves in is not known.
CONFIDENCE_DEVELOPER = 0.5
#: NAF rév. 2: property development and property owners.
DEVELOPERS = ("41.10", "68.10", "68.20")
#: Legal categories of public bodies.
PUBLIC = "7"
#: Main use → name, smallest area that is an event, m².
USES: Mapping[str, tuple[str, str, int]] = {
    "3": ("bureaux", "offices", 150),
    "4": ("commerce", "shops", 300),
    "6": ("industrie", "industry", 500),
    "8": ("entrepôt", "warehouse", 500),
}
#: Dwellings, and square metres of a site, from which works are an event.
DWELLINGS, SITE_M2 = 10, 500


def permits(frames: Frames) -> pl.LazyFrame:
    """Return new or changed permits of companies, with ``use`` (French) and ``use_en``."""
    rows = frames.delta(TABLE).filter(pl.col("_op") != "removed")
    public = pl.col("categorie_juridique").str.starts_with(PUBLIC).fill_null(value=False)
    named = {
        name: pl.col("destination").replace_strict(
            {code: words[part] for code, words in USES.items()},
            default=None,
            return_dtype=pl.String,
        )
        for part, name in enumerate(("use", "use_en"))
    }
    return rows.filter(public.not_()).with_columns(**named)


def large_premises() -> pl.Expr:
    """Return whether the permit makes premises of a size that is worth a signal."""
    floor = pl.col("destination").replace_strict(
        {code: words[2] for code, words in USES.items()}, default=None, return_dtype=pl.Int64
    )
    ours = pl.col("fichier") == "locaux"
    return (ours & (pl.col("surface_m2") >= floor)).fill_null(value=False)


def large_works() -> pl.Expr:
    """Return whether the permit is of large premises, of many dwellings or of a large site."""
    dwellings = (pl.col("fichier") == "logements") & (pl.col("logements_crees") >= DWELLINGS)
    site = (pl.col("fichier") == "amenager") & (pl.col("superficie_terrain_m2") >= SITE_M2)
    return large_premises() | (dwellings | site).fill_null(value=False)


def permit_events(
    rows: pl.LazyFrame,
    signal: Signal,
    today: date,
    *,
    occurred: pl.Expr,
    titles: tuple[pl.Expr, pl.Expr],
    amends_only: pl.Expr | None = None,
) -> pl.LazyFrame:
    """Return ``rows`` of :func:`permits` as events named by the permit.

    Where the applicant is a developer or a property company, the event is as sure, but that it
    concerns the one who moves in is not: the confidence is lower.
    """
    activity = pl.col("activite_principale")
    developer = pl.any_horizontal(activity.str.starts_with(code) for code in DEVELOPERS).fill_null(
        value=False
    )

    def read(part: pl.LazyFrame, confidence: float, applicant: str) -> pl.LazyFrame:
        reading = Reading(
            siren=pl.col("siren"),
            name=pl.col("denomination"),
            key=[pl.col("type_autorisation"), pl.col("numero")],
            occurred=occurred,
            title_fr=titles[0],
            title_en=titles[1],
            after={
                "permit": pl.concat_str("type_autorisation", pl.lit(" "), "numero"),
                "commune": pl.col("commune"),
                "destination": pl.col("use"),
                "surface_m2": pl.col("surface_m2"),
                "logements": pl.col("logements_crees"),
                "terrain_m2": pl.col("superficie_terrain_m2"),
                "applicant": pl.lit(applicant),
            },
            departement=pl.col("departement"),
            company=pl.lit(value=True),
            amends_only=pl.lit(value=False) if amends_only is None else amends_only,
            confidence=confidence,
        )
        return events(part, signal, today, reading)

    return pl.concat(
        [
            read(rows.filter(developer.not_()), CONFIDENCE, "occupier"),
            read(rows.filter(developer), CONFIDENCE_DEVELOPER, "developer"),
        ]
    )


def measured(french: bool) -> pl.Expr:
    """Return what is built, in words for a title: ``187 m² (bureaux)``."""
    area = pl.col("surface_m2").cast(pl.String)
    use = pl.col("use" if french else "use_en")
    premises = pl.concat_str(area, pl.lit(" m² ("), use, pl.lit(")"))
    dwellings = pl.col("logements_crees").cast(pl.String)
    homes = pl.concat_str(dwellings, pl.lit(" logements" if french else " dwellings"))
    land = pl.col("superficie_terrain_m2").cast(pl.String)
    site = pl.concat_str(pl.lit("terrain de " if french else "site of "), land, pl.lit(" m²"))
    return pl.coalesce(premises, homes, site)
