"""What Sirene says of a unit and of its establishments that cannot both be true.

Belongs here: the rules that compare a unit with its establishments. Does not belong here: those
that compare it with other registers (:mod:`signals.contradictions`).
"""

from __future__ import annotations

import polars as pl

from signals.base import Frames
from signals.disagreement import (
    ACTIVE,
    SITES,
    STATE,
    UNITS,
    Side,
    as_contradictions,
    beside,
    latest_record,
    units_in_state,
)


def _sites(frames: Frames) -> pl.LazyFrame:
    return frames.current(SITES).select(
        "siren", "siret", "etat_administratif", "date_debut", "siege", "source_id"
    )


def _offices(frames: Frames) -> pl.LazyFrame:
    """Return the active units beside the establishment that they call their head office."""
    units = units_in_state(frames, ACTIVE).select(
        "siren",
        "nic_siege",
        "etat_administratif",
        "date_debut",
        "source_id",
        pl.concat_str("siren", "nic_siege").alias("siret"),
    )
    return units.join(_sites(frames).drop("siren"), on="siret", how="inner", suffix="_other")


def head_office_closed(frames: Frames) -> pl.LazyFrame:
    """A closed head office beside an open site; without any, another kind says so."""
    elsewhere = _sites(frames).filter(pl.col("etat_administratif") == ACTIVE).select("siren")
    closed = _offices(frames).filter(pl.col("etat_administratif_other") != ACTIVE)
    return as_contradictions(
        closed.join(elsewhere, on="siren", how="semi"),
        "head_office_closed",
        frames.today,
        Side(STATE, pl.col("etat_administratif"), pl.col("date_debut")),
        Side(
            f"{SITES}.etat_administratif",
            pl.col("etat_administratif_other"),
            pl.col("date_debut_other"),
            "source_id_other",
            pl.col("siret"),
        ),
        pl.col("siret"),
    )


def active_without_establishment(frames: Frames) -> pl.LazyFrame:
    """An active unit all of whose establishments are closed, the head office among them.

    Where the head office itself is not known, the tables are an extract and tell nothing.
    """
    sites = _sites(frames)
    open_sites = sites.filter(pl.col("etat_administratif") == ACTIVE).select("siren")
    last = latest_record(
        sites.join(open_sites, on="siren", how="anti").rename({"siret": "record_key"}),
        "date_debut",
    )
    joined = beside(last, units_in_state(frames, ACTIVE)).join(
        _offices(frames).select("siren"), on="siren", how="semi"
    )
    return as_contradictions(
        joined,
        "active_without_establishment",
        frames.today,
        Side(STATE, pl.col("etat_administratif"), pl.col("date_debut")),
        Side(
            f"{SITES}.etat_administratif",
            pl.col("etat_administratif_other"),
            pl.col("date_debut_other"),
            "source_id_other",
            pl.col("record_key"),
        ),
    )


def head_office_not_flagged(frames: Frames) -> pl.LazyFrame:
    """A head office whose own row says that it is none."""
    wrong = _offices(frames).filter(pl.col("siege").fill_null(True).not_())
    return as_contradictions(
        wrong,
        "head_office_not_flagged",
        frames.today,
        Side(f"{UNITS}.nic_siege", pl.col("nic_siege"), pl.col("date_debut")),
        Side(
            f"{SITES}.siege",
            pl.lit("false"),
            pl.col("date_debut_other"),
            "source_id_other",
            pl.col("siret"),
        ),
        pl.col("siret"),
    )
