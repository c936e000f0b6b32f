"""Matching only what a new registry touches gives what matching everything gives."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lead_registry import ESTABLISHMENT_SCHEMA, UNIT_SCHEMA, leads, siren, siret, site, unit

from leads.incremental import NEAR, changed_units, grown, news, touched
from leads.index import Index, build_index
from leads.matching import match_leads
from leads.scoring import load_model

WORDS = ("ZEPHYR", "KERVELLA", "MOULIN", "CONSEIL", "TRANSPORTS", "VIVIANE", "BOIS", "ALIZE",
         "GARAGE", "FONDERIE", "ATELIER", "GOLFE")  # fmt: skip
PLACES = (("35000", "RENNES"), ("75011", "PARIS"), ("69003", "LYON"), ("44000", "NANTES"))
FIRST, NEXT = date(2026, 10, 1), date(2026, 11, 1)
Rows = list[dict[str, Any]]


def _name(number: int) -> str:
    return " ".join(
        WORDS[(number * step + step) % len(WORDS)] for step in (1, 5, 7)[: 1 + number % 3]
    )


def _registry() -> tuple[Rows, Rows]:
    units = [unit(number, _name(number)) for number in range(200)]
    sites = [site(number, *PLACES[number % 4]) for number in range(200)]
    return units, sites


LEADS = leads(
    *(
        {"company_name": _name(number).title(), "postcode": PLACES[number % 4][0]}
        if number % 2
        else {"company_name": _name(number)}
        for number in range(0, 200, 5)
    ),
    *({"company_name": name} for name in ("Zzyzx Quuxly", "Atelier du Golfe SARL", "Kervela")),
    {"company_name": "Fonderie", "siren": siren(7)},
    {"siren": siren(201)},
    {"company_name": "test"},
)


def _frames(units: Rows, sites: Rows, links: Rows) -> dict[str, pl.LazyFrame]:
    schema = dict.fromkeys(("siret_predecesseur", "siret_successeur", "date_lien"), pl.String)
    return {
        "legal_units": pl.LazyFrame(units, schema=UNIT_SCHEMA),
        "establishments": pl.LazyFrame(sites, schema=ESTABLISHMENT_SCHEMA),
        "successions": pl.LazyFrame(links, schema=schema),
    }


def _match(rows: pl.DataFrame, index: Index, day: date) -> pl.DataFrame:
    return match_leads(rows, index, matched_at=day, registry_version=day.isoformat())


EDITS = st.lists(
    st.tuples(
        st.sampled_from(("rename", "move", "close", "mask", "sign", "replace", "succeed")),
        st.integers(0, 199),
        st.integers(0, 199),
    ),
    min_size=0,
    max_size=6,
)


def _edited(units: Rows, sites: Rows, edits: list[tuple[str, int, int]]) -> tuple[Rows, Rows, Rows]:
    units, sites, links = [dict(row) for row in units], [dict(row) for row in sites], []
    for kind, at, other in edits:
        if kind == "rename":
            units[at] |= {"denomination": _name(other), "nom_complet": _name(other)}
        elif kind == "move":
            postcode, city = PLACES[other % 4]
            sites[at] |= {"code_postal": postcode, "libelle_commune": city,
                          "departement": postcode[:2]}  # fmt: skip
        elif kind == "close":
            units[at]["etat_administratif"] = "C"
            sites[at]["etat_administratif"] = "F"
        elif kind == "mask":
            units[at]["statut_diffusion"] = "P"
        elif kind == "sign":
            sites[at]["enseigne_1"] = _name(other)
        elif kind == "replace":
            units[at] = unit(200 + at, _name(other))
            sites[at] = site(200 + at, *PLACES[other % 4])
        else:
            links.append({"siret_predecesseur": siret(siren(at)), "date_lien": "2026-10-15",
                          "siret_successeur": siret(siren(other))})  # fmt: skip
    return units, sites, links


@pytest.fixture(scope="module")
def before(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, pl.LazyFrame], pl.DataFrame]:
    frames = _frames(*_registry(), [])
    index = build_index(folder=tmp_path_factory.mktemp("before"), **frames)
    return frames, _match(LEADS, index, FIRST)


@pytest.mark.full
@settings(
    max_examples=15, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(edits=EDITS)
def test_what_is_not_touched_would_be_answered_the_same(
    edits: list[tuple[str, int, int]],
    before: tuple[dict[str, pl.LazyFrame], pl.DataFrame],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    then, answers = before
    now = _frames(*_edited(*_registry(), edits))
    folder = tmp_path_factory.mktemp("after")
    index = build_index(folder=folder / "index", **now)
    changed = changed_units(then, now)
    due = touched(LEADS, answers, changed, (then, now), load_model(), work=folder / "part")
    assert not (folder / "part").exists()
    again = _match(LEADS.join(due, on=["account_id", "lead_id"], how="semi"), index, NEXT)
    kept = answers.join(due, on=["account_id", "lead_id"], how="anti")
    merged = pl.concat([kept, again]).sort("lead_id")
    full = _match(LEADS, index, NEXT).sort("lead_id")
    said = ["lead_id", "match_id", "verdict", "siren", "siret"]
    assert merged.select(said).equals(full.select(said))


def test_an_unchanged_registry_touches_no_sure_answer(
    before: tuple[dict[str, pl.LazyFrame], pl.DataFrame], tmp_path: Path
) -> None:
    then, answers = before
    dated = dict(then)
    dated["legal_units"] = then["legal_units"].with_columns(date_dernier_traitement=pl.lit("2026"))
    changed = changed_units(then, dated)
    assert changed.len() == 0
    due = touched(LEADS, answers, changed, (then, dated), load_model(), work=tmp_path / "part")
    near = answers.filter(
        pl.any_horizontal(
            (pl.col("probability") - at).abs() <= 0.01 for at in load_model().thresholds.values()
        )
    )
    assert sorted(due["lead_id"]) == sorted(near["lead_id"])


def test_one_renamed_unit_touches_few_leads(
    before: tuple[dict[str, pl.LazyFrame], pl.DataFrame], tmp_path: Path
) -> None:
    then, answers = before
    units, sites = _registry()
    units[3] |= {"denomination": "BRULERIE OUESSANTINE", "nom_complet": "BRULERIE OUESSANTINE"}
    now = _frames(units, sites, [])
    changed = changed_units(then, now)
    assert changed.to_list() == [siren(3)]
    due = touched(LEADS, answers, changed, (then, now), load_model(), work=tmp_path / "part")
    assert 0 < due.height < LEADS.height / 2
    index = build_index(folder=tmp_path / "index", **now)
    kept = answers.join(due, on=["account_id", "lead_id"], how="anti").sort("lead_id")
    again = _match(LEADS, index, NEXT).join(kept, on="lead_id", how="semi").sort("lead_id")
    said = ["lead_id", "match_id", "verdict", "siren", "siret"]
    assert kept.select(said).equals(again.select(said))


def test_a_registry_that_grew_makes_every_word_weigh_otherwise(
    before: tuple[dict[str, pl.LazyFrame], pl.DataFrame], tmp_path: Path
) -> None:
    index = build_index(folder=tmp_path, **before[0])
    assert not grown(200, index)
    assert not grown(198, index)
    assert grown(190, index)


def test_only_an_answer_that_says_something_else_is_news(
    before: tuple[dict[str, pl.LazyFrame], pl.DataFrame],
) -> None:
    _, kept = before
    later = kept.with_columns(matched_at=pl.lit(NEXT), registry_version=pl.lit("another"))
    assert news(later, kept).is_empty()
    assert news(later, kept.head(0)).equals(later)
    assert news(later, kept.tail(-1))["lead_id"].to_list() == kept["lead_id"].head(1).to_list()
    p, reasons = pl.col("probability"), pl.col("reasons")
    recounted = pl.element().str.replace(r"\(1\)", "(2)").str.replace("^log_odds:.*", "log_odds:0")
    for change in (p - NEAR / 2, reasons.list.eval(recounted)):
        assert not later.with_columns(change).equals(later)
        assert news(later.with_columns(change), kept).is_empty()
    others = pl.col("alternatives")
    told = [p - 2 * NEAR, reasons.list.head(1), others.list.head(1), pl.col("siren").reverse()]
    for change in told:
        changed = later.with_columns(change)
        differs = pl.Series(
            [a != b for a, b in zip(*(
                rows.select(change.meta.output_name()).to_series().to_list()
                for rows in (changed, later)), strict=True)]
        )  # fmt: skip
        assert differs.any()
        assert news(changed, kept).equals(changed.filter(differs))
