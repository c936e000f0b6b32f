"""BOAMP notices → notices with their buyer, and awards to identified winners.

Belongs here: which notice feeds which table, deadlines and states. Does not belong here: the tree
of the European forms (``_eforms.py``), what an award adds to what DECP says (the signals).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from assets.boamp._eforms import BUYER, BUYERS, CPV, organisations, text, tree, winners

CODE_VERSION = "1"

#: A notice gives months to answer, a dynamic system some years; 7017 was met.
LONGEST_ANSWER = "10y"
OLDEST = date(2005, 1, 1)
#: States in which a notice takes the place of the one it cites.
CORRECTIONS = ("ANNULATION", "RECTIFICATIF")


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``boamp__notices`` and ``boamp__awards``; ``dataset.yml`` says their columns."""
    names = [name for name in raw["boamp"].collect_schema().names() if name != "_line"]
    received = (
        raw["boamp"]
        .select(names)
        .sort("idweb", *[name for name in names if name != "idweb"], nulls_last=True)
        .unique("idweb", keep="first", maintain_order=True)
    )
    # The trees are read several times, and a window of them is small.
    read = tree(received).collect().lazy()
    notices = _notices(read).collect().lazy()
    return {"boamp__notices": notices, "boamp__awards": _awards(read, notices)}


def _notices(read: pl.LazyFrame) -> pl.LazyFrame:
    buyer = read.select("idweb", organisation=text("notice", BUYER, BUYERS)).join(
        organisations(read), on=["idweb", "organisation"]
    )
    cited = pl.col("annonce_liee").str.extract(r"(\d{2}-\d+)", 1)
    state = pl.col("etat").str.to_uppercase()
    until = pl.col("date_limite").str.head(10).str.to_date("%Y-%m-%d", strict=False)
    plausible = until.is_between(
        pl.col("date_parution"), pl.col("date_parution").dt.offset_by(LONGEST_ANSWER)
    )
    return (
        read.join(buyer.select("idweb", acheteur_siret="siret"), on="idweb", how="left")
        .select(
            "idweb",
            "date_parution",
            "nature",
            state,
            pl.when(state.is_in(CORRECTIONS), cited != pl.col("idweb"))
            .then(cited)
            .alias("cancels"),
            "dossier",
            "acheteur_siret",
            pl.col("acheteur_siret").str.head(9).alias("acheteur_siren"),
            "acheteur_nom",
            pl.col("departement").str.extract(r"(\d[\dAB]\d?)", 1),
            "type_marche",
            text("notice", CPV).alias("code_cpv"),
            pl.when(plausible).then(until).alias("date_limite"),
            "url",
            pl.col("idweb").alias("record_key"),
            pl.col("date_parution").alias("publication_date"),
        )
        .sort("idweb")
    )


def _awards(read: pl.LazyFrame, notices: pl.LazyFrame) -> pl.LazyFrame:
    amount = pl.col("montant").cast(pl.Float64, strict=False)
    concluded = pl.col("date_contrat").str.head(10).str.to_date("%Y-%m-%d", strict=False)
    own = notices.select(
        "idweb",
        "date_parution",
        "etat",
        "cancels",
        "dossier",
        "acheteur_siret",
        "acheteur_siren",
        "url",
    )
    return (
        winners(read)
        .join(own, on="idweb")
        .select(
            "idweb",
            "contrat",
            pl.col("siret").alias("titulaire_siret"),
            pl.col("siret").str.head(9).alias("titulaire_siren"),
            "date_parution",
            "etat",
            "cancels",
            "dossier",
            "acheteur_siret",
            "acheteur_siren",
            "reference_contrat",
            pl.when(concluded.is_between(pl.lit(OLDEST), pl.col("date_parution")))
            .then(concluded)
            .alias("date_contrat"),
            pl.when(pl.col("devise").fill_null("EUR") == "EUR", amount > 1)
            .then(amount)
            .alias("montant_eur"),
            "url",
            pl.concat_str("idweb", "contrat", "siret", separator="/").alias("record_key"),
            pl.col("date_parution").alias("publication_date"),
        )
        .unique(["idweb", "contrat", "titulaire_siret"], keep="first", maintain_order=True)
        .sort("idweb", "contrat", "titulaire_siret")
    )
