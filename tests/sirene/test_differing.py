"""Only the units that can differ are read: the rows are those of the full comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registers import ALPHA, BETA, GAMMA, NOW, Row, link, registry, site, unit
from test_changes import registers
from test_flux import some, treated

from opendata.row_hashes import Pair, hashed_columns, hashes
from sirene import changes as changes_module
from sirene.changes import compare
from sirene.differing import HASHED, cut, differing
from sirene.flux import State, apply, changes
from sirene.registry import Registry

SIRENS = st.lists(st.sampled_from([ALPHA, BETA, GAMMA]), unique=True)
LATER = NOW - timedelta(days=1)


def narrow(state: Registry, name: str) -> pl.LazyFrame:
    rows, key = getattr(state, name), HASHED[name]
    columns = hashed_columns(rows.collect_schema(), [key])
    assert columns is not None
    return rows.select(key, *hashes(columns)).sort(key)


def kept(before: Registry, after: Registry) -> Mapping[str, Pair]:
    """Return the hashes that the store keeps of both stocks."""
    return {name: (narrow(before, name), narrow(after, name)) for name in HASHED}


def both(before: State, after: State) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the changes by hashes and by the full comparison."""
    pairs = kept(before.stock, after.stock)
    quick = changes(before, after, observed_at=NOW, hashes=pairs).collect()
    return quick, compare(before.registry, after.registry, observed_at=NOW).collect()


@settings(max_examples=40, deadline=None)
@given(registers(2), registers(2), SIRENS, SIRENS, SIRENS)
def test_by_hashes_the_rows_of_the_full_comparison_are_found(
    stock: Registry, later: Registry, treated_since: list[str], first: list[str], second: list[str]
) -> None:
    """Some units differ between two stocks, and either may have a flux on top of it."""
    old = treated(stock)
    new = treated(apply(stock, some(later, treated_since)), source="sirene@2")
    before = State(old, some(later, first) if first else None, "sirene@1")
    after = State(new, some(stock, second) if second else None, "sirene@2")
    quick, full = both(before, after)
    assert quick.equals(full)


def of(units: list[Row], sites: list[Row], links: list[Row], flux: Registry | None = None) -> State:
    stock = treated(registry(units, sites, links))
    return State(stock, flux, f"sirene@{len(sites)}")


def test_a_link_that_was_known_still_explains_what_opens() -> None:
    since = NOW - timedelta(days=20)
    links = [
        link(ALPHA + "00011", ALPHA + "00029", since),
        link(GAMMA + "00011", BETA + "00029", since),
    ]
    units = [unit(siren) for siren in (ALPHA, BETA, GAMMA)]
    sites = [site(siren) for siren in (ALPHA, BETA, GAMMA)]
    opened = [site(siren, "00029", date_creation=since) for siren in (ALPHA, BETA)]
    quick, full = both(of(units, sites, links), of(units, [*sites, *opened], links))
    assert quick.equals(full)
    assert quick["change"].to_list() == ["establishment_moved"]


def test_a_new_link_between_two_units_that_did_not_change_is_a_take_over() -> None:
    units, sites = [unit(ALPHA), unit(BETA)], [site(ALPHA), site(BETA)]
    after = of(units, sites, [link(ALPHA + "00011", BETA + "00011", LATER)])
    quick, full = both(of(units, sites, []), replace(after, stock_id="sirene@later"))
    assert quick.equals(full)
    assert quick["change"].to_list() == ["establishment_taken_over"]
    # Where it happened is told from rows in which nothing changed.
    assert quick["to_commune"].to_list() == ["75101"]


def test_an_establishment_that_did_not_change_says_that_the_unit_employed_before() -> None:
    first = site(ALPHA, "00029", caractere_employeur="O", date_debut=LATER)
    for flag, told in (("N", ["unit_became_employer"]), ("O", [])):
        head = site(ALPHA, caractere_employeur=flag)
        other = site(ALPHA, "00029", caractere_employeur="N")
        before, after = of([unit()], [head, other], []), of([unit()], [head, first], [])
        quick, full = both(before, replace(after, stock_id="sirene@later"))
        assert quick.equals(full)
        assert quick["change"].to_list() == told


def test_only_units_that_differ_and_those_tied_to_them_are_read() -> None:
    units, sites = [unit(ALPHA), unit(BETA), unit(GAMMA)], [site(ALPHA), site(BETA), site(GAMMA)]
    since = NOW - timedelta(days=20)
    links = [
        link(ALPHA + "00011", BETA + "00011", since),
        link(GAMMA + "00011", GAMMA + "00029", since),
    ]
    before = treated(registry(units, sites, links))
    renamed = [unit(ALPHA, denomination="AUTRE", date_debut=LATER), *units[1:]]
    after = treated(registry(renamed, sites, links))
    found = differing(kept(before, after), [])
    assert found is not None
    assert found.to_list() == [ALPHA]
    for state in cut(before, after, found, since):
        assert sorted(state.legal_units.collect()["siren"]) == sorted([ALPHA, BETA])
        assert sorted(state.establishments.collect()["siren"]) == sorted([ALPHA, BETA])
        assert state.successions.collect()["siret_successeur"].to_list() == [BETA + "00011"]
    # Older links that were known explain nothing and tie nobody.
    alone, _ = cut(before, after, found, since + timedelta(days=1))
    assert alone.legal_units.collect()["siren"].to_list() == [ALPHA]


def test_without_hashes_or_with_too_many_units_all_is_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, after = (
        of([unit()], [site()], []),
        of([unit(etat_administratif="C", date_debut=LATER)], [], []),
    )
    equal = kept(before.stock, before.stock)

    def told(given: Mapping[str, Pair]) -> list[str]:
        rows = changes(before, after, observed_at=NOW, hashes=given).collect()
        return rows["change"].to_list()

    # What is not told to differ is not looked at …
    assert told(equal) == []
    # … but where the hashes of one table are missing, or as many units differ, all is.
    assert told({"legal_units": equal["legal_units"]}) == ["unit_closed"]
    monkeypatch.setattr(changes_module, "MANY", -1)
    assert told(equal) == ["unit_closed"]


def test_who_is_only_in_a_flux_is_among_those_that_differ() -> None:
    stock = treated(registry([unit(ALPHA), unit(BETA)], [site(ALPHA), site(BETA)]))
    equal = kept(stock, stock)
    said = some(registry([unit(BETA, date_debut=date(2026, 9, 15))], [site(GAMMA)]), [BETA, GAMMA])
    found = differing(equal, [said])
    assert found is not None
    assert sorted(found) == sorted([BETA, GAMMA])
