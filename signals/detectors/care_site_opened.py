"""A company opens an establishment of health or social care (FINESS)."""

from __future__ import annotations

import polars as pl

from signals.base import Confirms, Frames, Signal
from signals.events import Reading, events, none

TABLE = "finess__sites"
SITES = "sirene__establishments"
CONFIDENCE = 0.9
#: What Sirene knew for longer before its opening in FINESS was there already.
KNOWN_BEFORE = "1y"
SIGNAL = Signal(
    code="care_site_opened",
    family="location",
    title_fr="Ouverture d'un établissement sanitaire, social ou médico-social",
    title_en="Care site opened",
    explanation_fr="Un établissement autorisé ouvre : équipement, lits, personnel, informatique.",
    explanation_en="An authorised establishment opens: medical equipment, beds, staff, IT.",
    inputs=(TABLE, SITES),
    window_days=180,
    half_life_days=60,
    base_score=65,
    # Sirene dates the establishment by its registration, FINESS by its opening to the public.
    confirms=Confirms(code="site_opened", days=180, same_site=True),
    real_example="AGENCE DE SANTE DE WALLIS ET FUTUNA (130003239), 2024-10-30, FINESS 980600027",
    guards=(
        "Dated by its opening: authorised and listed before, it is told on the day it opens.",
        "Not what Sirene knew for more than a year before: then only its number is new.",
        "Only while it is in service: a closed establishment stays in the list.",
        "Told only while Sirene does not state the opening: then it is a record of site_opened.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return establishments in service that are new in the list, or opened since it was read."""
    if not frames.has(TABLE):
        return none()
    moved = frames.delta(TABLE).select("numero_finess", "_op")
    opened = pl.col("date_ouverture") > pl.lit(frames.since(TABLE), dtype=pl.Date)
    news = (
        frames.current(TABLE)
        .join(moved, on="numero_finess", how="left")
        .filter(pl.col("en_service"), pl.col("_op").is_not_null() | opened)
    )
    before = pl.col("date_creation") < pl.col("date_ouverture").dt.offset_by("-" + KNOWN_BEFORE)
    known = frames.current(SITES).select("siret", "date_creation")
    old = news.select("siret", "date_ouverture").join(known, on="siret").filter(before)
    corrected = (pl.col("_op") == "modified") & opened.not_()
    commune = pl.col("code_commune")
    overseas = commune.str.starts_with("97") | commune.str.starts_with("98")
    reading = Reading(
        siren=pl.col("siren"),
        siret=pl.col("siret"),
        name=pl.col("denomination"),
        key=[pl.col("numero_finess")],
        occurred=pl.col("date_ouverture"),
        title_fr=pl.lit(SIGNAL.title_fr),
        title_en=pl.lit(SIGNAL.title_en),
        after={
            "numero_finess": pl.col("numero_finess"),
            "categorie": pl.col("categorie"),
            "code_commune": commune,
            "date_autorisation": pl.col("date_autorisation").cast(pl.String),
        },
        departement=pl.when(overseas).then(commune.str.head(3)).otherwise(commune.str.head(2)),
        amends_only=corrected.fill_null(value=False),
        confidence=CONFIDENCE,
    )
    fresh = news.join(old.select("siret"), on="siret", how="anti")
    return events(fresh, SIGNAL, frames.today, reading)
