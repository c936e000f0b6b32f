"""What each unit is, and what happens to it between two months.

Belongs here: the decisions, and the changes that follow from them by the definition of each
event. Does not belong here: columns of files (``rows.py``), and any code of the comparison
that is measured: what must be found is told from the decisions alone.

A unit has one event at most. Several events are traps: nothing may be told of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

import numpy as np
import polars as pl

from benchmarks.france.draws import I64, Bool, below, chance, draw, siren, siret
from benchmarks.france.measured import Pools

#: The two months, by the dates of their files.
BEFORE, AFTER = date(2026, 10, 1), date(2026, 11, 1)
#: Day of a campaign that re-codes activities in bulk.
CAMPAIGN = date(2026, 10, 15)
_EPOCH = date(1970, 1, 1)
FRANCE = 30_000_000
_FIRST, _LAST = 1_000_000, 99_500_000
_LA_POSTE = 35_600_000
#: Ranks of establishments stay below: the hash of one is that of 64 × unit + rank.
_RANKS = 64
ACTIVE_UNITS, ACTIVE_SITES = 0.45, 0.51
HIDDEN = 0.13
_NOBODY = 1_000


class Event(IntEnum):
    """What happens to a unit; traps are those of which nothing is told."""

    NONE = 0
    CLOSED = 1
    CREATED = 2
    RENAMED = 3
    ACTIVITY = 4
    CAMPAIGN = 5
    LEGAL_FORM = 6
    OFFICE_LINKED = 7
    OFFICE_UNLINKED = 8
    OFFICE_TO_SITE = 9
    OFFICE_BACK = 10  # to an establishment left before: its NIC is used again
    SITE_LINKED = 11
    SITE_SAME_DAY = 12
    SITE_OPENED = 13
    SITE_CLOSED = 14
    SITE_REOPENED = 15
    SOLD = 16  # the next unit BOUGHT it
    BOUGHT = 17
    REACTIVATED = 18
    BOUNDARY = 19  # one letter goes from the acronym to the name: joined, they are equal
    # Traps.
    APPEARED = 30  # old, hidden until now
    ACCENTS = 31
    NOMENCLATURE = 32
    CORRECTED = 33  # another activity within the same period
    MASKED = 34
    MASKED_CLOSED = 35
    UNMASKED = 36
    BECAME_MASK = 37  # null and a name become [ND]
    EMPTY = 38  # an empty string becomes null
    SWAPPED = 39  # two names change places: an order-blind hash is the same
    TOUCHED = 40  # INSEE processed the row again


E = Event
#: Of 100,000 units, before asking whether it can happen to one: few have two establishments.
#: What does happen touches a little more than one unit in a hundred, as a month does.
SHARES = {
    E.CLOSED: 150, E.CREATED: 250, E.RENAMED: 60, E.ACTIVITY: 30, E.CAMPAIGN: 120,
    E.LEGAL_FORM: 30, E.OFFICE_LINKED: 120, E.OFFICE_UNLINKED: 30, E.OFFICE_TO_SITE: 150,
    E.OFFICE_BACK: 150, E.SITE_LINKED: 400, E.SITE_SAME_DAY: 150, E.SITE_OPENED: 60,
    E.SITE_CLOSED: 400, E.SITE_REOPENED: 150, E.SOLD: 300, E.REACTIVATED: 30, E.BOUNDARY: 20,
    E.APPEARED: 30, E.ACCENTS: 20, E.NOMENCLATURE: 30, E.CORRECTED: 20, E.MASKED: 60,
    E.MASKED_CLOSED: 10, E.UNMASKED: 20, E.BECAME_MASK: 20, E.EMPTY: 20, E.SWAPPED: 20,
    E.TOUCHED: 300,
}  # fmt: skip
_OPENS_SITE = (E.OFFICE_LINKED, E.OFFICE_UNLINKED, E.SITE_LINKED, E.SITE_SAME_DAY,
               E.SITE_OPENED, E.BOUGHT)  # fmt: skip
_LEAVES_SITE = (E.SITE_LINKED, E.SITE_SAME_DAY, E.SITE_CLOSED, E.SOLD)
_LEAVES_OFFICE = (E.OFFICE_LINKED, E.OFFICE_UNLINKED, E.OFFICE_BACK)
_OF_NAMES = (E.RENAMED, E.LEGAL_FORM, E.BOUNDARY, E.ACCENTS, E.BECAME_MASK, E.EMPTY, E.SWAPPED)
#: Events after which the unit has a new period in the history, and a new ``dateDebut``.
_NEW_PERIOD = (E.CLOSED, E.RENAMED, E.ACTIVITY, E.CAMPAIGN, E.LEGAL_FORM, E.OFFICE_LINKED,
               E.OFFICE_UNLINKED, E.OFFICE_TO_SITE, E.OFFICE_BACK, E.REACTIVATED, E.BOUNDARY,
               E.ACCENTS, E.NOMENCLATURE, E.MASKED_CLOSED)  # fmt: skip
#: Events that leave another row of the unit, beside those that open a period.
_NEW_ROW = (*_NEW_PERIOD, E.CORRECTED, E.MASKED, E.UNMASKED, E.BECAME_MASK, E.SWAPPED, E.TOUCHED)


@dataclass(frozen=True)
class Plan:
    """A range of units and their establishments, in the order of the files.

    Arrays of units have one element a unit, those beginning with ``site_`` one an
    establishment; ``facts`` are the rows drawn from the samples; ``day`` is in days since
    1970 and means nothing without an event.
    """

    index: I64
    siren: I64
    event: I64
    day: I64
    known: Bool
    active: tuple[Bool, Bool]
    hidden: tuple[Bool, Bool]
    office: tuple[I64, I64]
    period: Bool
    row: Bool
    legal: Bool
    facts: pl.DataFrame
    activity: pl.Series
    site_unit: I64
    site_rank: I64
    site_siret: I64
    site_known: Bool
    site_active: tuple[Bool, Bool]
    site_hidden: tuple[Bool, Bool]
    site_period: Bool
    other: I64
    former: I64

    @property
    def site_index(self) -> I64:
        """Return one number for each establishment, to draw from."""
        return self.index[self.site_unit] * _RANKS + self.site_rank

    def of_rank(self, rank: I64) -> I64:
        """Return the SIRET of the establishment of that rank of each unit."""
        return siret(self.siren, rank)


def days(day: date) -> int:
    """Return a date as days since 1970."""
    return (day - _EPOCH).days


def numbers(index: I64, size: int) -> I64:
    """Return the SIREN numbers of units, ascending, spread over the whole range."""
    step = (_LAST - _FIRST) // size
    base = _FIRST + index * step + below(index, "siren", step - 1)
    # La Poste's establishments have a check of their own: nobody is given its number.
    return siren(np.where(base == _LA_POSTE, base + 1, base))


def _drawn(index: I64, intensity: int) -> I64:
    """Return the event that each unit is drawn for, whether or not it can happen to it."""
    limits = np.cumsum([share * intensity for share in SHARES.values()])
    place = np.searchsorted(limits, below(index, "event", 100_000), side="right")
    return np.array([*SHARES, E.NONE])[place]


def _facts(index: I64, active: Bool, pools: Pools) -> pl.DataFrame:
    rows = pl.concat([pools.units, pools.closed_units])
    live = below(index, "unit", pools.units.height)
    gone = below(index, "unit", pools.closed_units.height) + pools.units.height
    return rows[np.where(active, live, gone)]


def _first(condition: Bool, rank: I64, starts: I64) -> I64:
    """Return, of each unit, the first rank that meets ``condition``; ``_NOBODY`` if none."""
    return np.minimum.reduceat(np.where(condition, rank, _NOBODY), starts)


def _possible(drawn: I64, can: dict[Event, Bool]) -> I64:
    event = drawn.copy()
    for kind, possible in can.items():
        event[(drawn == kind) & ~possible] = E.NONE
    return event


def _in(event: I64, kinds: tuple[Event, ...]) -> Bool:
    return np.isin(event, [int(kind) for kind in kinds])


def plan(start: int, stop: int, size: int, pools: Pools, *, intensity: int = 1) -> Plan:
    """Decide about the units from ``start`` to ``stop`` of a register of ``size``.

    Args:
        start: even; a sale joins an even unit and the one after it.
        stop: not included.
        size: units in the later month.
        pools: what to draw from.
        intensity: how many times more events than in a real month; for small registers.
    """
    index = np.arange(start, stop, dtype=np.int64)
    drawn = _drawn(index, intensity)
    active = chance(index, "active", ACTIVE_UNITS) | _in(drawn, (E.CREATED, E.APPEARED))
    hidden = chance(index, "hidden", HIDDEN) & ~_in(drawn, (E.CREATED, E.APPEARED))
    facts = _facts(index, active, pools)
    counts = pools.site_counts.gather(below(index, "sites", len(pools.site_counts))).to_numpy()
    lone = chance(index, "lone", pools.lone_share) | _in(drawn, (E.CREATED, E.APPEARED))
    count = np.where(lone, 1, counts).astype(np.int64)
    office = np.where(chance(index, "office", 0.7), count, 1)

    unit = np.repeat(np.arange(len(index)), count)
    starts = np.cumsum(count) - count
    rank = np.arange(len(unit)) - starts[unit] + 1
    is_office = rank == office[unit]
    lively = chance(index[unit] * _RANKS + rank, "site", ACTIVE_SITES)
    runs = active[unit] & (is_office | lively)
    other = _first(runs & ~is_office, rank, starts)
    former = _first(~runs & ~is_office, rank, starts)

    legal = (~facts["cj"].str.contains("^[12]")).to_numpy()
    seen = active & ~hidden
    latest = ((facts["nomenclature"] == "NAFRev2") & (facts["naf"] != "00.00Z")).fill_null(False)
    dated = facts["debut"].is_not_null().to_numpy()
    coded = seen & latest.to_numpy() & dated
    has_other, has_former = other < _NOBODY, former < _NOBODY
    event = _possible(
        drawn,
        {
            E.CLOSED: seen, E.MASKED: seen, E.MASKED_CLOSED: seen, E.UNMASKED: active & hidden,
            E.ACTIVITY: coded, E.CAMPAIGN: coded, E.NOMENCLATURE: coded, E.CORRECTED: coded,
            E.REACTIVATED: ~active & ~hidden, E.SITE_OPENED: seen,
            E.OFFICE_LINKED: seen, E.OFFICE_UNLINKED: seen,
            E.OFFICE_TO_SITE: seen & has_other, E.SITE_LINKED: seen & has_other,
            E.SITE_SAME_DAY: seen & has_other, E.SITE_CLOSED: seen & has_other,
            E.OFFICE_BACK: seen & has_former, E.SITE_REOPENED: seen & has_former,
            **dict.fromkeys(_OF_NAMES, seen & legal),
        },
    )  # fmt: skip
    even = np.arange(len(index)) % 2 == 0
    buyer = np.zeros_like(even)
    sells = (drawn == E.SOLD) & even & has_other & seen
    sells[:-1] &= seen[1:] & ~_in(drawn, (E.CREATED, E.APPEARED))[1:]
    sells[-1] = False
    buyer[1:] = sells[:-1]
    event[(drawn == E.SOLD) & ~sells] = E.NONE
    event[buyer] = E.BOUGHT

    day = days(BEFORE) + below(index, "day", 28)
    day[event == E.CAMPAIGN] = days(CAMPAIGN)
    # Creations are registered late: some are dated before the month.
    day[event == E.CREATED] -= 31
    day[buyer] = day[np.flatnonzero(buyer) - 1]
    return _with_sites(
        index, size, event, day, active, hidden, office, facts, pools, legal, count, other, former
    )


def _with_sites(
    index: I64,
    size: int,
    event: I64,
    day: I64,
    active: Bool,
    hidden: Bool,
    office: I64,
    facts: pl.DataFrame,
    pools: Pools,
    legal: Bool,
    count: I64,
    other: I64,
    former: I64,
) -> Plan:
    """Let the events happen to units and to their establishments."""
    opens = _in(event, _OPENS_SITE)
    known = ~_in(event, (E.CREATED, E.APPEARED))
    total = count + opens
    unit = np.repeat(np.arange(len(index)), total)
    rank = np.arange(len(unit)) - (np.cumsum(total) - total)[unit] + 1
    of = event[unit]
    is_new = opens[unit] & (rank == total[unit])
    is_office, is_other, is_former = (rank == end[unit] for end in (office, other, former))
    lively = chance(index[unit] * _RANKS + rank, "site", ACTIVE_SITES)
    runs = active[unit] & (is_office | lively) & ~is_new

    closes = _in(of, (E.CLOSED, E.MASKED_CLOSED))
    closes |= _in(of, _LEAVES_OFFICE) & is_office
    closes |= _in(of, _LEAVES_SITE) & is_other
    returns = _in(of, (E.OFFICE_BACK, E.SITE_REOPENED)) & is_former
    returns |= (of == E.REACTIVATED) & is_office
    later = (runs & ~closes) | returns | is_new

    after = np.where(_in(event, (E.OFFICE_LINKED, E.OFFICE_UNLINKED)), total, office)
    after = np.where(event == E.OFFICE_TO_SITE, other, after)
    after = np.where(event == E.OFFICE_BACK, former, after)
    is_hidden = hidden.copy()
    is_hidden[_in(event, (E.MASKED, E.MASKED_CLOSED))] = True
    is_hidden[event == E.UNMASKED] = False
    alone = (of == E.NONE) & ~is_office & chance(index[unit] * _RANKS + rank, "alone", 0.01)
    number = numbers(index, size)
    names = pools.activities
    was = facts["naf"].fill_null("")
    # A code and the next one of the list differ, whichever is drawn.
    drawn = below(index, "naf", len(names))
    shifted = names.gather((drawn + 1) % len(names))
    fresh = names.gather(drawn)
    return Plan(
        index=index,
        siren=number,
        event=event,
        day=day,
        known=known,
        active=(
            active,
            (active | (event == E.REACTIVATED)) & ~_in(event, (E.CLOSED, E.MASKED_CLOSED)),
        ),
        hidden=(hidden, is_hidden),
        office=(office, after),
        period=_in(event, _NEW_PERIOD),
        row=_in(event, _NEW_ROW),
        legal=legal,
        facts=facts,
        activity=fresh.zip_with(fresh != was, shifted),
        site_unit=unit,
        site_rank=rank,
        site_siret=siret(number[unit], rank),
        site_known=known[unit] & ~is_new,
        site_active=(runs, later),
        site_hidden=(hidden[unit] | alone, is_hidden[unit] | alone),
        site_period=(runs != later) & known[unit] & ~is_new,
        other=other,
        former=former,
    )


def processed(index: I64, salt: str) -> I64:
    """Return when INSEE last processed rows, in microseconds since 1970, before the month."""
    return (days(date(2022, 1, 1)) * 86_400 + (draw(index, salt) >> np.uint64(32)).astype(np.int64)
            % (1_700 * 86_400)) * 1_000_000  # fmt: skip
