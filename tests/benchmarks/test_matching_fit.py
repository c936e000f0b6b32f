"""What the fit of matching rests on: weights of leads, and how few wrong ones pass."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from benchmarks.matching import boosting, fit
from leads.trees import value


def candidates(probabilities: list[float], **more: object) -> pl.DataFrame:
    rows = pl.DataFrame({"probability": probabilities})
    nothing = (
        "acronym", "brand_units", "name_alone", "lead_alone", "lead_area_alone",
        "name_area_alone", "sign_elsewhere", "form_conflicts", "numbers_differ",
    )  # fmt: skip
    values = {
        "q_full": "LONG ENOUGH", "kind": "denomination", "tier": "name", "homonym_units": 1,
        "exact_core": 1.0, "exact_glued": 1.0, **dict.fromkeys(nothing, 0.0), **more,
    }  # fmt: skip
    return rows.with_columns(pl.lit(value).alias(name) for name, value in values.items())


def test_the_threshold_lets_the_allowed_number_of_wrong_ones_pass() -> None:
    wrong = candidates([0.2, 0.95, 0.9, 0.99, 0.8])
    least = fit.few_false(wrong, leads=200)
    assert (wrong["probability"] >= least).sum() == 2 == int(200 * fit.FALSE_ACCEPTS)
    tied = candidates([0.9] * 5)
    assert (tied["probability"] >= fit.few_false(tied, leads=200)).sum() == 0
    assert fit.few_false(candidates([0.9]), leads=200) == 0


def test_the_threshold_is_the_least_that_reaches_the_wanted_share() -> None:
    rows = pl.DataFrame({"probability": [0.9, 0.8, 0.7, 0.6], "right": [True, True, False, True]})
    assert [fit.threshold(rows, share) for share in (0.75, 0.9)] == [0.6, 0.8]
    heavy = rows.with_columns(weight=pl.Series([1.0, 1.0, 1.0, 9.0]))
    assert fit.threshold(heavy, 0.9) == 0.6
    assert fit.threshold(rows.filter(~pl.col("right")), 0.5) is None


def test_what_a_rule_forbids_does_not_raise_the_threshold() -> None:
    forbidden = candidates([0.99, 0.98, 0.97], exact_core=0.0, exact_glued=0.0, name_alone=0.6)
    assert fit.few_false(forbidden, leads=100) == 0
    assert fit.few_false(forbidden.with_columns(tier=pl.lit("name+postcode")), leads=100) > 0.97


def test_leads_without_a_unit_weigh_the_share_assumed_however_many_they_are() -> None:
    rows = pl.DataFrame({"lead": range(40), "open": [True] * 30 + [False] * 10})
    weighed = fit.with_weights(rows, 0.3)
    outside = weighed.filter("open")["weight"].sum()
    assert outside / weighed["weight"].sum() == pytest.approx(0.3)


def test_rows_of_no_weight_teach_the_trees_nothing() -> None:
    random = np.random.default_rng(7)
    x = random.random((400, 2))
    y = (x[:, 0] > 0.5).astype(np.float64)
    lies = np.concatenate([y, 1 - y])
    weight = np.concatenate([np.ones(400), np.zeros(400)])
    settings = boosting.Settings(trees=20, rows=1.0, features=1.0)
    trees, _ = boosting.boosted(np.concatenate([x, x]), lies, weight, settings)
    told, _ = boosting.boosted(np.concatenate([x, x]), lies, np.ones(800), settings)
    apart = value(trees, x)[y > 0].min() - value(trees, x)[y < 1].max()
    assert apart > 1
    assert np.ptp(value(told, x)) < 0.5
