"""Rows of the two histories, of the links of succession and of the doubles.

Belongs here: periods that match the stock (the open one repeats it, each begins the day
after the one before ends, each flag says what differs), links and pairs of numbers. Does not
belong here: the stock itself (``units.py``, ``sites.py``).

Periods of one unit come newest first, as INSEE's API gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from benchmarks.france import sites, units
from benchmarks.france.draws import I64, Bool, below, chance, pick, text
from benchmarks.france.measured import Pools
from benchmarks.france.recipe import BEFORE, Event, Plan, days, processed

_NULL_DAY = np.iinfo(np.int64).min
UNIT_GROUPS: Mapping[str, Sequence[str]] = {
    "EtatAdministratif": ("etatAdministratif",),
    "Nom": ("nom",),
    "NomUsage": ("nomUsage",),
    "Denomination": ("denomination",),
    "DenominationUsuelle": ("denominationUsuelle1", "denominationUsuelle2", "denominationUsuelle3"),
    "CategorieJuridique": ("categorieJuridique",),
    "ActivitePrincipale": ("activitePrincipale", "nomenclatureActivitePrincipale"),
    "NicSiege": ("nicSiege",),
    "EconomieSocialeSolidaire": ("economieSocialeSolidaire",),
    "SocieteMission": ("societeMission",),
    "CaractereEmployeur": ("caractereEmployeur",),
}
SITE_GROUPS: Mapping[str, Sequence[str]] = {
    "EtatAdministratif": ("etatAdministratif",),
    "Enseigne": ("enseigne1", "enseigne2", "enseigne3"),
    "DenominationUsuelle": ("denominationUsuelle",),
    "ActivitePrincipale": ("activitePrincipale", "nomenclatureActivitePrincipale"),
    "CaractereEmployeur": ("caractereEmployeur",),
}


def _numbered(dates: pl.Series) -> I64:
    return dates.cast(pl.Int32).cast(pl.Int64).fill_null(_NULL_DAY).to_numpy()


def _spans(
    begun: pl.Series, opened: pl.Series, count: I64, day: I64, extra: Bool
) -> tuple[I64, I64, pl.Series, pl.Series]:
    """Return owner, position (0 is the newest), start and end of every period.

    Args:
        begun: day of creation.
        opened: start of the period that was open before the month.
        count: periods before the month.
        day: start of one more.
        extra: which have one more.
    """
    first, last = _numbered(begun), _numbered(opened)
    unknown = last == _NULL_DAY
    count = np.where(unknown, 1, count)
    # A first period that would leave less than a day to each of the next began earlier.
    latest = last - 30 * (count - 1)
    first = np.where((first == _NULL_DAY) | (first > latest), latest, first)
    total = count + extra
    owner = np.repeat(np.arange(len(total)), total)
    newest = np.arange(len(owner)) - (np.cumsum(total) - total)[owner]
    at = total[owner] - 1 - newest
    gaps = np.maximum(count - 1, 1)[owner]
    with np.errstate(over="ignore"):
        start = first[owner] + (last - first)[owner] * np.minimum(at, gaps) // gaps
    start = np.where(count[owner] == 1, last[owner], start)
    start = np.where(extra[owner] & (newest == 0), day[owner], start)
    known = ~(unknown[owner] & (at == 0))
    # The end is the day before the next start, which stands one row above.
    end = np.where(newest == 0, 0, np.roll(start, 1) - 1)
    return (
        owner,
        newest,
        units.as_dates(np.where(known, start, 0), known),
        units.as_dates(end, newest > 0),
    )


def _flags(frame: pl.DataFrame, owner: str, groups: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Tell for each period what differs from the one before it, one row below."""
    same = pl.col(owner) == pl.col(owner).shift(-1)
    return frame.with_columns(
        (
            pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(-1)) for name in names)
            & same.fill_null(False)
        ).alias(f"changement{group}")
        for group, names in groups.items()
    )


def _older(index: I64, newest: I64, naf: pl.Series, pools: Pools) -> tuple[pl.Series, Bool]:
    """Return activities of periods that ended, and tell where they are not today's."""
    key = index * 16 + newest
    differs = (newest > 0) & chance(key, "older", 0.4)
    return units.chosen(differs, pick(pools.activities, key, "older:naf"), naf), differs


def unit_periods(plan: Plan, month: int, pools: Pools) -> pl.DataFrame:
    """Return the rows of StockUniteLegaleHistorique of one month."""
    event, facts = plan.event, plan.facts
    created = event == Event.CREATED
    extra = plan.period & (month == 1)
    opened = units.starts(plan, 0)
    begun = facts["creation"].zip_with(~pl.Series(created), units.as_dates(plan.day))
    count = np.where(created, 1, facts["periods"].to_numpy())
    owner, newest, start, end = _spans(begun, opened, count, plan.day, extra)
    now, was = (units.values(plan, at, pools) for at in (month, 0))
    # With a new period, what was open before the month is the second one.
    current = newest == 0
    rows = _by_row(now, was, owner, current | ~extra[owner])
    naf, differs = _older(
        plan.index[owner], newest - extra[owner], rows["activitePrincipale"], pools
    )
    gone = newest > extra[owner]
    rows = rows.with_columns(
        naf.alias("activitePrincipale"),
        units.chosen(differs, "NAFRev2", rows["nomenclatureActivitePrincipale"]).alias(
            "nomenclatureActivitePrincipale"
        ),
        units.chosen(gone, "A", rows["etatAdministratif"]).alias("etatAdministratif"),
        pl.Series("caractereEmployeur", [None], dtype=pl.String).new_from_index(0, len(owner)),
        start.alias("dateDebut"),
        end.alias("dateFin"),
    )
    rows = rows if month else rows.filter(pl.Series(plan.known[owner]))
    flagged = _flags(rows, "siren", UNIT_GROUPS)
    columns = ["siren", "dateFin", "dateDebut"]
    for group, names in UNIT_GROUPS.items():
        columns += [*names, f"changement{group}"]
    return flagged.select(_suffixed(columns, "UniteLegale"))


def site_periods(plan: Plan, month: int, pools: Pools) -> pl.DataFrame:
    """Return the rows of StockEtablissementHistorique of one month."""
    drawn = sites.facts(plan, pools)
    now, was = (sites.values(plan, at, pools, drawn) for at in (month, 0))
    new = sites.fresh(plan).to_numpy()
    extra = plan.site_period & (month == 1)
    count = np.where(new, 1, drawn["periods"].to_numpy())
    day = plan.day[plan.site_unit]
    owner, newest, start, end = _spans(was["creation"], was["debut"], count, day, extra)
    rows = _by_row(now, was, owner, (newest == 0) | ~extra[owner])
    naf, differs = _older(
        plan.site_index[owner], newest - extra[owner], rows["activitePrincipale"], pools
    )
    gone = newest > extra[owner]
    latest = units.chosen(differs, "NAFRev2", rows["nomenclatureActivitePrincipale"])
    staff = units.chosen(gone & chance(plan.site_index[owner] * 16 + newest, "staff", 0.2), "O",
                         rows["caractereEmployeur"])  # fmt: skip
    rows = rows.with_columns(
        naf.alias("activitePrincipale"),
        latest.alias("nomenclatureActivitePrincipale"),
        units.chosen(gone, "A", rows["etatAdministratif"]).alias("etatAdministratif"),
        staff.alias("caractereEmployeur"),
        start.alias("dateDebut"),
        end.alias("dateFin"),
    )
    rows = rows if month else rows.filter(pl.Series(plan.site_known[owner]))
    flagged = _flags(rows, "siret", SITE_GROUPS)
    columns = ["siren", "nic", "siret", "dateFin", "dateDebut"]
    for group, names in SITE_GROUPS.items():
        columns += [*names, f"changement{group}"]
    return flagged.select(_suffixed(columns, "Etablissement"))


def _by_row(now: pl.DataFrame, was: pl.DataFrame, owner: I64, latest: Bool) -> pl.DataFrame:
    """Return the values of each period: of now, or of before the month."""
    if now.equals(was):
        return now[owner]
    both = pl.concat([now, was])
    return both[np.where(latest, owner, owner + now.height)]


def _suffixed(columns: Sequence[str], suffix: str) -> list[pl.Expr]:
    plain = {"siren", "nic", "siret", "dateFin", "dateDebut"}
    return [
        pl.col(name) if name in plain else pl.col(name).alias(name + suffix) for name in columns
    ]


def successions(plan: Plan, month: int, _pools: Pools) -> pl.DataFrame:
    """Return the rows of StockEtablissementLiensSuccession of one month."""
    parts = [_old_links(plan), *([_new_links(plan)] if month else [])]
    rows = pl.concat(parts).sort("left", "entered", "day")
    return rows.select(
        pl.col("left").cast(pl.String).str.zfill(14).alias("siretEtablissementPredecesseur"),
        pl.col("entered").cast(pl.String).str.zfill(14).alias("siretEtablissementSuccesseur"),
        pl.col("day").cast(pl.Int32).cast(pl.Date).alias("dateLienSuccession"),
        pl.col("office").alias("transfertSiege"),
        pl.col("goes_on").alias("continuiteEconomique"),
        pl.col("stamp").cast(pl.Datetime("us")).alias("dateDernierTraitementLienSuccession"),
    )


def _old_links(plan: Plan) -> pl.DataFrame:
    """Return the links known before: most lead to the next establishment of the unit."""
    unit, index = plan.site_unit, plan.site_index
    known = plan.site_known
    inside = np.zeros(len(unit), dtype=bool)
    inside[:-1] = (unit[1:] == unit[:-1]) & known[1:] & known[:-1]
    linked = inside & chance(index, "linked", 0.70)
    to = np.roll(plan.site_siret, -1)
    # One in twenty leads to another unit: the business was handed over.
    across = linked & chance(index, "across", 0.05) & (unit + 1 < len(plan.index))
    buyer = np.minimum(unit + 1, len(plan.index) - 1)
    across &= plan.known[buyer]
    to = np.where(across, plan.of_rank(np.ones_like(plan.siren))[buyer], to)
    # The shares of 2026-10: 20 % neither, 66 % continuity, 14 % head office and continuity.
    kind = below(index, "kind", 100)
    day = days(BEFORE) - 200 - below(index, "linkday", 6000)
    found = {
        "left": plan.site_siret,
        "entered": to,
        "day": day,
        "office": (kind >= 86) & ~across,
        "goes_on": kind >= 20,
        "stamp": day * 86_400_000_000 + processed(index, "dtl") % 86_400_000_000,
    }
    return pl.DataFrame(found).filter(pl.Series(linked))


def _new_links(plan: Plan) -> pl.DataFrame:
    event = plan.event
    last = plan.of_rank(plan.office[1])
    at_end = np.zeros_like(plan.siren)
    at_end[plan.site_unit] = plan.site_siret  # the last establishment of each unit is the new one
    other = plan.of_rank(plan.other)
    parts = []
    for kind, left, entered, office in (
        (Event.OFFICE_LINKED, plan.of_rank(plan.office[0]), last, True),
        (Event.SITE_LINKED, other, at_end, False),
        (Event.SOLD, other, np.roll(at_end, -1), False),
    ):
        chosen = event == kind
        parts.append(
            pl.DataFrame(
                {"left": left[chosen], "entered": entered[chosen], "day": plan.day[chosen]}
            ).with_columns(
                pl.lit(office).alias("office"),
                pl.lit(True).alias("goes_on"),
                ((pl.col("day") * 86_400 + 36_000) * 1_000_000).alias("stamp"),
            )
        )
    return pl.concat(parts)


def duplicates(plan: Plan, month: int, _pools: Pools) -> pl.DataFrame:
    """Return the rows of StockDoublons of one month: one unit in a thousand has a double."""
    del month  # the same in both
    index = plan.index
    double = chance(index, "double", 0.001) & plan.known
    double[-1] = False
    stamp = processed(index, "dtd")
    return pl.DataFrame(
        {
            "siren": text(np.roll(plan.siren, -1), 9),
            "sirenDoublon": text(plan.siren, 9),
            "dateDernierTraitementDoublon": pl.Series(stamp).cast(pl.Datetime("us")),
        }
    ).filter(pl.Series(double))
