"""Changes of establishments: moves, take-overs, and the openings and closings that remain.

Belongs here: turning pairs into changes and telling what is left unexplained. Does not
belong here: pairing (``moves.py``).

An opening or a closing that is part of something larger is not told again: of a move, of
a take-over, of the creation, the closing or the reactivation of the whole unit.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from sirene.drafts import draft
from sirene.moves import Pairs, arrivals, departures, start
from sirene.policy import policy
from sirene.registry import Difference
from sirene.unit_changes import ACTIVE, OPEN, diffused, recent


def site_changes(found: Difference, pairs: Pairs, observed_at: date) -> pl.DataFrame:
    """Return the changes of establishments and head offices as drafts."""
    seen = found.units.filter(diffused(), pl.col("known"))
    lasting = seen.filter(
        pl.col("etat_administratif") == ACTIVE, pl.col("etat_administratif_before") == ACTIVE
    )
    return pl.concat(
        [
            _head_offices(pairs, lasting),
            _moves(pairs, lasting, found),
            _take_overs(pairs, found, observed_at),
            *_unexplained(found, pairs, lasting, observed_at),
            _first_employers(found, lasting, observed_at),
        ]
    )


def _head_offices(pairs: Pairs, lasting: pl.DataFrame) -> pl.DataFrame:
    return draft(
        pairs.head_offices.join(lasting, on="siren", how="semi"),
        "hq_moved",
        column="nic_siege",
        before=pl.col("left").str.slice(9),
        after=pl.col("entered").str.slice(9),
        siret=pl.col("entered"),
        other_siret=pl.col("left"),
        occurred_at=pl.col("occurred_at"),
    )


def _open_to_all(found: Difference, column: str) -> pl.Expr:
    """Tell which SIRETs are not known to be under partial diffusion."""
    masked = found.places.filter(pl.col("statut_diffusion") != OPEN)["siret"]
    return ~pl.col(column).is_in(masked.implode())


def _between_sites(rows: pl.DataFrame, change: str) -> pl.DataFrame:
    return draft(
        rows,
        change,
        column="siret",
        before=pl.col("left"),
        after=pl.col("entered"),
        siret=pl.col("entered"),
        other_siret=pl.col("left"),
        occurred_at=pl.col("occurred_at"),
    )


def _moves(pairs: Pairs, lasting: pl.DataFrame, found: Difference) -> pl.DataFrame:
    moved = pairs.sites.join(lasting, on="siren", how="semi")
    return _between_sites(
        moved.filter(_open_to_all(found, "entered"), _open_to_all(found, "left")),
        "establishment_moved",
    )


def _take_overs(pairs: Pairs, found: Difference, observed_at: date) -> pl.DataFrame:
    """Return the take-overs that the register has just linked.

    The buyer may be a unit that has just been created; the seller may be gone. Neither may
    be under partial diffusion, nor was before.
    """
    limits = policy().limits
    fresh = found.links.filter(~pl.col("known")).select(
        pl.col("siret_predecesseur").alias("left"),
        pl.col("siret_successeur").alias("entered"),
        pl.col("date_lien").alias("occurred_at"),
    )
    open_units = found.units.filter(diffused()).select("siren")
    hidden_units = found.units.filter(~diffused())["siren"]
    taken = (
        pairs.take_overs.join(
            fresh, on=["left", "entered", "occurred_at"], how="semi", nulls_equal=True
        )
        .join(open_units, on="siren", how="semi")
        .filter(
            ~pl.col("left").str.slice(0, 9).is_in(hidden_units.implode()),
            _open_to_all(found, "entered"),
            _open_to_all(found, "left"),
            recent(pl.col("occurred_at"), observed_at, limits.taken_over_days, limits),
        )
    )
    return _between_sites(taken, "establishment_taken_over")


def _first_employers(found: Difference, lasting: pl.DataFrame, observed_at: date) -> pl.DataFrame:
    """Return the units that declare employees for the first time, with the place that does."""
    limits = policy().limits
    rows = found.employers.join(lasting, on="siren", how="semi").filter(
        _open_to_all(found, "siret"),
        recent(pl.col("date_debut"), observed_at, limits.site_opened_days, limits),
    )
    return draft(
        rows,
        "unit_became_employer",
        column="caractere_employeur",
        before=pl.lit("N"),
        after=pl.lit("O"),
        siret=pl.col("siret"),
        occurred_at=pl.col("date_debut"),
    )


def _unexplained(
    found: Difference, pairs: Pairs, lasting: pl.DataFrame, observed_at: date
) -> list[pl.DataFrame]:
    """Return openings, reopenings and closings that are part of nothing larger."""
    limits = policy().limits
    alone = found.sites.filter(
        ~pl.col("siret").is_in(pairs.explained.implode()),
        pl.col("statut_diffusion") == OPEN,
        ~pl.col("known") | (pl.col("statut_before") == OPEN).fill_null(False),
    ).join(lasting, on="siren", how="semi")
    opened = arrivals(alone).filter(
        ~pl.col("known"),
        recent(pl.col("date_creation"), observed_at, limits.site_opened_days, limits),
    )
    reopened = arrivals(alone).filter("known")
    cancelled = (pl.col("date_debut") <= pl.col("date_creation")).fill_null(False)
    closed = departures(alone).filter(~cancelled)
    state = "etat_administratif"

    def of_state(rows: pl.DataFrame, change: str, occurred_at: pl.Expr) -> pl.DataFrame:
        return draft(
            rows,
            change,
            column=state,
            before=pl.col("etat_before"),
            after=pl.col(state),
            siret=pl.col("siret"),
            occurred_at=occurred_at,
        )

    return [
        of_state(opened, "establishment_opened", start()),
        of_state(reopened, "establishment_reopened", start()),
        of_state(closed, "establishment_closed", pl.col("date_debut")),
    ]
