"""The comparison as a whole: its columns, its identity, its properties (synthetic rows)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from registers import ALPHA, BETA, GAMMA, NOW, Row, changes, link, registry, site, unit

from sirene.changes import SCHEMA, compare
from sirene.registry import Registry

DAYS = st.sampled_from([date(2010, 5, 5), date(2026, 8, 20), date(2026, 9, 15), None])
NICS = ("00011", "00029", "00037")


@st.composite
def registers(draw: st.DrawFn, least: int = 0) -> Registry:
    """Draw a register of ``least`` to three units, each with as many establishments."""
    units: list[Row] = []
    sites: list[Row] = []
    for siren in draw(st.lists(st.sampled_from([ALPHA, BETA, GAMMA]), min_size=least, unique=True)):
        columns: dict[str, Any] = {
            "statut_diffusion": draw(st.sampled_from("OOOP")),
            "etat_administratif": draw(st.sampled_from("AAC")),
            "denomination": draw(st.sampled_from(["UN", "Un", "DEUX", "[ND]", None])),
            "categorie_juridique": draw(st.sampled_from(["5710", "1000"])),
            "nic_siege": draw(st.sampled_from(NICS)),
            "activite_principale": draw(st.sampled_from(["62.01Z", "70.22Z", None])),
            "date_creation": draw(DAYS),
            "date_debut": draw(DAYS),
        }
        units.append(unit(siren, **columns))
        for nic in draw(st.lists(st.sampled_from(NICS), min_size=least, unique=True)):
            state = {
                "statut_diffusion": draw(st.sampled_from("OOOP")),
                "etat_administratif": draw(st.sampled_from("AAF")),
                "date_creation": draw(DAYS),
                "date_debut": draw(DAYS),
                "caractere_employeur": draw(st.sampled_from(["N", "N", "O", None])),
            }
            sites.append(site(siren, nic, **state))
    sirets = [s + n for s in (ALPHA, BETA, GAMMA) for n in NICS]
    ends = st.tuples(st.sampled_from(sirets), st.sampled_from(sirets), DAYS)
    links = [
        link(
            a,
            b,
            day,
            continuite_economique=draw(st.booleans()),
            transfert_siege=draw(st.booleans()),
        )
        for a, b, day in draw(st.lists(ends, max_size=4, unique=True))
    ]
    return registry(units, sites, links)


@settings(max_examples=40, deadline=None)
@given(registers())
def test_nothing_changes_between_a_state_and_itself(state: Registry) -> None:
    assert changes(state, state) == []


@settings(max_examples=60, deadline=None)
@given(registers(), registers())
def test_the_order_of_the_rows_makes_no_difference(before: Registry, after: Registry) -> None:
    def turned(state: Registry) -> Registry:
        return replace(
            state,
            legal_units=state.legal_units.reverse(),
            establishments=state.establishments.reverse(),
            successions=state.successions.reverse(),
        )

    straight = compare(before, after, observed_at=NOW).collect()
    reverse = compare(turned(before), turned(after), observed_at=NOW).collect()
    assert straight.equals(reverse)
    assert dict(straight.schema) == SCHEMA
    assert straight["change_id"].is_unique().all()


@settings(max_examples=60, deadline=None)
@given(registers(), registers())
def test_no_establishment_is_told_twice_and_nothing_masked_is_told(
    before: Registry, after: Registry
) -> None:
    rows = compare(before, after, observed_at=NOW).collect()
    alone = rows.filter(
        pl.col("change").is_in(
            ["establishment_opened", "establishment_closed", "establishment_reopened"]
        )
    )
    paired = rows.filter(pl.col("other_siret").is_not_null())
    ends = pl.concat([paired["siret"], paired["other_siret"].rename("siret")])
    assert not set(alone["siret"]) & set(ends)
    assert alone["siret"].is_unique().all()
    hidden = after.legal_units.filter(pl.col("statut_diffusion") != "O").collect()["siren"]
    assert not set(rows["siren"]) & set(hidden)
    assert "[ND]" not in set(rows["before"]) | set(rows["after"]) | set(rows["nom_complet"])
    natural = rows.filter(~pl.col("personne_morale"))
    assert natural["nom_complet"].null_count() == natural.height


def test_the_baseline_has_the_columns_and_no_row() -> None:
    rows = compare(None, registry([unit()], [site()]), observed_at=NOW).collect()
    assert (rows.height, dict(rows.schema)) == (0, SCHEMA)


def test_the_identity_of_a_change_is_stable() -> None:
    """An id that moved would tell every customer everything again."""
    before = registry([unit()], [site()])
    renamed = unit(denomination="AUTRE", date_debut=date(2026, 9, 15))
    (row,) = changes(before, registry([renamed], [site()]))
    assert row["change_id"] == "8c51a1a49d2d80a3299f3af9b8a58c9e"
    later = NOW + timedelta(days=31)
    (seen_later,) = changes(before, registry([renamed], [site()]), observed_at=later)
    assert seen_later["change_id"] == row["change_id"]
    assert (seen_later["observed_at"], row["observed_at"]) == (later, NOW)
    other = unit(denomination="AUTRE ENCORE", date_debut=date(2026, 9, 15))
    (different,) = changes(before, registry([other], [site()]))
    assert different["change_id"] != row["change_id"]


def test_each_row_names_its_record_and_its_publication() -> None:
    after = registry(
        [unit(denomination="AUTRE", date_debut=date(2026, 9, 15))],
        [site(), site(nic="00029", date_creation=date(2026, 9, 15))],
    )
    rows = changes(registry([unit()], [site()]), after)
    assert [row["record_key"] for row in rows] == [f"{ALPHA}00029", ALPHA]
    assert {row["publication_date"] for row in rows} == {NOW}
