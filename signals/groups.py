"""Companies that belong together, as far as open registers let one infer it.

Belongs here: links between two legal persons (a site taken over, a business sold, a UES
declared under one name) and what stands about a lead's relatives. Does not belong here:
any signal; the declared links of groups, which no open register gives.

Every link is an inference: a buyer of a business is no subsidiary of its seller, and two
declarants of one UES may have parted. None changes the score of a lead.
"""

from __future__ import annotations

import polars as pl

from signals.events import folded

LINK_SCHEMA = pl.Schema(
    {
        "siren": pl.String(),
        "related_siren": pl.String(),
        "link": pl.String(),
        "role": pl.String(),
        "since": pl.Date(),
        "source_id": pl.String(),
        "record_key": pl.String(),
    }
)
GROUP_SCHEMA = pl.Schema(
    {
        "account_id": pl.String(),
        "lead_id": pl.String(),
        "siren": pl.String(),
        "related_siren": pl.String(),
        "related_name": pl.String(),
        "link": pl.String(),
        "role": pl.String(),
        "since": pl.Date(),
        "nature": pl.String(),
        "signals": pl.Int64(),
        "signalids": pl.List(pl.String()),
        "source_id": pl.String(),
        "record_key": pl.String(),
    }
)
#: More declarants than this share a word, not a group.
_LARGEST_UES = 6
#: Shorter names are initials that several groups bear.
_SHORTEST_NAME = 6
_LINEAGE = ("source_id", "record_key")


def successions(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the links that ``sirene__successions`` shows between two companies."""
    return _both_ways(
        rows.select(
            pl.col("siret_predecesseur").str.slice(0, 9).alias("_from"),
            pl.col("siret_successeur").str.slice(0, 9).alias("_to"),
            pl.lit("succession").alias("link"),
            pl.col("date_lien").alias("since"),
            *_LINEAGE,
        ),
        "predecessor",
        "successor",
    )


def sales(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the links that ``bodacc__sales`` shows between two companies."""
    return _both_ways(
        rows.select(
            pl.col("seller_siren").alias("_from"),
            pl.col("buyer_siren").alias("_to"),
            pl.lit("sale").alias("link"),
            pl.coalesce("date_effet", "date_parution").alias("since"),
            *_LINEAGE,
        ),
        "seller",
        "buyer",
    )


def social_units(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the links between declarants of ``egapro__declarations`` that name one UES.

    A UES declares once, under one member; two members show only when the declarant changed
    from a year to another. The name must be long enough, of one region, and shared by few.
    """
    name = folded(pl.col("nom_ues")).str.replace(r"^UES ", "")
    named = (
        rows.with_columns(_name=name)
        .filter(pl.col("_name").str.len_chars() >= _SHORTEST_NAME)
        .sort("annee", "record_key")
        .unique(["siren", "_name", "region"], keep="last", maintain_order=True)
        .filter(pl.len().over("_name", "region") <= _LARGEST_UES)
    )
    pairs = named.join(named, on=["_name", "region"], suffix="_other")
    return pairs.filter(pl.col("siren") != pl.col("siren_other")).select(
        pl.col("siren"),
        related_siren="siren_other",
        link=pl.lit("ues"),
        role=pl.lit("member"),
        since=pl.date(pl.max_horizontal("annee", "annee_other"), 1, 1),
        source_id="source_id_other",
        record_key="record_key_other",
    )


def grouped(
    leads: pl.DataFrame, links: pl.DataFrame, companies: pl.DataFrame, standing: pl.DataFrame
) -> pl.DataFrame:
    """Return what stands about the relatives of each lead, in :data:`GROUP_SCHEMA`.

    Args:
        leads: ``account_id``, ``lead_id``, ``siren`` of the recognised leads.
        links: rows in :data:`LINK_SCHEMA`.
        companies: what is known of them; relatives that are no legal person are left out.
        standing: the snapshot of the company stream.
    """
    legal = companies.filter(pl.col("personne_morale") & pl.col("diffusible")).select(
        related_siren="siren", related_name="company_name"
    )
    told = standing.filter(pl.col("prospecting_allowed")).sort(
        "score", "signalid", descending=[True, False]
    )
    news = told.group_by("siren", maintain_order=True).agg(
        signals=pl.len().cast(pl.Int64), signalids="signalid"
    )
    found = (
        leads.unique(["account_id", "lead_id", "siren"])
        .join(links, on="siren")
        .join(legal, on="related_siren")
        .join(news, left_on="related_siren", right_on="siren", how="left")
    )
    key = ("account_id", "lead_id", "siren", "related_siren", "link", "role")
    latest = found.sort(*key, "since", "record_key", nulls_last=False).unique(
        key, keep="last", maintain_order=True
    )
    filled = latest.with_columns(
        pl.col("signals").fill_null(0),
        pl.col("signalids").fill_null([]),
        nature=pl.lit("inference"),
    )
    return filled.select(pl.col(name).cast(kind) for name, kind in GROUP_SCHEMA.items())


def _both_ways(pairs: pl.LazyFrame, giver: str, taker: str) -> pl.LazyFrame:
    """Return each pair seen from both sides; ``role`` is that of the related company."""
    real = pairs.filter(pl.col("_from") != pl.col("_to"))
    sides = [
        real.select(
            pl.col(mine).alias("siren"),
            pl.col(theirs).alias("related_siren"),
            pl.col("link"),
            pl.lit(role).alias("role"),
            pl.col("since"),
            *_LINEAGE,
        )
        for mine, theirs, role in (("_from", "_to", taker), ("_to", "_from", giver))
    ]
    return pl.concat(sides)
