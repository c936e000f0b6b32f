"""Rows of StockUniteLegale, and the values of a unit that its history repeats.

Belongs here: the 35 columns of a unit in either month. Does not belong here: what happens
to it (``recipe.py``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.france import naming
from benchmarks.france.draws import I64, Bool, below, chance, draw, text
from benchmarks.france.measured import Pools
from benchmarks.france.recipe import Event, Plan, processed

MASK = "[ND]"


def chosen(
    condition: Bool, then: pl.Series | str | None, otherwise: pl.Series | str | None
) -> pl.Series:
    """Return ``then`` where the condition holds."""
    names = {"c": pl.Series(condition)}
    values = []
    for name, value in (("t", then), ("o", otherwise)):
        if isinstance(value, pl.Series):
            names[name] = value
            values.append(pl.col(name))
        else:
            values.append(pl.lit(value, dtype=pl.String))
    return pl.DataFrame(names).select(pl.when("c").then(values[0]).otherwise(values[1])).to_series()


def as_dates(day: I64, known: Bool | None = None) -> pl.Series:
    """Return days since 1970 as dates, null where not ``known``."""
    dates = pl.Series(day.astype(np.int32)).cast(pl.Date)
    return (
        dates
        if known is None
        else dates.zip_with(pl.Series(known), pl.Series([None], dtype=pl.Date))
    )


def registered_names(plan: Plan, month: int, pools: Pools) -> tuple[pl.Series, pl.Series]:
    """Return the registered name and the acronym of each unit, before any mask."""
    event, index = plan.event, plan.index
    name = chosen(plan.legal | plan.facts["cj"].str.starts_with("2").to_numpy(),
                  naming.company(index, "name", pools), None)  # fmt: skip
    sigle = chosen(
        plan.facts["sigle"].is_not_null().to_numpy() & plan.legal, naming.acronym(index), None
    )
    accents, boundary = event == Event.ACCENTS, event == Event.BOUNDARY
    if month == 0:
        name = chosen(accents, "SOCIETE " + name, name)
        return name, chosen(event == Event.EMPTY, "", chosen(boundary, "QXKZ", sigle))
    name = chosen(event == Event.RENAMED, name + " " + naming.mark(index), name)
    name = chosen(accents, "SOCIÉTÉ " + name, name)
    name = chosen(boundary, "Z" + name, name)
    name = chosen(event == Event.BECAME_MASK, MASK, name)
    return name, chosen(event == Event.EMPTY, None, chosen(boundary, "QXK", sigle))


def legal_categories(plan: Plan, month: int) -> pl.Series:
    """Return the legal category of each unit."""
    was = plan.facts["cj"]
    if month == 0:
        return was
    other = chosen((was == "5710").to_numpy(), "5499", "5710")
    return chosen(plan.event == Event.LEGAL_FORM, other, was)


def activities(plan: Plan, month: int) -> tuple[pl.Series, pl.Series]:
    """Return the activity of each unit and its nomenclature."""
    was, nomenclature = plan.facts["naf"], plan.facts["nomenclature"]
    if month == 0:
        return was, nomenclature
    switched = plan.event == Event.NOMENCLATURE
    changed = switched | np.isin(plan.event, [Event.ACTIVITY, Event.CAMPAIGN, Event.CORRECTED])
    return chosen(changed, plan.activity, was), chosen(switched, "NAF2025", nomenclature)


def starts(plan: Plan, month: int) -> pl.Series:
    """Return the start of the current period of each unit."""
    fresh = plan.event == Event.CREATED
    day = as_dates(plan.day)
    was = plan.facts["debut"].zip_with(~pl.Series(fresh), day)
    return was if month == 0 else was.zip_with(~pl.Series(plan.period), day)


def values(plan: Plan, month: int, pools: Pools) -> pl.DataFrame:
    """Return what the stock and the open period of the history both say of each unit.

    Args:
        plan: the units.
        month: 0 before, 1 after.
        pools: what names are made of.
    """
    index, facts, hidden = plan.index, plan.facts, plan.hidden[month]
    person = facts["cj"].str.starts_with("1").to_numpy()
    married = person & chance(index, "married", 0.12)
    name, sigle = registered_names(plan, month, pools)
    usual = naming.company(index, "usual", pools)
    second = naming.company(index, "second", pools)
    swapped = plan.event == Event.SWAPPED
    masks = plan.event == Event.BECAME_MASK
    has_usual = facts["usuelle"].is_not_null().to_numpy() & ~masks
    first = chosen(has_usual | swapped, second if month else usual, None)
    first = chosen(has_usual & ~swapped, usual, first)
    if month == 1:
        first = chosen(masks, MASK, first)
    naf, nomenclature = activities(plan, month)
    masked_name = hidden & ~plan.legal
    office = plan.of_rank(plan.office[month]) % 100_000
    return pl.DataFrame(
        {
            "siren": text(plan.siren, 9),
            "etatAdministratif": chosen(plan.active[month], "A", "C"),
            "nom": chosen(hidden, MASK, chosen(person, naming.person(index, "nom"), None)),
            "nomUsage": chosen(hidden, MASK, chosen(married, naming.person(index, "usage"), None)),
            "denomination": chosen(masked_name, MASK, name),
            "sigle": chosen(hidden, MASK, sigle),
            "denominationUsuelle1": chosen(hidden, MASK, first),
            "denominationUsuelle2": chosen(
                hidden, MASK, chosen(swapped, usual if month else second, None)
            ),
            "denominationUsuelle3": chosen(hidden, MASK, None),
            "categorieJuridique": legal_categories(plan, month),
            "activitePrincipale": naf,
            "nomenclatureActivitePrincipale": nomenclature,
            "nicSiege": text(office, 5),
            "economieSocialeSolidaire": facts["ess"],
            "societeMission": chosen(plan.legal & chance(index, "mission", 0.002), "O", None),
            "debut": starts(plan, month),
        }
    )


def units(plan: Plan, month: int, pools: Pools) -> pl.DataFrame:
    """Return the rows of StockUniteLegale of one month, types as in the Parquet files."""
    index, facts, hidden = plan.index, plan.facts, plan.hidden[month]
    found = values(plan, month, pools)
    person = facts["cj"].str.starts_with("1").to_numpy()

    def of_person(value: pl.Series, share: float = 1.0, salt: str = "") -> pl.Series:
        some = person & chance(index, salt, share) if share < 1 else person
        return chosen(hidden, MASK, chosen(some, value, None))

    purged = ~plan.active[0] & facts["debut"].is_null().to_numpy() & chance(index, "purged", 0.5)
    fresh = pl.Series(plan.event == Event.CREATED)
    creation = facts["creation"].zip_with(~fresh, as_dates(plan.day))
    again = plan.row & (month == 1)
    stamp = np.where(again, (plan.day * 86_400 + 36_000) * 1_000_000, processed(index, "dtu"))
    rna = "W" + text(100_000_000 + below(index, "rna", 899_999_999), 9)
    first = naming.person(index, "prenom")
    rows = pl.DataFrame(
        {
            "siren": found["siren"],
            "statutDiffusionUniteLegale": chosen(hidden, "P", "O"),
            "unitePurgeeUniteLegale": pl.Series(purged).replace(False, None),
            "dateCreationUniteLegale": creation,
            "sigleUniteLegale": found["sigle"],
            "sexeUniteLegale": of_person(chosen((draw(index, "sex") % 2).astype(bool), "M", "F")),
            "prenom1UniteLegale": of_person(first),
            "prenom2UniteLegale": of_person(naming.person(index, "prenom2"), 0.5, "p2"),
            "prenom3UniteLegale": of_person(naming.person(index, "prenom3"), 0.3, "p3"),
            "prenom4UniteLegale": of_person(naming.person(index, "prenom4"), 0.05, "p4"),
            "prenomUsuelUniteLegale": of_person(first),
            "pseudonymeUniteLegale": of_person(naming.person(index, "pseudo"), 0.01, "ps"),
            "identifiantAssociationUniteLegale": chosen(
                facts["rna"].is_not_null().to_numpy(), rna, None
            ),
            "trancheEffectifsUniteLegale": facts["tranche"],
            "anneeEffectifsUniteLegale": facts["annee"],
            "dateDernierTraitementUniteLegale": pl.Series(stamp).cast(pl.Datetime("us")),
            "nombrePeriodesUniteLegale": facts["periods"] + pl.Series(plan.period & (month == 1)),
            "categorieEntreprise": facts["categorie"],
            "anneeCategorieEntreprise": facts["annee_categorie"].cast(pl.Int64),
            "dateDebut": found["debut"],
            "etatAdministratifUniteLegale": found["etatAdministratif"],
            "nomUniteLegale": found["nom"],
            "nomUsageUniteLegale": found["nomUsage"],
            "denominationUniteLegale": found["denomination"],
            "denominationUsuelle1UniteLegale": found["denominationUsuelle1"],
            "denominationUsuelle2UniteLegale": found["denominationUsuelle2"],
            "denominationUsuelle3UniteLegale": found["denominationUsuelle3"],
            # A number in the Parquet files, text in the history.
            "categorieJuridiqueUniteLegale": found["categorieJuridique"].cast(pl.Int64),
            "activitePrincipaleUniteLegale": found["activitePrincipale"],
            "nomenclatureActivitePrincipaleUniteLegale": found["nomenclatureActivitePrincipale"],
            "nicSiegeUniteLegale": found["nicSiege"],
            "economieSocialeSolidaireUniteLegale": found["economieSocialeSolidaire"],
            "societeMissionUniteLegale": found["societeMission"],
            "caractereEmployeurUniteLegale": pl.Series([None], dtype=pl.String).new_from_index(
                0, len(index)
            ),
            "activitePrincipaleNAF25UniteLegale": facts["naf25"],
        }
    )
    return rows if month else rows.filter(pl.Series(plan.known))
