"""Periods: who is shown, what follows what, and the register at a date.

Synthetic: of the histories only establishments' states are known from real files, renamed and
with natural persons among them; the bundled months re-express real ones.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from registers import ALPHA, BETA, site, unit
from sirene_files import bundled, empty

from sirene.periods import SITE_PERIODS, UNIT_PERIODS, as_of, at, site_periods, unit_periods
from sirene.shown import Standing

UNITS, SITES = "stock-unite-legale", "stock-etablissement"
UNIT_HISTORY, SITE_HISTORY = "stock-unite-legale-historique", "stock-etablissement-historique"
Row = dict[str, Any]


def frame(resource: str, *rows: Any) -> pl.LazyFrame:
    schema = empty(resource).collect_schema()
    return pl.LazyFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def unit_rows(owner: Row, *history: Row) -> list[Row]:
    rows = [{"siren": owner["siren"], **row} for row in history]
    standing = Standing.of(frame(UNITS, owner))
    return unit_periods(frame(UNIT_HISTORY, *rows), standing).collect().to_dicts()


def site_rows(owner: Row | None, place: Row, *history: Row) -> list[Row]:
    rows = [{"siren": place["siren"], "siret": place["siret"], **row} for row in history]
    units = frame(UNITS, *([owner] if owner else []))
    found = site_periods(frame(SITE_HISTORY, *rows), Standing.of(units, frame(SITES, place)))
    return found.collect().to_dicts()


NAMES = {"denomination": "X", "denomination_usuelle_1": "USUELLE"}
SIGNS = {"enseigne_1": "SIGNE", "enseigne_3": "TROIS", "denomination_usuelle": "COMMERCE"}


@pytest.mark.parametrize("category", ["1000", "2110", None])
def test_a_natural_person_s_periods_show_no_name(category: str | None) -> None:
    owner = dict(unit(categorie_juridique=category))
    (row,) = unit_rows(owner, NAMES | {"etat_administratif": "A", "nom": "SOMEBODY"})
    assert (row["denomination"], row["denomination_usuelle_1"]) == (None, None)
    assert row["etat_administratif"] == "A"
    assert "nom" not in row
    (place,) = site_rows(owner, dict(site()), SIGNS)
    assert {place[name] for name in SIGNS} == {None}


def test_a_unit_that_is_not_in_the_stock_shows_nothing() -> None:
    (place,) = site_rows(None, dict(site()), SIGNS)
    assert {place[name] for name in SIGNS} == {None}


def test_periods_take_the_status_of_the_stock_since_histories_have_none() -> None:
    owner = dict(unit(statut_diffusion="P"))
    (row,) = unit_rows(owner, NAMES)
    assert (row["denomination"], row["denomination_usuelle_1"]) == ("X", "[ND]")
    (hidden,) = site_rows(dict(unit()), dict(site(statut_diffusion="P")), SIGNS)
    assert {hidden[name] for name in SIGNS} == {"[ND]"}
    (shown,) = site_rows(dict(unit()), dict(site()), SIGNS)
    assert shown["enseigne_1"] == "SIGNE"
    assert shown["enseigne_2"] is None, "none is not masked"


def test_gaps_and_overlaps_are_told() -> None:
    days = [
        (None, date(2000, 1, 31)),
        (date(2000, 2, 1), date(2000, 12, 31)),
        (date(2001, 1, 2), date(2001, 3, 1)),
        (date(2001, 3, 1), None),
    ]
    history = [{"date_debut": start, "date_fin": end} for start, end in days]
    assert [row["contigue"] for row in unit_rows(dict(unit()), *history)] == [
        None, True, False, False
    ]  # fmt: skip


def test_the_first_period_of_the_next_unit_follows_nothing() -> None:
    rows = [
        {"siren": BETA, "date_debut": date(2000, 1, 1), "date_fin": date(2000, 1, 31)},
        {"siren": ALPHA, "date_debut": date(2000, 2, 1), "date_fin": None},
    ]
    found = unit_periods(frame(UNIT_HISTORY, *rows), Standing.of(frame(UNITS, unit()))).collect()
    assert found["contigue"].to_list() == [None, None]


STATES = pl.LazyFrame(
    {
        "siren": [ALPHA, ALPHA, ALPHA, BETA],
        "date_debut": [None, date(2010, 1, 1), date(2020, 1, 1), None],
        "date_fin": [date(2009, 12, 31), date(2019, 12, 31), None, None],
        "etat": [None, "A", "C", "C"],
    }
)


@pytest.mark.parametrize(
    ("day", "state"),
    [
        (date(1850, 1, 1), None),
        (date(2009, 12, 31), None),
        (date(2010, 1, 1), "A"),
        (date(2019, 12, 31), "A"),
        (date(2020, 1, 1), "C"),
        (date(2999, 1, 1), "C"),
    ],
)
def test_both_days_of_a_period_belong_to_it(day: date, state: str | None) -> None:
    found = at(STATES, day).collect()
    assert found.filter(siren=ALPHA)["etat"].to_list() == [state]
    assert found.filter(siren=BETA)["etat"].to_list() == ["C"], "closed nobody knows when"


@given(
    starts=st.lists(
        st.dates(date(1990, 1, 1), date(2030, 1, 1)), min_size=1, max_size=8, unique=True
    ),
    day=st.dates(date(1980, 1, 1), date(2040, 1, 1)),
)
def test_a_unit_has_one_state_a_day_from_its_first_period_on(starts: list[date], day: date) -> None:
    starts.sort()
    ends = [date.fromordinal(after.toordinal() - 1) for _, after in pairwise(starts)]
    periods = pl.LazyFrame(
        {"date_debut": starts, "date_fin": [*ends, None]},
        schema={"date_debut": pl.Date, "date_fin": pl.Date},
    )
    found = at(periods, day).collect()
    assert found.height == (day >= starts[0])
    assert found["date_debut"].to_list() == [start for start in starts if start <= day][-1:]


def test_a_real_month_at_its_own_date_is_what_its_stock_says(tmp_path: Path) -> None:
    tables = bundled("2017-05-01", tmp_path)
    # Announced closings and creations of the days after are in the stock too.
    stands = as_of(tables, date(2200, 1, 1))
    for periods, stock, key in (
        (UNIT_PERIODS, "sirene__legal_units", "siren"),
        (SITE_PERIODS, "sirene__establishments", "siret"),
    ):
        told = [key, "date_debut", "etat_administratif", "activite_principale"]
        now = stands[periods].select(told).collect().sort(key)
        assert now.equals(tables[stock].select(told).collect().sort(key)), periods
    before = as_of(tables, date(2017, 1, 10))[SITE_PERIODS].select("siret").collect()
    assert before.height < stands[SITE_PERIODS].select("siret").collect().height
    assert before.is_unique().all()
