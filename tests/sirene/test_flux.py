"""The stock with the flux on top of it (synthetic rows)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from registers import ALPHA, BETA, GAMMA, NOW, link, registry, site, unit
from test_changes import registers

from sirene.changes import compare
from sirene.flux import FLIPS, KEYS, State, changes, flips
from sirene.reconciliation import ABSENT, SCHEMA, compared, drift
from sirene.registry import Registry

STOCK_DAY = datetime.fromisoformat("2026-09-01")


def treated(state: Registry, at: datetime = STOCK_DAY, source: str = "sirene@1") -> Registry:
    """Return the register with what every published row carries."""
    lineage = [
        pl.lit(at).cast(pl.Datetime("us")).alias("date_dernier_traitement"),
        pl.lit(source).alias("source_id"),
    ]
    return Registry(**{name: getattr(state, name).with_columns(lineage) for name in KEYS})


def some(state: Registry, sirens: list[str]) -> Registry:
    """Return the records of the units, as a flux of the day after brings them."""
    whole = treated(state, STOCK_DAY + timedelta(days=1), "sirene_flux@1")
    successor = pl.col("siret_successeur").str.slice(0, 9)
    return Registry(
        legal_units=whole.legal_units.filter(pl.col("siren").is_in(sirens)),
        establishments=whole.establishments.filter(pl.col("siren").is_in(sirens)),
        successions=whole.successions.filter(successor.is_in(sirens)),
    )


@settings(max_examples=30, deadline=None)
@given(
    registers(),
    registers(),
    st.lists(st.sampled_from([ALPHA, BETA, GAMMA]), unique=True),
    st.lists(st.sampled_from([ALPHA, BETA, GAMMA]), unique=True),
)
def test_comparing_what_was_touched_gives_the_rows_of_the_full_comparison(
    stock: Registry, later: Registry, first: list[str], second: list[str]
) -> None:
    base = treated(stock)
    before = State(base, some(later, first) if first else None, "sirene@1")
    # A flux only grows until the next stock.
    after = State(base, some(later, sorted({*first, *second})), "sirene@1")
    quick = changes(before, after, observed_at=NOW).collect()
    full = compare(before.registry, after.registry, observed_at=NOW).collect()
    assert quick.equals(full)


def test_a_link_that_the_stock_knew_explains_what_the_flux_opens() -> None:
    since = NOW - timedelta(days=20)
    links = [
        link(ALPHA + "00011", ALPHA + "00029", since),
        link(GAMMA + "00011", BETA + "00029", since),
    ]
    units = [unit(siren) for siren in (ALPHA, BETA, GAMMA)]
    sites = [site(siren, "00011") for siren in (ALPHA, BETA, GAMMA)]
    opened = [site(siren, "00029", date_creation=since) for siren in (ALPHA, BETA)]
    stock = treated(registry(units, sites, links))
    later = registry(units, [*sites, *opened], links)
    before = State(stock, None, "sirene@1")
    after = State(stock, some(later, [ALPHA, BETA]), "sirene@1")
    # The flux brings the establishments; the links stand in the stock alone.
    assert after.flux is not None
    after = replace(after, flux=replace(after.flux, successions=after.flux.successions.head(0)))
    quick = changes(before, after, observed_at=NOW).collect()
    assert quick.equals(compare(before.registry, after.registry, observed_at=NOW).collect())
    assert "establishment_moved" in quick["change"].to_list()
    assert "establishment_opened" not in quick["change"].to_list()


def test_two_stocks_are_compared_in_full_and_what_the_flux_told_is_not_told_again() -> None:
    stock = treated(registry([unit(ALPHA)], [site(ALPHA)]))
    closed = registry([unit(ALPHA, etat_administratif="C", date_debut=date(2026, 9, 15))], [])
    before = State(stock, None, "sirene@1")
    now = State(stock, some(closed, [ALPHA]), "sirene@1")
    told = changes(before, now, observed_at=NOW).collect()
    assert "unit_closed" in told["change"].to_list()
    # The next stock says the same: the flux had said it.
    whole = registry(
        [unit(ALPHA, etat_administratif="C", date_debut=date(2026, 9, 15))], [site(ALPHA)]
    )
    following = treated(whole, STOCK_DAY + timedelta(days=30), "sirene@2")
    assert changes(now, State(following, None, "sirene@2"), observed_at=NOW).collect().is_empty()
    again = changes(before, State(following, None, "sirene@2"), observed_at=NOW + timedelta(days=3))
    # Without it the stock tells it, under the id that it has either way.
    assert again.collect()["change_id"].to_list() == told["change_id"].to_list()


def test_the_first_state_changes_nothing() -> None:
    state = State(treated(registry([unit(ALPHA)], [])), None, "sirene@1")
    assert changes(None, state, observed_at=NOW).collect().is_empty()


def test_whose_diffusion_turned_is_told_with_both_values() -> None:
    stock = treated(
        registry(
            [unit(ALPHA), unit(BETA, statut_diffusion="P"), unit(GAMMA)],
            [site(ALPHA), site(GAMMA, statut_diffusion="O")],
        )
    )
    said = registry(
        [unit(ALPHA, statut_diffusion="P"), unit(BETA), unit(GAMMA)],
        [site(ALPHA), site(GAMMA, statut_diffusion="P")],
    )
    now = State(stock, some(said, [ALPHA, BETA, GAMMA]), "sirene@1")
    rows = flips(State(stock, None, "sirene@1"), now, observed_at=NOW)
    assert rows.schema == pl.Schema(FLIPS)
    sites = said.establishments.collect()
    gamma = sites.filter(pl.col("siren") == GAMMA)["siret"][0]
    assert rows.select("siren", "siret", "before", "after").rows() == sorted(
        [(ALPHA, None, "O", "P"), (BETA, None, "P", "O"), (GAMMA, gamma, "O", "P")]
    )
    assert set(rows["observed_at"]) == {NOW}
    assert flips(now, now, observed_at=NOW).is_empty()


def reconciled(stock: Registry, said: Registry) -> pl.DataFrame:
    before = State(treated(registry([unit(ALPHA)], [site(ALPHA)])), said, "sirene@1")
    return drift(before, State(stock, None, "sirene@2"), observed_at=NOW).collect()


def test_a_stock_that_departs_from_the_flux_is_told_by_column_with_both_values() -> None:
    said = some(registry([unit(ALPHA, denomination="FLUX")], [site(ALPHA)]), [ALPHA])
    other = registry([unit(ALPHA, denomination="STOCK")], [])
    # Not treated again since: the two should have been the same.
    at = STOCK_DAY + timedelta(days=1)
    rows = reconciled(treated(other, at, "sirene@2"), said)
    by_column = {row["column"]: row for row in rows.iter_rows(named=True)}
    row = by_column["denomination"]
    assert (row["flux_value"], row["stock_value"]) == ("FLUX", "STOCK")
    assert (row["flux_source_id"], row["stock_source_id"]) == ("sirene_flux@1", "sirene@2")
    assert (row["siren"], row["siret"], row["record"]) == (ALPHA, None, "legal_units")
    gone = by_column[ABSENT]
    assert (gone["record"], gone["stock_value"]) == ("establishments", None)
    assert gone["siret"].startswith(ALPHA)
    assert rows.schema == pl.Schema(SCHEMA)
    assert rows["drift_id"].n_unique() == rows.height


def test_what_the_stock_treated_again_may_differ() -> None:
    said = some(registry([unit(ALPHA, denomination="FLUX")], []), [ALPHA])
    later = treated(
        registry([unit(ALPHA, denomination="STOCK")], []), STOCK_DAY + timedelta(days=9), "sirene@2"
    )
    assert reconciled(later, said).is_empty()


def test_a_flux_that_the_same_stock_still_carries_does_not_drift() -> None:
    said = some(registry([unit(ALPHA, denomination="FLUX")], []), [ALPHA])
    before = State(treated(registry([unit(ALPHA)], [])), said, "sirene@1")
    after = replace(before, flux=None)
    assert drift(before, after, observed_at=NOW).collect().is_empty()
    assert compared(before, after) == 0
    assert compared(before, replace(after, stock_id="sirene@2")) == 1
