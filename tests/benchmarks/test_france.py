"""The made register: official layout, a history that matches, and changes found exactly.

A few thousand units, twenty times as many events as a real month; the distributions are those
of the bundled rows.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import stdnum.luhn
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.sirene.normalise import normalise
from benchmarks.france import expected, histories, sites, units
from benchmarks.france.measured import Pools, pools
from benchmarks.france.recipe import AFTER, Event, Plan, plan
from benchmarks.france.write import FILES, parquet, parts
from opendata import row_hashes
from opendata.catalogue import load_dataset
from opendata.contract import read_resource
from opendata.diff import diff
from opendata.parquet import arranged
from opendata.versions import LINEAGE
from sirene import registry
from sirene.changes import compare
from sirene.differing import HASHED
from sirene.flux import State, changes
from sirene.registry import Registry

UNITS = 12_000
INTENSITY = 20
DATASET = load_dataset(Path(__file__).parents[2] / "assets" / "sirene" / "dataset.yml")
Tables = dict[str, pl.DataFrame]


@cache
def made_of() -> Pools:
    return pools(bundled=True)


@cache
def made() -> Plan:
    return plan(0, UNITS, UNITS, made_of(), intensity=INTENSITY)


@pytest.fixture(scope="session")
def months(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, Tables]:
    """Both months through the real reader and the real normaliser."""
    found = []
    for month in (0, 1):
        raw: dict[str, pl.LazyFrame] = {}
        for resource in DATASET.resources:
            work = tmp_path_factory.mktemp(f"{resource.name}-{month}")
            name = "".join(part.capitalize() for part in resource.name.split("-"))
            path = work / f"{name}.parquet"
            parquet(parts(FILES[name], month, UNITS, made_of(), INTENSITY), path)
            read = read_resource(resource, [path], work=work, again=True)
            assert read.rejected_rows == 0, read.rules
            raw[resource.name] = arranged(read.rows, resource.order, work / "arranged.parquet")
        tables = normalise(raw)
        names = [name for name in tables if name in DATASET.tables]
        found.append(
            dict(zip(names, pl.collect_all([tables[name] for name in names]), strict=True))
        )
    return found[0], found[1]


def state(tables: Tables) -> Registry:
    names = ("legal_units", "establishments", "successions")
    return Registry(*(tables[f"sirene__{name}"].lazy() for name in names))


def test_every_event_and_every_trap_happens() -> None:
    assert set(made().event.tolist()) == {int(event) for event in Event}


def narrow(tables: Tables, table: str, key: str) -> pl.LazyFrame:
    """Key and hash of the rows, as they are kept beside a table."""
    columns = row_hashes.hashed_columns(tables[table].schema, [key])
    assert columns is not None
    return tables[table].lazy().select(key, *row_hashes.hashes(columns))


@pytest.mark.parametrize("by_hashes", [False, True])
def test_every_change_is_found_and_none_is_invented(
    months: tuple[Tables, Tables], by_hashes: bool
) -> None:
    before, after = (State(state(tables), None, str(month)) for month, tables in enumerate(months))
    pairs = {
        name: (narrow(months[0], f"sirene__{name}", key), narrow(months[1], f"sirene__{name}", key))
        for name, key in HASHED.items()
    }
    hashes = pairs if by_hashes else None
    found = changes(before, after, observed_at=AFTER, hashes=hashes).collect()
    told = found.select(expected.CHANGES).sort(expected.CHANGES)
    wanted = expected.changes(made(), made_of()).sort(expected.CHANGES)
    assert wanted.height > 300
    assert told.rows() == wanted.rows()


@pytest.mark.parametrize(
    ("table", "key", "wanted"),
    [
        ("sirene__legal_units", "siren", expected.unit_rows),
        ("sirene__establishments", "siret", expected.site_rows),
    ],
)
def test_every_row_that_differs_is_found_and_no_other(
    months: tuple[Tables, Tables], table: str, key: str, wanted: Any
) -> None:
    states = [month[table].lazy() for month in months]
    before, after = (narrow(month, table, key) for month in months)
    # Among them are those that an order-blind hash, or one of joined texts, takes for equal.
    for hashes in (None, (before, after)):
        found = diff(*states, [key], ignore=LINEAGE, hashes=hashes)
        assert sorted(found.select(key, "_op").rows()) == sorted(wanted(made()).rows())


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([40, 1_000, 10**9]))
def test_neither_the_order_of_rows_nor_the_size_of_ranges_shows(
    months: tuple[Tables, Tables], seed: int, size: int
) -> None:
    whole = compare(state(months[0]), state(months[1]), observed_at=AFTER).collect()
    shuffled = [
        state(
            {name: rows.sample(fraction=1, shuffle=True, seed=seed) for name, rows in one.items()}
        )
        for one in months
    ]
    before = registry.RANGE
    try:
        registry.RANGE = max(size, UNITS // 12)
        assert compare(*shuffled, observed_at=AFTER).collect().equals(whole)
    finally:
        registry.RANGE = before


def test_nothing_differs_between_a_month_and_itself(months: tuple[Tables, Tables]) -> None:
    assert compare(state(months[1]), state(months[1]), observed_at=AFTER).collect().is_empty()


@pytest.mark.parametrize("month", [0, 1])
def test_the_histories_match_the_stock(month: int) -> None:
    for stock, periods, key, suffix in (
        (units.units, histories.unit_periods, "siren", "UniteLegale"),
        (sites.sites, histories.site_periods, "siret", "Etablissement"),
    ):
        now = stock(made(), month, made_of())
        past = periods(made(), month, made_of())
        opened = past.filter(pl.col("dateFin").is_null())
        assert opened[key].to_list() == now[key].to_list()
        for column in ("etatAdministratif", "activitePrincipale"):
            assert opened[column + suffix].equals(now[column + suffix])
        assert opened["dateDebut"].equals(now["dateDebut"])
        # Newest first: each period ends on the day before the one above begins.
        follows = past.filter(pl.col("dateFin").is_not_null())
        above = past.with_columns(pl.col(key, "dateDebut").shift(1)).filter(
            pl.col("dateFin").is_not_null()
        )
        assert follows[key].equals(above[key])
        assert (above["dateDebut"].dt.offset_by("-1d") == follows["dateFin"]).all()
        assert not past.select(key, "dateDebut").is_duplicated().any()


def test_numbers_carry_valid_check_digits() -> None:
    now = sites.sites(made(), 1, made_of())
    for row in now.select("siren", "nic", "siret").gather_every(50).rows():
        assert row[0] + row[1] == row[2]
        assert stdnum.luhn.is_valid(row[0])
        assert stdnum.luhn.is_valid(row[2])


def test_a_range_is_the_same_whatever_is_made_around_it() -> None:
    part = plan(2_000, 4_000, UNITS, made_of(), intensity=INTENSITY)
    whole = units.units(made(), 1, made_of())
    assert units.units(part, 1, made_of()).equals(whole.slice(2_000, 2_000))
