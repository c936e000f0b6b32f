"""Every name with its time; synthetic histories, and the real renamings of 2017."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from registers import ALPHA, BETA
from sirene_files import DATASET, bundled

from sirene.registered_names import registered_names

TABLES = (
    "sirene__legal_units",
    "sirene__establishments",
    "sirene__unit_periods",
    "sirene__establishment_periods",
)
KINDS = {"text": pl.String, "code": pl.String, "date": pl.Date, "boolean": pl.Boolean}
Row = dict[str, Any]
SITE = f"{ALPHA}00011"
COLUMNS = ("siren", "siret", "kind", "name", "date_debut", "date_fin")


def names(**rows: list[Row]) -> list[tuple[Any, ...]]:
    """Return kind, name and days of the names of these rows of tables."""
    tables = {}
    for table in TABLES:
        schema = {c.name: KINDS.get(c.type, pl.Float64) for c in DATASET.described_columns(table)}
        given_rows = rows.get(table.removeprefix("sirene__"), [])
        filled = [{name: row.get(name) for name in schema} for row in given_rows]
        tables[table] = pl.LazyFrame(filled, schema=schema)
    found = registered_names(tables).collect()
    return found.sort("siren", "siret", "kind", "name", "date_debut").select(*COLUMNS).rows()


def period(name: str | None, start: date | None, end: date | None, **more: Any) -> Row:
    ordinary = {"siren": ALPHA, "denomination": name, "date_debut": start, "date_fin": end}
    return ordinary | {"contigue": True} | more


def test_periods_of_one_name_are_one_row_and_a_name_may_come_back() -> None:
    d = date
    rows = [
        period("A", d(2000, 1, 1), d(2000, 12, 31), contigue=None),
        period("A", d(2001, 1, 1), d(2001, 12, 31)),
        period("B", d(2002, 1, 1), d(2002, 12, 31)),
        period("A", d(2003, 1, 1), d(2003, 12, 31)),
        period("A", d(2004, 1, 1), None),
    ]
    assert names(unit_periods=rows, legal_units=[{"siren": ALPHA, "denomination": "A"}]) == [
        (ALPHA, None, "denomination", "A", d(2000, 1, 1), d(2001, 12, 31)),
        (ALPHA, None, "denomination", "A", d(2003, 1, 1), None),
        (ALPHA, None, "denomination", "B", d(2002, 1, 1), d(2002, 12, 31)),
    ]


def test_a_time_without_name_a_gap_or_another_unit_ends_a_name() -> None:
    d = date
    rows = [
        period("A", d(2000, 1, 1), d(2000, 12, 31), contigue=None),
        period(None, d(2001, 1, 1), d(2001, 12, 31)),
        period("A", d(2002, 1, 1), d(2002, 6, 30)),
        period("A", d(2002, 8, 1), d(2002, 8, 31), contigue=False),
        period("A", d(2005, 1, 1), None, siren=BETA, contigue=None),
    ]
    assert names(unit_periods=rows) == [
        (BETA, None, "denomination", "A", d(2005, 1, 1), None),
        (ALPHA, None, "denomination", "A", d(2000, 1, 1), d(2000, 12, 31)),
        (ALPHA, None, "denomination", "A", d(2002, 1, 1), d(2002, 6, 30)),
        (ALPHA, None, "denomination", "A", d(2002, 8, 1), d(2002, 8, 31)),
    ]


def test_each_kind_has_its_own_times() -> None:
    rows = [
        {"siren": ALPHA, "siret": SITE, "enseigne_1": "ONE", "denomination_usuelle": "SHOP",
         "date_debut": None, "date_fin": date(2010, 5, 4)},
        {"siren": ALPHA, "siret": SITE, "enseigne_1": "ONE", "enseigne_2": "TWO",
         "date_debut": date(2010, 5, 5), "contigue": True},
    ]  # fmt: skip
    assert names(establishment_periods=rows) == [
        (ALPHA, SITE, "denomination_usuelle_etablissement", "SHOP", None, date(2010, 5, 4)),
        (ALPHA, SITE, "enseigne_1", "ONE", None, None),
        (ALPHA, SITE, "enseigne_2", "TWO", date(2010, 5, 5), None),
    ]


def test_what_only_the_stock_says_is_there_without_dates() -> None:
    units = [{"siren": ALPHA, "denomination": "A", "sigle": "AA", "denomination_usuelle_2": "U"}]
    sites = [{"siren": ALPHA, "siret": SITE, "enseigne_3": "SIGN"}]
    assert names(legal_units=units, establishments=sites) == [
        (ALPHA, None, "denomination", "A", None, None),
        (ALPHA, None, "denomination_usuelle_2", "U", None, None),
        (ALPHA, None, "sigle", "AA", None, None),
        (ALPHA, SITE, "enseigne_3", "SIGN", None, None),
    ]


def test_a_mask_a_removal_and_nothing_are_no_names() -> None:
    sites = [
        {"siren": ALPHA, "siret": SITE, "enseigne_1": "[ND]", "enseigne_2": "",
         "denomination_usuelle": "SUPPRESSION DU NOM COMMERCIAL"}
    ]  # fmt: skip
    assert names(establishments=sites, establishment_periods=sites) == []


@given(st.lists(st.sampled_from([None, "A", "B"]), min_size=1, max_size=12))
def test_the_names_say_for_each_day_what_the_periods_say(borne: list[str | None]) -> None:
    """A year each: whatever the sequence, each day has the name of its period."""
    starts = [date(2000 + n, 1, 1) for n in range(len(borne))]
    rows = [
        period(name, start, None if n + 1 == len(borne) else starts[n + 1] - timedelta(days=1),
               contigue=None if n == 0 else True)
        for n, (name, start) in enumerate(zip(borne, starts, strict=True))
    ]  # fmt: skip
    found = names(unit_periods=rows)
    for name, start in zip(borne, starts, strict=True):
        day = start + timedelta(days=100)
        told = [row[3] for row in found if row[4] <= day and (row[5] is None or row[5] >= day)]
        assert told == ([name] if name else [])
    changes = sum(1 for n, name in enumerate(borne) if name and (n == 0 or borne[n - 1] != name))
    assert len(found) == changes, "as few rows as there are times"


def test_the_real_renamings_of_2017_are_former_names(tmp_path: Path) -> None:
    tables = bundled("2017-05-01", tmp_path)
    found = tables["sirene__names"].collect()
    former = found.filter(pl.col("date_fin").is_not_null(), kind="denomination")
    assert former.height > 80
    now = found.filter(pl.col("date_fin").is_null(), kind="denomination")
    stock = tables["sirene__legal_units"].select("siren", "denomination").collect()
    assert now.select("siren", "name").sort("siren").rows() == stock.sort("siren").rows()
    key = DATASET.tables["sirene__names"].key
    assert found.select(key).is_unique().all()
