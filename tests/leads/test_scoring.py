from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from typing import Any

import polars as pl
import pytest

from leads.features import PAIR_FEATURES
from leads.index import KINDS
from leads.scoring import CLOSE, TIERS, Model, best_names, load_model, probability, ranked
from opendata.errors import SettingsError
from opendata.files import json_bytes


@pytest.fixture
def content() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(files("leads").joinpath("model.json").read_text("utf-8"))
    return read


def test_the_model_is_as_the_script_wrote_it(content: dict[str, Any]) -> None:
    """A number changed by hand would change the hash that is its version."""
    numbers = {key: value for key, value in content.items() if key != "version"}
    digest = hashlib.sha256(json_bytes(numbers)).hexdigest()[:12]
    assert content["version"] == f"boosted-{digest}" == load_model().version


def test_a_model_for_other_features_is_refused(content: dict[str, Any]) -> None:
    content["pair"].pop(PAIR_FEATURES[0])
    with pytest.raises(SettingsError, match="other features"):
        Model.from_content(content)


def test_the_measured_numbers_say_how_they_were_measured(content: dict[str, Any]) -> None:
    measured = [content["identifier"]["given"], content["thresholds"]["confirmed"]]
    for row in measured:
        assert 0.5 < row["probability"] < 1
        assert row["labels"] >= 100
        assert row["measured_as"]
    assert set(content["calibration"]) == set(TIERS)
    order = [content["thresholds"][name]["probability"]
             for name in ("ambiguous", "probable", "confirmed")]  # fmt: skip
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("feature", "sign"),
    [("coverage_lead", 1), ("coverage_both", 1), ("alike_lead", 1), ("department_equal", 1),
     ("department_differs", -1),
     ("city_differs", -1), ("homonyms", -1), ("numbers_differ", -1)],
)  # fmt: skip
def test_evidence_counts_in_the_direction_it_must(feature: str, sign: int) -> None:
    assert load_model().pair[feature] * sign >= 0


def test_the_calibration_keeps_the_order() -> None:
    model = load_model()
    odds = [-5.0, -1.0, 0.0, 1.0, 5.0]
    for tier in TIERS:
        rows = pl.DataFrame({"log_odds": odds, "tier": [tier] * len(odds)})
        values = rows.select(probability(model)).to_series()
        assert values.is_sorted()
        assert values.is_between(0, 1).all()


def test_margin_and_number_of_equals() -> None:
    flat = dict.fromkeys(PAIR_FEATURES, 0.0)
    rows = pl.DataFrame(
        [
            {"lead": lead, "unit": unit, "kind_number": 0, "name_id": place, **flat,
             "token_set": score, "asked": 1.0, "letters": 1.0}
            for place, (lead, unit, score) in enumerate(
                [(0, 1, 9.0), (0, 1, 5.0), (0, 2, 8.0), (0, 3, 1.0), (1, 4, 3.0)]
            )
        ]
    )  # fmt: skip
    found = ranked(best_names(rows, {"token_set": 1.0}))
    assert found.select("unit", "rank", "margin").rows() == [
        (1, 0, 1.0), (2, 1, -1.0), (3, 2, -8.0), (4, 0, 8.0),
    ]  # fmt: skip
    assert found["as_good"].exp().round(6).to_list() == [2.0, 2.0, 2.0, 1.0]
    assert found["share"].sum() == pytest.approx(2.0)


def test_a_former_name_is_worth_less_than_one_still_borne() -> None:
    flat = dict.fromkeys(PAIR_FEATURES, 0.0) | {"token_set": 9.0, "asked": 1.0, "letters": 1.0}
    kinds = (KINDS.index("historical"), KINDS.index("denomination"))
    rows = pl.DataFrame(
        [{"lead": 0, "unit": unit, "kind_number": kind, "name_id": unit, **flat}
         for unit, kind in enumerate(kinds)]
    )  # fmt: skip
    found = best_names(rows, {"token_set": 1.0})
    assert found.select("unit", "score").rows() == [(1, 9.0), (0, 9.0 - CLOSE)]
