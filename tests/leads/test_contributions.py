"""The parts of a probability add up to it, and the runner-up is told what it lacks."""

from __future__ import annotations

import math
import re
from datetime import date

import lead_registry as registry
import numpy as np
import polars as pl
import pytest

from leads import contributions
from leads.index import Index
from leads.matching import evidence, match_leads
from leads.scoring import load_model

LEADS = (
    {"company_name": "Alpha Conseil", "postcode": "69003", "city": "Lyon"},
    {"company_name": "Biscuiterie de Brocéliande", "department": "35"},
    {"company_name": "Fictive Garage"},
    {"company_name": "Salad & Co 7"},
)


def test_the_parts_add_up_to_the_log_odds_of_the_probability(small: Index) -> None:
    model = load_model()
    _, units = evidence(registry.leads(*LEADS), small, model)
    assert set(units["tier"]) == {"name+postcode", "name+department", "name"}
    made = contributions.parts(units, model)
    assert made.shape == (units.height, len(contributions.PARTS))
    p = units["probability"].to_numpy()
    assert 1 / (1 + np.exp(-made.sum(axis=1))) == pytest.approx(p, abs=1e-5)


def test_differences_add_up_to_the_distance_in_the_ranking(small: Index) -> None:
    model = load_model()
    _, units = evidence(registry.leads(*LEADS), small, model)
    second = units.filter(pl.col("rank") == 1)
    first = units.filter(pl.col("rank") == 0).join(second, on="lead", how="semi")
    assert first["lead"].to_list() == second["lead"].to_list()
    behind = contributions.differences(first, second, model)
    distance = (second["score"] - first["score"]).to_numpy()
    assert behind.sum(axis=1) == pytest.approx(distance, abs=1e-5)
    assert (distance <= 0).all()


def told(index: Index, **lead: str | None) -> dict[str, tuple[float, str | None]]:
    answer = match_leads(
        registry.leads(lead), index, matched_at=date(2026, 11, 23), registry_version="r1"
    ).row(0, named=True)
    found: dict[str, tuple[float, str | None]] = {}
    for reason in answer["reasons"]:
        if sums := re.fullmatch(r"(log_odds|runner_up):([+-][0-9.]+)(?:\((.+)\))?", reason):
            found[sums[1]] = (float(sums[2]), sums[3])
    if "log_odds" in found and answer["probability"] is not None:
        p = answer["probability"]
        assert found["log_odds"][0] == pytest.approx(math.log(p / (1 - p)), abs=0.06)
    return found


def test_the_reasons_say_what_weighs_and_why_the_other_lost(small: Index) -> None:
    here = told(small, company_name="Alpha Conseil", postcode="69003", city="Lyon")
    behind, lacks = here["runner_up"]
    assert behind < -0.5
    assert lacks is not None
    assert re.search(r"(postcode|city|department)_(equal|differs)-", lacks)
    assert len(lacks.split(",")) <= contributions.TOLD
    # Two units of one name are as good: nothing is lacking.
    assert told(small, company_name="Alpha Conseil")["runner_up"] == (0.0, None)


def test_one_candidate_has_no_runner_up_and_a_number_no_sum(small: Index) -> None:
    assert told(small, company_name="Zorglub") == {}
    assert told(small, siren=registry.siren(registry.CREABOIS)) == {}
    opposed = told(small, company_name="Tranquille Discrétion", department="29")
    assert opposed == {}
