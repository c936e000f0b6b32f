"""Two states of the register, reduced to what differs between them.

Belongs here: the three tables of one state, and the three small frames that hold all a
comparison needs. Does not belong here: what a difference means.

The register has thirty million units and forty-four million establishments; a month
touches about one in a hundred. Both states are walked through side by side in ranges of
SIREN, so that memory does not grow with the register; only what differs is kept, and the
rest of a row is read once it is known to matter. Values are compared, never hashes; those
may say beforehand which units can differ (``differing.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from opendata.diff import aligned

#: Columns of a unit that a comparison reads.
UNIT = (
    "siren",
    "statut_diffusion",
    "date_creation",
    "date_debut",
    "etat_administratif",
    "denomination",
    "categorie_juridique",
    "activite_principale",
    "nomenclature_activite",
    "nic_siege",
    "personne_morale",
    "nom_complet",
    "tranche_effectifs",
    "annee_effectifs",
    "categorie_entreprise",
    "annee_categorie_entreprise",
    "ess",
    "societe_mission",
)
#: Columns of a unit whose difference puts it among the touched.
UNIT_TRACKED = (
    "etat_administratif",
    "denomination",
    "categorie_juridique",
    "activite_principale",
    "nic_siege",
    "tranche_effectifs",
    "categorie_entreprise",
    "ess",
    "societe_mission",
)
SITE = (
    "siret",
    "siren",
    "statut_diffusion",
    "date_creation",
    "date_debut",
    "etat_administratif",
    "caractere_employeur",
    "activite_principale",
    "code_commune",
    "departement",
    "lambert_x",
    "lambert_y",
)
#: What is told of every establishment that a change may name.
PLACE = ("siret", "code_commune", "departement", "lambert_x", "lambert_y", "statut_diffusion")
#: Units compared at a time.
RANGE = 500_000
LINK_KEY = ("siret_predecesseur", "siret_successeur", "date_lien")
LINK = (*LINK_KEY, "transfert_siege", "continuite_economique")


@dataclass(frozen=True)
class Registry:
    """One state of the register: the three normalised tables."""

    legal_units: pl.LazyFrame
    establishments: pl.LazyFrame
    successions: pl.LazyFrame


@dataclass(frozen=True)
class Difference:
    """What differs between two states, collected.

    Attributes:
        units: every unit that differs or owns something that does; columns of ``UNIT``,
            the same with ``_before``, and ``known`` (it was in the previous state).
        sites: establishments that are new or whose state differs; columns of ``SITE``,
            ``etat_before``, ``statut_before`` and ``known``.
        links: links that are new or recent, with ``known``.
        places: SIRET, commune, department, coordinates and status of every establishment
            that a change may name.
        employers: SIREN, SIRET and period of the first establishment that declares employees
            of units none of whose establishments did.
    """

    units: pl.DataFrame
    sites: pl.DataFrame
    links: pl.DataFrame
    places: pl.DataFrame
    employers: pl.DataFrame


def ranges(rows: pl.LazyFrame, column: str) -> Iterator[tuple[str | None, str | None]]:
    """Cut the numbers of a column into ranges of about ``RANGE`` rows; an open end is None."""
    size = int(rows.select(pl.len()).collect().item())
    cuts: list[str] = []
    if size > RANGE:
        every = max(1, RANGE // 16)
        sampled = rows.select(pl.col(column).gather_every(every)).collect(engine="streaming")
        cuts = sampled[column].sort().gather_every(16, offset=16).to_list()
    yield from pairwise([None, *cuts, None])


def within(rows: pl.LazyFrame, column: str, low: str | None, high: str | None) -> pl.LazyFrame:
    """Keep the rows of a range; a SIRET begins with its SIREN and so falls in the same one."""
    if low is not None:
        rows = rows.filter(pl.col(column) >= low)
    return rows if high is None else rows.filter(pl.col(column) < high)


def _states(sites: pl.LazyFrame) -> pl.LazyFrame:
    """Return SIRET and state, and both packed in one exact number."""
    state = pl.col("etat_administratif")
    code = (state == "A").cast(pl.UInt64) + 2 * (state == "F").cast(pl.UInt64)
    packed = pl.col("siret").cast(pl.UInt64) * 8 + code.fill_null(0) * 2
    return sites.select("siret", "etat_administratif", "statut_diffusion", packed.alias("packed"))


def _absent(before: pl.Series, after: pl.Series) -> npt.NDArray[np.uint64]:
    """Return the numbers of ``after``, all even, that ``before`` does not have.

    Two ascending runs are merged in one walk; in any other order the result is the same.
    """
    both = np.concatenate([before.to_numpy(), after.to_numpy() + np.uint64(1)])
    both.sort(kind="stable")
    previous = np.empty_like(both)
    previous[:1] = 0
    previous[1:] = both[:-1]
    alone = (both & np.uint64(1) == 1) & (previous != both - np.uint64(1))
    found: npt.NDArray[np.uint64] = both[alone] - np.uint64(1)
    return found


def _sites(before: pl.LazyFrame, after: pl.LazyFrame) -> pl.DataFrame:
    """Return the SIRETs that are new or whose state differs, with what was before."""
    old, new = (_states(rows).collect() for rows in (before, after))
    differs = pl.Series(_absent(old["packed"], new["packed"]))
    touched = new.filter(pl.col("packed").is_in(differs.implode())).select("siret")
    state = old.filter(pl.col("siret").is_in(touched["siret"].implode())).select(
        "siret",
        pl.col("etat_administratif").alias("etat_before"),
        pl.col("statut_diffusion").alias("statut_before"),
    )
    return touched.join(state, on="siret", how="left")


def _touched(before: pl.LazyFrame, after: pl.LazyFrame) -> pl.Series:
    """Return the SIREN numbers of units that are new or whose tracked columns differ."""
    columns = ["siren", *UNIT_TRACKED]
    found = aligned(before.select(columns).collect(), after.select(columns).collect(), ["siren"])
    changed = found.after["siren"].filter(found.changed(UNIT_TRACKED))
    return pl.concat([found.added["siren"], changed])


def _employers(before: pl.LazyFrame, after: pl.LazyFrame) -> pl.DataFrame:
    """Return the first employers of units of which every establishment was known to have none.

    The flag stays O on a closed establishment: a unit that once employed is not new to it.
    """
    flag = pl.col("caractere_employeur")
    was = before.filter(flag == "O").select("siret").collect()
    new = after.filter(flag == "O").select("siren", "siret", "date_debut").collect()
    new = new.join(was, on="siret", how="anti")
    owned = pl.col("siren").is_in(new["siren"].unique().implode())
    none = (flag == "N").fill_null(False).all().alias("none")
    never = before.filter(owned).group_by("siren").agg(none).filter("none").collect()
    return (
        new.join(never, on="siren", how="semi")
        .sort("siren", "date_debut", "siret")
        .unique("siren", keep="first", maintain_order=True)
    )


def links(before: pl.LazyFrame, after: pl.LazyFrame, since: date) -> pl.DataFrame:
    """Return the links that are new, or dated ``since`` or later, as ``Difference.links``."""
    known = before.select(*LINK_KEY, pl.lit(True).alias("known")).collect()
    return (
        after.select(LINK)
        .collect()
        .join(known, on=list(LINK_KEY), how="left", nulls_equal=True)
        .with_columns(pl.col("known").fill_null(False))
        .filter(~pl.col("known") | (pl.col("date_lien") >= since))
        .with_columns(
            pl.col("siret_predecesseur").str.slice(0, 9).alias("siren_predecesseur"),
            pl.col("siret_successeur").str.slice(0, 9).alias("siren"),
        )
    )


def _units(previous: Registry, current: Registry, sirens: pl.Series) -> pl.DataFrame:
    wanted = pl.col("siren").is_in(sirens.unique().implode())

    def of(state: Registry) -> pl.DataFrame:
        return state.legal_units.select(UNIT).filter(wanted).collect(engine="streaming")

    before = of(previous).rename({name: f"{name}_before" for name in UNIT[1:]})
    return (
        of(current)
        .join(before.with_columns(pl.lit(True).alias("known")), on="siren", how="left")
        .with_columns(pl.col("known").fill_null(False))
        .sort("siren")
    )


def _of_siret(current: Registry, sirets: Sequence[pl.Series]) -> pl.DataFrame:
    wanted = pl.concat([series.rename("siret") for series in sirets]).drop_nulls().unique()
    return (
        current.establishments.select(SITE)
        .filter(pl.col("siret").is_in(wanted.implode()))
        .collect(engine="streaming")
        .sort("siret")
    )


def difference(previous: Registry, current: Registry, *, since: date) -> Difference:
    """Return what differs between two states, sorted by key.

    Args:
        previous: the earlier state.
        current: the later state.
        since: links dated that day or later are kept even if already known.
    """
    states: list[pl.DataFrame] = []
    linked: list[pl.DataFrame] = []
    touched: list[pl.Series] = []
    employers: list[pl.DataFrame] = []
    for part in ranges(current.legal_units, "siren"):
        was, now = (
            Registry(
                within(state.legal_units, "siren", *part),
                within(state.establishments, "siret", *part),
                within(state.successions, "siret_predecesseur", *part),
            )
            for state in (previous, current)
        )
        states.append(_sites(was.establishments, now.establishments))
        touched.append(_touched(was.legal_units, now.legal_units))
        linked.append(links(was.successions, now.successions, since))
        employers.append(_employers(was.establishments, now.establishments))
    return _described(
        previous,
        current,
        pl.concat(touched),
        pl.concat(states),
        pl.concat(linked).sort(LINK_KEY),
        pl.concat(employers),
    )


def _described(
    previous: Registry,
    current: Registry,
    touched: pl.Series,
    states: pl.DataFrame,
    linked: pl.DataFrame,
    employers: pl.DataFrame,
) -> Difference:
    """Read the whole rows of what differs, and of what it concerns."""
    owners = [
        states["siret"].str.slice(0, 9),
        linked["siren"],
        linked["siren_predecesseur"],
        employers["siren"],
    ]
    units = _units(
        previous, current, pl.concat([touched, *(one.rename("siren") for one in owners)])
    )
    offices = units.select(
        (pl.col("siren") + pl.col("nic_siege")).alias("now"),
        (pl.col("siren") + pl.col("nic_siege_before")).alias("before"),
    )
    ends = [linked["siret_predecesseur"], linked["siret_successeur"]]
    named = [states["siret"], employers["siret"], *ends, offices["now"], offices["before"]]
    rows = _of_siret(current, named)
    sites = rows.join(states, on="siret", maintain_order="left").with_columns(
        pl.col("etat_before").is_not_null().alias("known")
    )
    return Difference(units, sites, linked, rows.select(PLACE), employers)
