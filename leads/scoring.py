"""How likely a candidate is.

Belongs here: the model's file and its arithmetic, two stages and a calibration. Does not
belong here: making features, taking decisions, fitting (``benchmarks/matching/fit.py``).

The first stage ranks the candidates of one lead. The second looks at the ranked candidates
together (how far is the next, how many are as good) and says how likely each is to be
right at all. The calibration, one per tier of evidence, was fitted on other units than the
stages were. Every number comes from ``model.json``, which says how it was measured.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl

from leads.features import PAIR_FEATURES
from leads.trees import Mean
from opendata.errors import SettingsError

#: Tiers of evidence beyond an identifier, the strongest first.
TIERS = ("name+postcode", "name+department", "name")
IDENTIFIER = "identifier"
#: Features of the second stage, in the order by which the trees number them.
RANK_FEATURES = (
    "score", "margin", "as_good", "place_given", "postcode_equal", "city_equal",
    "department_equal", "department_differs", "address_equal", "exact_core",
    "exact_and_near", "coverage_lead", "coverage_both", "rarest_shared", "homonyms",
    "asked_weight", "acronym", "of_establishment", "form_conflicts", "numbers_differ",
    "coverage_name", "token_sort", "token_set",
    "jaro_winkler", "exact_full", "exact_glued", "first_word", "form_agrees", "sigle",
    "city_differs", "postcode_differs", "unit_active", "exact_but_far",
)  # fmt: skip
#: Beyond this distance in log-odds a further margin says nothing more.
MAX_MARGIN = 8.0
#: Scores this close count as equally good.
CLOSE = 2.0


@dataclass(frozen=True)
class Model:
    """The measured numbers.

    Attributes:
        version: changes with any number below.
        pair: coefficient of each first-stage feature.
        rank: the second stage, coefficients and trees.
        calibration: tier → slope and intercept on the second stage's log-odds.
        thresholds: verdict → least probability.
        identifier: measured shares on which identifier verdicts rest.
    """

    version: str
    pair: dict[str, float]
    rank: Mean
    calibration: dict[str, tuple[float, float]]
    thresholds: dict[str, float]
    identifier: dict[str, float]

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Model:
        """Build a model from the content of a model file.

        Raises:
            SettingsError: it was fitted for other features than this code makes.
        """
        rank = content["rank"]
        if (tuple(content["pair"]), tuple(rank["coefficients"])) != (PAIR_FEATURES, RANK_FEATURES):
            raise SettingsError(
                "the model was fitted for other features",
                next_step="run `python -m benchmarks.matching.fit`",
                file="leads/model.json",
            )
        return cls(
            version=content["version"],
            pair=content["pair"],
            rank=Mean(rank["coefficients"], rank["intercept"], tuple(rank["trees"])),
            calibration={
                tier: (numbers["slope"], numbers["intercept"])
                for tier, numbers in content["calibration"].items()
            },
            thresholds={name: row["probability"] for name, row in content["thresholds"].items()},
            identifier={name: row["probability"] for name, row in content["identifier"].items()},
        )


@cache
def load_model() -> Model:
    """Return the model shipped with the package."""
    text = files("leads").joinpath("model.json").read_text(encoding="utf-8")
    return Model.from_content(json.loads(text))


def linear(coefficients: dict[str, float]) -> pl.Expr:
    """Return the weighted sum of the features.

    Rounded, so that another order of summation on another machine ranks alike.
    """
    return pl.sum_horizontal(pl.col(name) * weight for name, weight in coefficients.items()).round(
        9
    )


def best_names(pairs: pl.DataFrame, coefficients: dict[str, float]) -> pl.DataFrame:
    """Return one row per lead and unit: its best pair, with ``score``, best units first.

    A former name counts less than one still borne. By how much is policy, not measure (no
    label is known to be a former name): it is never as good as a current name equally like
    the lead's.
    """
    former = pl.col("kind").cast(pl.String) == "historical"
    handicap = pl.when(former).then(CLOSE).otherwise(0.0)
    return (
        pairs.with_columns((linear(coefficients) - handicap).alias("score"))
        .sort(
            "lead",
            "siren",
            "score",
            "kind",
            "name_id",
            descending=[False, False, True, False, False],
        )
        .unique(["lead", "siren"], keep="first", maintain_order=True)
        .sort("lead", "score", "siren", descending=[False, True, False])
    )


def ranked(units: pl.DataFrame) -> pl.DataFrame:
    """Add the second-stage features and the tier to the output of :func:`best_names`."""
    best = pl.col("score").max().over("lead")
    second = pl.col("score").sort(descending=True).get(1, null_on_oob=True).over("lead")
    # Of two equal best, each has the other as its rival: the margin is zero.
    rank = pl.int_range(pl.len()).over("lead")
    rival = pl.when(rank == 0).then(second).otherwise(best)
    as_good = (pl.col("score") >= best - CLOSE).sum().over("lead") - 1
    margin = (pl.col("score") - rival).clip(-MAX_MARGIN, MAX_MARGIN).fill_null(MAX_MARGIN)
    place = pl.coalesce("postcode", "city", "department").is_not_null()
    return units.with_columns(
        rank.alias("rank"),
        margin.alias("margin"),
        as_good.cast(pl.Float64).log1p().alias("as_good"),
        place.cast(pl.Float64).alias("place_given"),
        (pl.col("asked") / 10.0).alias("asked_weight"),
        tier().alias("tier"),
    )  # fmt: skip


def tier() -> pl.Expr:
    """Return what the evidence rests on beside the name: what agrees, not what was given."""
    return (
        pl.when((pl.col("postcode_equal") > 0) | (pl.col("city_equal") > 0))
        .then(pl.lit(TIERS[0]))
        .when(pl.col("department_equal") > 0)
        .then(pl.lit(TIERS[1]))
        .otherwise(pl.lit(TIERS[2]))
    )


def log_odds(model: Model) -> pl.Expr:
    """Return the second stage's log-odds."""
    return model.rank.log_odds().alias("log_odds")


def probability(model: Model) -> pl.Expr:
    """Return the calibrated probability that the candidate is the lead's unit."""
    slope, intercept = (
        pl.col("tier").replace_strict(
            list(model.calibration),
            [numbers[place] for numbers in model.calibration.values()],
            return_dtype=pl.Float64,
        )
        for place in (0, 1)
    )
    return (1.0 / (1.0 + (-(slope * pl.col("log_odds") + intercept)).exp())).round(6)
