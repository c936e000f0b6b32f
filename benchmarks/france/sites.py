"""Rows of StockEtablissement.

Belongs here: the 54 columns of an establishment in either month. Does not belong here: what
happens to it (``recipe.py``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.france import naming
from benchmarks.france.draws import I64, below, chance, pick_rows, text
from benchmarks.france.measured import Pools
from benchmarks.france.recipe import Event, Plan, processed
from benchmarks.france.units import MASK, activities, as_dates, chosen

_MASKED = (
    "complementAdresse", "numeroVoie", "indiceRepetition", "dernierNumeroVoie",
    "indiceRepetitionDernierNumeroVoie", "typeVoie", "libelleVoie", "codePostal",
    "distributionSpeciale", "codeCedex", "libelleCedex", "identifiantAdresse",
    "coordonneeLambertAbscisse", "coordonneeLambertOrdonnee",
)  # fmt: skip
SECOND = (
    "complementAdresse2", "numeroVoie2", "indiceRepetition2", "typeVoie2", "libelleVoie2",
    "codePostal2", "libelleCommune2", "libelleCommuneEtranger2", "distributionSpeciale2",
    "codeCommune2", "codeCedex2", "libelleCedex2", "codePaysEtranger2", "libellePaysEtranger2",
)  # fmt: skip
_SIGNS = ("enseigne1", "enseigne2", "enseigne3", "denominationUsuelle")


def facts(plan: Plan, pools: Pools) -> pl.DataFrame:
    """Return the row of the samples that each establishment was drawn from."""
    index = plan.site_index
    rows = pl.concat([pools.sites, pools.closed_sites])
    live = below(index, "fact", pools.sites.height)
    gone = below(index, "fact", pools.closed_sites.height) + pools.sites.height
    # Of an establishment that opens, what it is when it does.
    runs = plan.site_active[0] | (plan.site_active[1] & ~plan.site_known)
    return rows[np.where(runs, live, gone)]


def fresh(plan: Plan) -> pl.Series:
    """Tell which establishments begin in the later month."""
    created = plan.event[plan.site_unit] == Event.CREATED
    appeared = plan.event[plan.site_unit] == Event.APPEARED
    return pl.Series(~plan.site_known & (created | ~appeared))


def values(plan: Plan, month: int, pools: Pools, drawn: pl.DataFrame) -> pl.DataFrame:
    """Return what the stock and the open period of the history both say.

    Args:
        plan: the establishments.
        month: 0 before, 1 after.
        pools: what names are made of.
        drawn: from :func:`facts`.
    """
    unit, index, hidden = plan.site_unit, plan.site_index, plan.site_hidden[month]
    # The head office does what its unit does.
    naf, nomenclature = activities(plan, 0)
    office = plan.site_rank == plan.office[0][unit]
    day = as_dates(plan.day[unit])
    moved = fresh(plan) | pl.Series(plan.site_period & (month == 1))
    sign = chosen(
        drawn["enseigne"].is_not_null().to_numpy(), naming.company(index, "sign", pools), None
    )
    usual = chosen(
        drawn["usuelle"].is_not_null().to_numpy(), naming.company(index, "usual", pools), None
    )
    return pl.DataFrame(
        {
            "siren": text(plan.siren, 9).gather(unit),
            "nic": text(plan.site_siret % 100_000, 5),
            "siret": text(plan.site_siret, 14),
            "etatAdministratif": chosen(plan.site_active[month], "A", "F"),
            "enseigne1": chosen(hidden, MASK, sign),
            "enseigne2": chosen(hidden, MASK, None),
            "enseigne3": chosen(hidden, MASK, None),
            "denominationUsuelle": chosen(hidden, MASK, usual),
            "activitePrincipale": chosen(office, naf.gather(unit), drawn["naf"]),
            "nomenclatureActivitePrincipale": chosen(
                office, nomenclature.gather(unit), drawn["nomenclature"]
            ),
            # What a known unit opens employs nobody yet: an employer by chance is no event.
            "caractereEmployeur": chosen(
                ~plan.site_known & plan.known[unit], "N", drawn["employeur"]
            ),
            "debut": drawn["debut"].zip_with(~moved, day),
            "creation": drawn["creation"].zip_with(~fresh(plan), day),
        }
    )


def sites(plan: Plan, month: int, pools: Pools) -> pl.DataFrame:
    """Return the rows of StockEtablissement of one month, types as in the Parquet files."""
    unit, index, hidden = plan.site_unit, plan.site_index, plan.site_hidden[month]
    drawn = facts(plan, pools)
    found = values(plan, month, pools, drawn)
    place = _place(index, pools)
    again = month == 1
    office = [plan.site_rank == rank[unit] for rank in plan.office]
    touched = (
        plan.site_period | (office[0] != office[1]) | (plan.site_hidden[0] != plan.site_hidden[1])
    )
    stamp = np.where(
        (touched | ~plan.site_known) & again,
        (plan.day[unit] * 86_400 + 36_000) * 1_000_000,
        processed(index, "dts"),
    )
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(index))
    second = dict.fromkeys(SECOND, nothing)
    some = chance(index, "second", 0.002)
    second |= {
        "typeVoie2": chosen(some, place["typeVoie"], None),
        "libelleVoie2": chosen(some, place["libelleVoie"], None),
        "codePostal2": chosen(some, place["codePostal"], None),
        "libelleCommune2": chosen(some, place["libelleCommune"], None),
        "codeCommune2": chosen(some, place["codeCommune"], None),
    }
    shown = {name: place[name] for name in ("libelleCommune", "codeCommune")}
    guarded = {name: chosen(hidden, MASK, place[name]) for name in _MASKED}
    address = {
        **{name: guarded[name] for name in _MASKED[:8]},
        "libelleCommune": shown["libelleCommune"],
        "libelleCommuneEtranger": nothing,
        "distributionSpeciale": guarded["distributionSpeciale"],
        "codeCommune": shown["codeCommune"],
        "codeCedex": guarded["codeCedex"],
        "libelleCedex": guarded["libelleCedex"],
        "codePaysEtranger": nothing,
        "libellePaysEtranger": nothing,
        **{name: guarded[name] for name in _MASKED[11:]},
        **{name: chosen(hidden, MASK, column) for name, column in second.items()},
    }
    rows = pl.DataFrame(
        {
            "siren": found["siren"],
            "nic": found["nic"],
            "siret": found["siret"],
            "statutDiffusionEtablissement": chosen(hidden, "P", "O"),
            "dateCreationEtablissement": found["creation"],
            "trancheEffectifsEtablissement": drawn["tranche"],
            "anneeEffectifsEtablissement": drawn["annee"],
            "activitePrincipaleRegistreMetiersEtablissement": drawn["nafa"],
            "dateDernierTraitementEtablissement": pl.Series(stamp).cast(pl.Datetime("us")),
            "etablissementSiege": pl.Series(office[month]),
            "nombrePeriodesEtablissement": drawn["periods"] + pl.Series(plan.site_period & again),
            **{f"{name}Etablissement": column for name, column in address.items()},
            "dateDebut": found["debut"],
            "etatAdministratifEtablissement": found["etatAdministratif"],
            **{f"{name}Etablissement": found[name] for name in _SIGNS},
            "activitePrincipaleEtablissement": found["activitePrincipale"],
            "nomenclatureActivitePrincipaleEtablissement": found["nomenclatureActivitePrincipale"],
            "caractereEmployeurEtablissement": found["caractereEmployeur"],
            "activitePrincipaleNAF25Etablissement": chosen(
                office[0], plan.facts["naf25"].gather(unit), drawn["naf25"]
            ),
        }
    )
    return rows if month else rows.filter(pl.Series(plan.site_known))


def _place(index: I64, pools: Pools) -> pl.DataFrame:
    """Return the address of each establishment; a move always leads to another SIRET."""
    commune = pick_rows(pools.communes, index, "commune")
    street = pick_rows(pools.streets, index, "street")
    located = chance(index, "located", 0.92)
    east = (100_000_000 + below(index, "x", 1_100_000_000)) / 1000
    north = (6_050_000_000 + below(index, "y", 1_050_000_000)) / 1000
    ranged = chance(index, "ranged", 0.02)
    last = pl.Series(below(index, "last", 200) + 1).cast(pl.String)
    identity = commune["commune"] + "_" + text(below(index, "fantoir", 9999), 4)
    return pl.DataFrame(
        {
            "complementAdresse": street["complement"],
            "numeroVoie": street["numero"],
            "indiceRepetition": street["indice"],
            "dernierNumeroVoie": chosen(ranged, last, None),
            "indiceRepetitionDernierNumeroVoie": chosen(ranged, street["indice"], None),
            "typeVoie": street["type"],
            "libelleVoie": street["voie"],
            "codePostal": commune["postal"],
            "libelleCommune": commune["libelle"],
            "distributionSpeciale": street["distribution"],
            "codeCommune": commune["commune"],
            "codeCedex": street["cedex"],
            "libelleCedex": street["libelle_cedex"],
            "identifiantAdresse": chosen(located, identity, None),
            "coordonneeLambertAbscisse": chosen(located, pl.Series(east).cast(pl.String), None),
            "coordonneeLambertOrdonnee": chosen(located, pl.Series(north).cast(pl.String), None),
        }
    )
