"""Which companies fit: three answers, two activity nomenclatures, factors that count."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import polars as pl
import pytest

from signals.fit import COMPANY_SCHEMA, Rating, fit, rating
from signals.profile import Profile
from signals.scoring import scored

PLAIN = {
    "siren": "382456051",
    "departement": "75",
    "tranche_effectifs": "11",
    "categorie_juridique": "5710",
    "nomenclature_activite": "NAFRev2",
    "activite_principale": "43.21A",
}


def company(**values: Any) -> pl.DataFrame:
    return pl.DataFrame([{**PLAIN, **values}], schema=COMPANY_SCHEMA)


def answer(wish: dict[str, Any], **values: Any) -> str:
    return str(company(**values).select(fit(Profile.model_validate(wish))).item())


def test_no_wish_is_met_by_all() -> None:
    assert answer({}) == answer({}, activite_principale=None, departement="[ND]") == "fits"


@pytest.mark.parametrize(
    ("include", "values", "expected"),
    [
        ({"departements": ["75", "2A"]}, {}, "fits"),
        ({"departements": ["75"]}, {"departement": "13"}, "outside"),
        ({"departements": ["75"]}, {"departement": "[ND]"}, "unknown"),
        ({"departements": ["75"]}, {"departement": None}, "unknown"),
        ({"tranches_effectifs": ["11", "12"]}, {}, "fits"),
        ({"tranches_effectifs": ["11"]}, {"tranche_effectifs": "NN"}, "unknown"),
        ({"tranches_effectifs": ["NN"]}, {"tranche_effectifs": "NN"}, "fits"),
        ({"categories_juridiques": ["57"]}, {}, "fits"),
        ({"categories_juridiques": ["54"]}, {}, "outside"),
        ({"categories_juridiques": ["57"]}, {"categorie_juridique": None}, "unknown"),
        ({"naf_rev2": ["F"]}, {}, "fits"),
        ({"naf_rev2": ["43.2"]}, {}, "fits"),
        ({"naf_rev2": ["43.22"]}, {}, "outside"),
        ({"naf_rev2": ["F"]}, {"activite_principale": None}, "unknown"),
        ({"naf_rev2": ["F"], "departements": ["13"]}, {"activite_principale": None}, "outside"),
    ],
)
def test_each_criterion_has_three_answers(
    include: dict[str, Any], values: dict[str, Any], expected: str
) -> None:
    assert answer({"include": include}, **values) == expected


@pytest.mark.parametrize(
    ("exclude", "values", "expected"),
    [
        ({"departements": ["75"]}, {}, "outside"),
        ({"departements": ["13"]}, {}, "fits"),
        ({"departements": ["13"]}, {"departement": None}, "unknown"),
        ({"departements": ["13"], "categories_juridiques": ["57"]}, {}, "outside"),
    ],
)
def test_what_is_excluded(exclude: dict[str, Any], values: dict[str, Any], expected: str) -> None:
    assert answer({"exclude": exclude}, **values) == expected


NEW = {"nomenclature_activite": "NAF2025", "activite_principale": "43.21G"}


@pytest.mark.parametrize(
    ("include", "values", "expected"),
    [
        ({"naf_2025": ["43.21G"]}, NEW, "fits"),
        ({"naf_2025": ["43.21G"]}, {"activite_principale_naf25": "43.21G"}, "fits"),
        # 43.21A is 43.21G in the pairs that INSEE published.
        ({"naf_rev2": ["43.21A"]}, NEW, "fits"),
        ({"naf_2025": ["43.21G"]}, {}, "fits"),
        ({"naf_rev2": ["14.14Z"]}, NEW, "outside"),
        # No pair is known of this code: that is no "no".
        ({"naf_rev2": ["43"]}, {**NEW, "activite_principale": "01.11Y"}, "unknown"),
        ({"naf_rev2": ["01"], "naf_2025": ["43"]}, {}, "outside"),
    ],
)
def test_the_switch_of_nomenclature(
    include: dict[str, Any], values: dict[str, Any], expected: str
) -> None:
    assert answer({"include": include}, **values) == expected


@pytest.mark.parametrize(
    ("departement", "factor"), [("75", 1.0), ("13", 0.2), (None, 0.6)], ids=["fits", "not", "?"]
)
def test_the_fit_and_the_weight_are_factors_of_the_score(
    departement: str | None, factor: float
) -> None:
    profile = Profile.model_validate(
        {
            "include": {"departements": ["75"]},
            "outside": 0.2,
            "unknown": 0.6,
            "signals": {"contract_won": {"weight": 0.5}},
        }
    )
    day = date(2021, 1, 31)
    row = {"siren": PLAIN["siren"], "base_score": 80, "confidence": 1.0, "time": day,
           "half_life_days": 30, "match_probability": None}  # fmt: skip
    rows = pl.DataFrame(
        [
            {**row, "type": f"fr.company_signals.x.{code}.v1"}
            for code in ("contract_won", "renamed")
        ],
        schema_overrides={"match_probability": pl.Float64},
    )
    rated = rating(profile, company(departement=departement))
    told = scored(rated.rated(rows), day, rated.factors())
    assert told["score"].to_list() == pytest.approx([80 * factor * 0.5, 80 * factor])
    parts = json.loads(told["score_breakdown"][0])
    assert (parts["profile"], parts["weight"]) == (factor, 0.5)


def test_a_company_that_is_not_in_the_register_is_unknown() -> None:
    rows = pl.DataFrame({"siren": ["1"]})
    nobody = Rating(Profile(), pl.DataFrame(schema={"siren": pl.String, "fit": pl.String}))
    assert nobody.rated(rows)["fit"].to_list() == ["unknown"]
