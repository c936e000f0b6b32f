"""Notices of sales → who bought a business, who sold one, for how much.

Belongs here: the roles of the parties and the terms of the sale. Does not belong here: leases
(``_filings.py``), reading JSON, dates and prices (``_blocks.py``).

A buyer who is a natural person is in no table: the company that sold to them is.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assets.bodacc._blocks import AHEAD, TAIL, clean, fold, inside, price, to_date

Parties = Mapping[str, pl.LazyFrame]


def sales(notices: pl.LazyFrame, subjects: pl.LazyFrame, parties: Parties) -> pl.LazyFrame:
    """Return one row per buying company, with the seller."""
    buyers = (
        _sold(notices)
        .join(subjects, on="notice_id")
        .rename({"siren": "buyer_siren", "name": "buyer_name"})
    )
    return (
        buyers.join(_sellers(buyers, parties), on=["notice_id", "buyer_siren"], how="left")
        .select(
            "notice_id",
            "date_parution",
            "type_avis",
            "buyer_siren",
            "buyer_name",
            "seller_siren",
            "seller_name",
            "seller_is_person",
            *_terms(),
        )
        .sort("notice_id", "buyer_siren")
    )


def disposals(notices: pl.LazyFrame, subjects: pl.LazyFrame, parties: Parties) -> pl.LazyFrame:
    """Return one row per selling company of notices in which no buying company has a number.

    The buyer is told as a natural person or not, and in no other way.
    """
    buyers = (
        parties["listepersonnes"]
        .group_by("notice_id")
        .agg(buyer_is_person=pl.col("is_person").drop_nulls().all())
    )
    sellers = (
        _before(parties)
        .filter(~pl.col("is_person"), pl.col("siren").is_not_null())
        .sort("notice_id", "siren", "position")
        .unique(["notice_id", "siren"], keep="first", maintain_order=True)
        .select("notice_id", seller_siren="siren", seller_name="name")
    )
    return (
        _sold(notices)
        .join(subjects, on="notice_id", how="anti")
        .join(buyers, on="notice_id")
        .join(sellers, on="notice_id")
        .select(
            "notice_id",
            "date_parution",
            "type_avis",
            "seller_siren",
            "seller_name",
            "buyer_is_person",
            *_terms(),
        )
        .sort("notice_id", "seller_siren")
    )


def _sold(notices: pl.LazyFrame) -> pl.LazyFrame:
    return notices.filter(pl.col("famille_avis") == "vente")


def _terms() -> list[pl.Expr]:
    """Return what is sold, for how much, when, and what every table of notices ends with."""
    category = inside("acte", "$.vente.categorieVente")
    business = pl.col("listeetablissements").str.json_path_match("$.etablissement")
    activity = ("$.etablissement.activite", "$.etablissement[0].activite")
    terms = {
        "category": category,
        "provisional": fold(category).str.contains("insertion provisoire"),
        "price_eur": price(business, inside("acte", "$..descriptif")),
        "date_effet": to_date(inside("acte", "$..dateEffet"), latest=AHEAD),
        "activite": inside("listeetablissements", *activity),
        "code_postal": pl.col("code_postal"),
        "ville": clean(pl.col("ville")),
        **{name: pl.col(name) for name in TAIL},
    }
    return [term.alias(name) for name, term in terms.items()]


def _before(parties: Parties) -> pl.LazyFrame:
    """Return who had the business before: owners if any is named, else operators."""
    owners = parties["listeprecedentproprietaire"].filter(pl.col("is_person").is_not_null())
    operators = parties["listeprecedentexploitant"].filter(pl.col("is_person").is_not_null())
    return pl.concat([owners, operators.join(owners, on="notice_id", how="anti")])


def _sellers(buyers: pl.LazyFrame, parties: Parties) -> pl.LazyFrame:
    """Return the seller of each (notice, buyer).

    Among several, a company with a SIREN comes first, then a company without, then a
    person, who stays without name and SIREN.
    """
    return (
        _before(parties)
        .join(buyers.select("notice_id", "buyer_siren"), on="notice_id")
        .filter(pl.col("siren").ne_missing(pl.col("buyer_siren")))
        .sort("notice_id", "buyer_siren", "is_person", pl.col("siren").is_null(), "position")
        .unique(["notice_id", "buyer_siren"], keep="first", maintain_order=True)
        .select(
            "notice_id",
            "buyer_siren",
            seller_siren=pl.when(~pl.col("is_person")).then(pl.col("siren")),
            seller_name="name",
            seller_is_person="is_person",
        )
    )
