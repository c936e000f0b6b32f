"""What a comparison of the two months must find, and nothing else.

Belongs here: changes and rows that differ, told from the decisions of the recipe. Does not
belong here, on purpose: any import of the code that compares.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.france.draws import I64, Bool, text
from benchmarks.france.measured import Pools
from benchmarks.france.recipe import Event, Plan
from benchmarks.france.units import activities, as_dates, legal_categories, registered_names

CHANGES = ("change", "siren", "siret", "column", "before", "after", "other_siret", "occurred_at")
_STATE = "etat_administratif"
_OFFICE_MOVES = (
    Event.OFFICE_LINKED,
    Event.OFFICE_UNLINKED,
    Event.OFFICE_TO_SITE,
    Event.OFFICE_BACK,
)


def changes(plan: Plan, pools: Pools) -> pl.DataFrame:
    """Return the changes of a range of units; columns of ``CHANGES``, all but the last text."""
    at_end = np.zeros_like(plan.siren)
    at_end[plan.site_unit] = plan.site_siret
    office = [plan.of_rank(rank) for rank in plan.office]
    other, former = plan.of_rank(plan.other), plan.of_rank(plan.former)
    names = [registered_names(plan, month, pools)[0] for month in (0, 1)]
    forms = [legal_categories(plan, month) for month in (0, 1)]
    codes = [activities(plan, month)[0] for month in (0, 1)]
    told = _Told(plan)
    told.state(Event.CREATED, "unit_created", None, "A")
    told.state(Event.CLOSED, "unit_closed", "A", "C")
    told.state(Event.REACTIVATED, "unit_reactivated", "C", "A")
    for event in (Event.RENAMED, Event.BOUNDARY):
        told.value(event, "unit_renamed", "denomination", names)
    for event in (Event.ACTIVITY, Event.CAMPAIGN):
        told.value(event, "unit_activity_changed", "activite_principale", codes)
    told.value(Event.LEGAL_FORM, "unit_legal_form_changed", "categorie_juridique", forms)
    for event in _OFFICE_MOVES:
        told.office(event, office)
    for event in (Event.SITE_LINKED, Event.SITE_SAME_DAY):
        told.between(event, "establishment_moved", other, at_end)
    # The buyer is the next unit: the row is its own.
    told.between(Event.BOUGHT, "establishment_taken_over", np.roll(other, 1), at_end)
    told.site(Event.SITE_OPENED, "establishment_opened", None, "A", at_end)
    told.site(Event.SITE_CLOSED, "establishment_closed", "A", "F", other)
    told.site(Event.SITE_REOPENED, "establishment_reopened", "F", "A", former)
    return pl.concat(told.rows)


class _Told:
    """Rows gathered event by event."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rows: list[pl.DataFrame] = []

    def _add(self, event: Event, change: str, column: str, **parts: pl.Series | str | None) -> None:
        chosen = self.plan.event == event
        size = int(chosen.sum())
        values = {"change": change, "column": column, "siret": None, "other_siret": None, **parts}
        texts = {
            name: value.filter(pl.Series(chosen))
            if isinstance(value, pl.Series)
            else pl.Series([value], dtype=pl.String).new_from_index(0, size)
            for name, value in values.items()
        }
        texts["siren"] = text(self.plan.siren[chosen], 9)
        texts["occurred_at"] = as_dates(self.plan.day[chosen])
        self.rows.append(pl.DataFrame(texts).select(CHANGES))

    def state(self, event: Event, change: str, before: str | None, after: str) -> None:
        self._add(event, change, _STATE, before=before, after=after)

    def value(self, event: Event, change: str, column: str, values: list[pl.Series]) -> None:
        self._add(event, change, column, before=values[0], after=values[1])

    def office(self, event: Event, office: list[I64]) -> None:
        was, now = (text(number % 100_000, 5) for number in office)
        left, entered = (text(number, 14) for number in office)
        self._add(
            event, "hq_moved", "nic_siege", before=was, after=now, siret=entered, other_siret=left
        )

    def between(self, event: Event, change: str, left: I64, entered: I64) -> None:
        ends = text(left, 14), text(entered, 14)
        self._add(event, change, "siret", before=ends[0], after=ends[1], siret=ends[1],
                  other_siret=ends[0])  # fmt: skip

    def site(self, event: Event, change: str, before: str | None, after: str, siret: I64) -> None:
        self._add(event, change, _STATE, before=before, after=after, siret=text(siret, 14))


def unit_rows(plan: Plan) -> pl.DataFrame:
    """Return the units whose row differs: ``key``, ``op`` (added, modified)."""
    return _rows(text(plan.siren, 9), plan.known, plan.row)


def site_rows(plan: Plan) -> pl.DataFrame:
    """Return the establishments whose row differs: ``key``, ``op``."""
    unit = plan.site_unit
    was, now = (plan.site_rank == rank[unit] for rank in plan.office)
    differs = plan.site_period | (was != now) | (plan.site_hidden[0] != plan.site_hidden[1])
    return _rows(text(plan.site_siret, 14), plan.site_known, differs)


def _rows(key: pl.Series, known: Bool, differs: Bool) -> pl.DataFrame:
    op = np.where(known, np.where(differs, "modified", ""), "added")
    return pl.DataFrame({"key": key, "op": op}).filter(pl.col("op") != "")
