"""Learning from answers: careful, measured on answers it has not seen, undone by removing."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from lead_registry import siren

from leads.refit import Refit, keep, refit, serving_model, shipped
from leads.scoring import load_model
from opendata.errors import SettingsError

DAY = date(2026, 11, 23)


def answers(number: int, *, slope: float, intercept: float, seed: int = 1) -> pl.DataFrame:
    """Answers whose true chance of being right is as told, whatever the model thinks."""
    chance = np.random.default_rng(seed)
    odds = chance.uniform(-4, 6, number).round(6)
    true = 1 / (1 + np.exp(-(slope * odds + intercept)))
    return pl.DataFrame(
        {
            "key": [f"{one:08d}" for one in range(number)],
            "siren": [siren(one) for one in range(number)],
            "tier": ["name" if one % 2 else "name+postcode" for one in range(number)],
            "log_odds": odds,
            "probability": true,
            "right": chance.uniform(size=number) < true,
        }
    )


def fitted(number: int = 2000, *, slope: float = 0.8, intercept: float = -1.0) -> Refit:
    return refit(answers(number, slope=slope, intercept=intercept), precision=0.9, on=DAY)


def test_the_true_slope_is_found_and_the_probabilities_get_better() -> None:
    found = fitted()
    assert found.worse is None
    for tier in ("name", "name+postcode"):
        numbers = found.content["calibration"][tier]
        assert numbers["slope"] == pytest.approx(0.8, abs=0.1)
        assert numbers["intercept"] == pytest.approx(-1.0, abs=0.4)
    assert found.measured.loss_after < found.measured.loss_before
    assert found.measured.precision_after is not None
    assert found.measured.precision_after >= 0.86


def test_the_threshold_follows_the_wanted_precision() -> None:
    rows = answers(2000, slope=0.8, intercept=0.0)
    least = [
        refit(rows, precision=wanted, on=DAY).content["thresholds"]["confirmed"]["probability"]
        for wanted in (0.8, 0.9, 0.97)
    ]
    assert least == sorted(least)
    assert least[0] < least[2]


def test_too_few_or_one_sided_answers_are_refused() -> None:
    with pytest.raises(SettingsError, match="150 answers can be learnt from, 200 are needed"):
        refit(answers(150, slope=1, intercept=0), precision=0.9, on=DAY)
    right = answers(400, slope=1, intercept=0).with_columns(right=pl.lit(True))
    with pytest.raises(SettingsError, match="0 wrong"):
        refit(right, precision=0.9, on=DAY)


def test_a_fit_that_is_worse_on_unseen_answers_is_said_to_be() -> None:
    # What the odds say is true in one half of the units and upside down in the other.
    rows = answers(600, slope=1.0, intercept=0.0)
    half = [int(hashlib.sha256(one.encode()).hexdigest()[:8], 16) % 2 for one in rows["siren"]]
    turned = rows.with_columns(
        right=pl.when(pl.Series(half) == 0).then(~pl.col("right")).otherwise("right")
    )
    found = refit(turned, precision=0.9, on=DAY)
    assert found.worse is not None
    assert "not seen" in found.worse


def test_it_serves_until_it_is_removed_and_the_shipped_one_is_untouched(tmp_path: Path) -> None:
    before = shipped()
    assert serving_model(tmp_path).version == load_model().version
    found = fitted()
    path = keep(found, tmp_path)
    assert serving_model(tmp_path).version == found.content["version"]
    assert serving_model(tmp_path).thresholds["confirmed"] != load_model().thresholds["confirmed"]
    mark = str(found.content["version"]).split("+")[1]
    assert (tmp_path / f"matching-{mark}.json").read_bytes() == path.read_bytes()
    assert keep(fitted(), tmp_path).read_bytes() == path.read_bytes()
    path.unlink()
    assert serving_model(tmp_path).version == load_model().version
    assert shipped() == before


def test_a_fit_on_another_shipped_model_does_not_serve(tmp_path: Path) -> None:
    path = keep(fitted(), tmp_path)
    content = json.loads(path.read_bytes())
    content["refit"]["base"] = "older"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert serving_model(tmp_path).version == load_model().version
