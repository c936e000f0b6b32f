"""Typed changes between two states of the register.

Belongs here: the order of the steps, the columns of ``sirene_changes`` and the identity
of a change. Does not belong here: the rules (``unit_changes.py``, ``moves.py``,
``site_changes.py``, ``mass.py``), nor what a change is worth to a salesperson
(``signals/``).
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import polars as pl

from sirene.differing import MANY, cut
from sirene.distances import distance_km
from sirene.mass import is_mass_operation
from sirene.moves import pair_up
from sirene.policy import policy
from sirene.registry import Difference, Registry, difference
from sirene.site_changes import site_changes
from sirene.unit_changes import OPEN, unit_changes

SCHEMA: dict[str, pl.DataType] = {
    "change_id": pl.String(),
    "siren": pl.String(),
    "siret": pl.String(),
    "change": pl.String(),
    "column": pl.String(),
    "before": pl.String(),
    "after": pl.String(),
    "other_siret": pl.String(),
    "nom_complet": pl.String(),
    "departement": pl.String(),
    "activite_principale": pl.String(),
    "from_commune": pl.String(),
    "to_commune": pl.String(),
    "distance_km": pl.Float64(),
    "occurred_at": pl.Date(),
    "observed_at": pl.Date(),
    "is_mass_operation": pl.Boolean(),
    "personne_morale": pl.Boolean(),
    "prospecting_allowed": pl.Boolean(),
    "record_key": pl.String(),
    "publication_date": pl.Date(),
}
#: What makes two changes the same one. The value before is no part of it, so that a skipped
#: month changes no id, except between establishments: several may be gathered in one.
IDENTITY = ("change", "siren", "siret", "column", "occurred_at", "after")
BETWEEN_SITES = ("establishment_moved", "establishment_taken_over")


def compare(
    previous: Registry | None,
    current: Registry,
    *,
    observed_at: date,
    among: pl.Series | None = None,
) -> pl.LazyFrame:
    """Return the changes that lead from one state of the register to the next.

    Args:
        previous: the earlier state; None for the first one, which changes nothing.
        current: the later state.
        observed_at: date of the later state, as its publisher dates it.
        among: SIREN numbers of the units that can differ (``differing.py``), if they are known:
            the others are not read, and the rows are the same.

    Returns:
        Rows of ``SCHEMA``, sorted by ``change_id``, one per change. ``occurred_at`` is the
        register's own date and may be null; ``siret`` is null for a change of the unit;
        ``from_commune`` and ``to_commune`` are where a change leaves and arrives;
        ``distance_km`` is null unless the register gives coordinates for both ends. Rows of
        natural persons have no name. The same two states give the same rows, whatever the
        order of theirs.
    """
    if previous is None:
        return pl.LazyFrame(schema=SCHEMA)
    rules = policy()
    since = observed_at - timedelta(days=rules.limits.link_days)
    if among is not None and len(among) <= MANY:
        previous, current = cut(previous, current, among, since)
    found = difference(previous, current, since=since)
    pairs = pair_up(found.units, found.sites, found.links)
    drafts = pl.concat(
        [unit_changes(found.units, observed_at), site_changes(found, pairs, observed_at)]
    )
    rows = _identified(drafts)
    rows = rows.with_columns(is_mass_operation(rows, rules.mass_operation))
    return _described(rows, found, observed_at).lazy()


def _identified(drafts: pl.DataFrame) -> pl.DataFrame:
    """Add ``change_id``, keep one row of each and sort by it.

    Python hashes each row: these are one month's changes, not the register, and no hash
    of Polars stays the same from one release to the next.
    """
    left = pl.when(pl.col("change").is_in(BETWEEN_SITES)).then("other_siret")
    parts = [*(pl.col(name).cast(pl.String) for name in IDENTITY), left]
    keys = drafts.select(
        pl.concat_str([part.fill_null("") for part in parts], separator="|")
    ).to_series()
    ids = [hashlib.blake2b(key.encode(), digest_size=16).hexdigest() for key in keys]
    return (
        drafts.with_columns(pl.Series("change_id", ids, dtype=pl.String))
        .sort("change_id", "other_siret", nulls_last=True)
        .unique("change_id", keep="first", maintain_order=True)
    )


def _described(rows: pl.DataFrame, found: Difference, observed_at: date) -> pl.DataFrame:
    """Add the unit's name and status, and the places."""
    units = found.units.select(
        "siren",
        "nom_complet",
        pl.col("personne_morale").fill_null(False),
        pl.col("activite_principale").alias("unit_activity"),
        pl.col("statut_diffusion").alias("unit_status"),
        (pl.col("siren") + pl.col("nic_siege")).alias("office"),
    )
    places = found.places.rename({"siret": "place", "statut_diffusion": "place_status"})
    ended = pl.col("change") == "establishment_closed"
    described = (
        rows.join(units, on="siren", how="left", maintain_order="left")
        .with_columns(pl.coalesce("siret", "office").alias("place"))
        .join(places, on="place", how="left", maintain_order="left")
        .join(
            places.drop("place_status", "departement"),
            left_on="other_siret",
            right_on="place",
            how="left",
            suffix="_left",
            maintain_order="left",
        )
        .join(
            found.sites.select(
                pl.col("siret"), pl.col("activite_principale").alias("site_activity")
            ),
            on="siret",
            how="left",
            maintain_order="left",
        )
    )
    on_site = pl.col("siret").is_not_null()
    return described.select(
        "change_id",
        "siren",
        "siret",
        "change",
        "column",
        "before",
        "after",
        "other_siret",
        "nom_complet",
        "departement",
        pl.coalesce("site_activity", "unit_activity").alias("activite_principale"),
        pl.when(ended).then("code_commune").otherwise("code_commune_left").alias("from_commune"),
        pl.when(on_site & ~ended).then("code_commune").alias("to_commune"),
        distance_km().alias("distance_km"),
        "occurred_at",
        pl.lit(observed_at).alias("observed_at"),
        "is_mass_operation",
        "personne_morale",
        ((pl.col("unit_status") == OPEN) & (pl.col("place_status").fill_null(OPEN) == OPEN)).alias(
            "prospecting_allowed"
        ),
        pl.coalesce("siret", "siren").alias("record_key"),
        pl.lit(observed_at).alias("publication_date"),
    )
