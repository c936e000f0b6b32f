"""Which new, closed and linked establishments are one move, and which a take-over.

Belongs here: pairing the establishment left with the one entered. Does not belong here:
openings and closings, which are what no pair explains (``site_changes.py``).

An address change closes one SIRET and opens another: of the new SIRETs of existing
companies three in four are moves. The register links both ends, but not always (links
are declared), so that three kinds of evidence are used, strongest first, each on what the
ones before left:

1. the head office: ``nicSiege`` of the unit differs, or a link says it moved;
2. a link between two establishments of the same unit;
3. an opening and a closing of the same unit dated the same day.

A link across units is a take-over if the register says the business goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from sirene.unit_changes import ACTIVE

PAIR = {
    "siren": pl.String(),
    "left": pl.String(),
    "entered": pl.String(),
    "occurred_at": pl.Date(),
}


@dataclass(frozen=True)
class Pairs:
    """Establishments left and entered, by what joins them; columns of ``PAIR``.

    ``explained`` holds the SIRET numbers that are part of some pair.
    """

    head_offices: pl.DataFrame
    sites: pl.DataFrame
    take_overs: pl.DataFrame
    explained: pl.Series


def arrivals(sites: pl.DataFrame) -> pl.DataFrame:
    """Return the establishments that are active and were not, or were not known."""
    return sites.filter(pl.col("etat_administratif") == ACTIVE)


def departures(sites: pl.DataFrame) -> pl.DataFrame:
    """Return the establishments that were active and are closed."""
    return sites.filter(pl.col("etat_before") == ACTIVE, pl.col("etat_administratif") != ACTIVE)


def start() -> pl.Expr:
    """Return the day an arrival began: its creation if it is new, else its current period."""
    return pl.when(pl.col("known")).then("date_debut").otherwise("date_creation")


def _pairs(rows: pl.DataFrame, left: str | pl.Expr, entered: str | pl.Expr) -> pl.DataFrame:
    as_expr = [pl.col(end) if isinstance(end, str) else end for end in (left, entered)]
    return rows.select(
        pl.col("siren").cast(pl.String),
        as_expr[0].cast(pl.String).alias("left"),
        as_expr[1].cast(pl.String).alias("entered"),
        pl.col("occurred_at").cast(pl.Date),
    )


def _ends(*frames: pl.DataFrame) -> pl.Series:
    ends = [frame[end].rename("siret") for frame in frames for end in ("left", "entered")]
    return pl.concat(ends).drop_nulls().unique().sort()


def pair_up(units: pl.DataFrame, sites: pl.DataFrame, links: pl.DataFrame) -> Pairs:
    """Pair the establishments left and entered.

    Args:
        units: ``Difference.units``.
        sites: ``Difference.sites``.
        links: ``Difference.links``.
    """
    here = arrivals(sites)
    gone = departures(sites)
    touched = pl.concat([here["siret"], gone["siret"]])
    inside = links.filter(
        pl.col("siren_predecesseur") == pl.col("siren"),
        pl.col("siret_predecesseur") != pl.col("siret_successeur"),
    )
    offices = _head_offices(units, here, inside, touched)
    linked = _linked_sites(inside, here, gone, _ends(offices))
    across = links.filter(
        pl.col("siren_predecesseur") != pl.col("siren"), pl.col("continuite_economique")
    ).rename({"date_lien": "occurred_at"})
    take_overs = _pairs(across, "siret_predecesseur", "siret_successeur")
    explained = _ends(offices, linked, take_overs)
    same_day = _same_day(
        here.filter(~pl.col("siret").is_in(explained.implode())),
        gone.filter(~pl.col("siret").is_in(explained.implode())),
    )
    moved = pl.concat([linked, same_day])
    return Pairs(offices, moved, take_overs, _ends(offices, moved, take_overs))


def _head_offices(
    units: pl.DataFrame, here: pl.DataFrame, inside: pl.DataFrame, touched: pl.Series
) -> pl.DataFrame:
    """Return the moves of head offices of units that were and are active.

    The date is that of the link if there is one, else of the period that the unit opened,
    else the day the new head office began.
    """
    active = units.filter(
        pl.col("etat_administratif") == ACTIVE, pl.col("etat_administratif_before") == ACTIVE
    )
    by_number = active.filter(pl.col("nic_siege") != pl.col("nic_siege_before")).select(
        "siren",
        pl.concat_str("siren", "nic_siege_before").alias("left"),
        pl.concat_str("siren", "nic_siege").alias("entered"),
        pl.when(pl.col("date_debut") != pl.col("date_debut_before"))
        .then("date_debut")
        .alias("period"),
    )
    by_link = (
        inside.filter(
            pl.col("transfert_siege"),
            ~pl.col("known"),
            pl.col("siret_successeur").is_in(touched.implode())
            | pl.col("siret_predecesseur").is_in(touched.implode()),
        )
        .join(by_number, on="siren", how="anti")
        .join(active.select("siren", "nic_siege"), on="siren")
        .filter(pl.col("siret_successeur") == pl.concat_str("siren", "nic_siege"))
        .sort("date_lien", "siret_predecesseur", descending=[True, False], nulls_last=True)
        .unique("siren", keep="first", maintain_order=True)
        .select(
            "siren",
            pl.col("siret_predecesseur").alias("left"),
            pl.col("siret_successeur").alias("entered"),
            pl.lit(None, dtype=pl.Date).alias("period"),
        )
    )
    dated = (
        inside.sort("date_lien", descending=True, nulls_last=True)
        .unique(["siret_predecesseur", "siret_successeur"], keep="first", maintain_order=True)
        .select(
            pl.col("siret_predecesseur").alias("left"),
            pl.col("siret_successeur").alias("entered"),
            "date_lien",
        )
    )
    began = here.select(pl.col("siret").alias("entered"), start().alias("began"))
    rows = (
        pl.concat([by_number, by_link])
        .join(dated, on=["left", "entered"], how="left")
        .join(began, on="entered", how="left")
        .with_columns(pl.coalesce("date_lien", "period", "began").alias("occurred_at"))
    )
    return _pairs(rows, "left", "entered")


def _linked_sites(
    inside: pl.DataFrame, here: pl.DataFrame, gone: pl.DataFrame, offices: pl.Series
) -> pl.DataFrame:
    """Return the linked pairs of which one end at least arrived or departed.

    An end that is already part of a head office's move is not told twice. Several links
    into one arrival: the one that departed, else the latest, stands for the move.
    """
    ends = inside.filter(
        ~pl.col("siret_predecesseur").is_in(offices.implode()),
        ~pl.col("siret_successeur").is_in(offices.implode()),
    ).with_columns(
        pl.col("siret_successeur").is_in(here["siret"].implode()).alias("arrived"),
        pl.col("siret_predecesseur").is_in(gone["siret"].implode()).alias("departed"),
        pl.col("date_lien").alias("occurred_at"),
    )
    order = ["departed", "date_lien", "siret_predecesseur", "siret_successeur"]
    ranked = ends.sort(order, descending=[True, True, False, False], nulls_last=True)
    into = ranked.filter("arrived").unique("siret_successeur", keep="first", maintain_order=True)
    out_of = (
        ranked.filter("departed")
        .join(into, on="siret_predecesseur", how="anti")
        .unique("siret_predecesseur", keep="first", maintain_order=True)
    )
    return _pairs(pl.concat([into, out_of]), "siret_predecesseur", "siret_successeur")


def _same_day(here: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """Return openings and closings of one unit on one day, paired in the order of SIRET."""

    def numbered(rows: pl.DataFrame, day: pl.Expr, end: str) -> pl.DataFrame:
        dated = rows.with_columns(day.alias("occurred_at")).drop_nulls("occurred_at")
        return dated.sort("siret").select(
            "siren",
            "occurred_at",
            pl.int_range(pl.len()).over("siren", "occurred_at").alias("number"),
            pl.col("siret").alias(end),
        )

    entered = numbered(here, start(), "entered")
    left = numbered(gone, pl.col("date_debut"), "left")
    both = left.join(entered, on=["siren", "occurred_at", "number"]).sort("siren", "number")
    return _pairs(both, "left", "entered")
