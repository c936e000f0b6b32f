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
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from leads.features import PAIR_FEATURES
from leads.index import KINDS
from leads.trees import Mean, Tree
from opendata.errors import SettingsError

#: Tiers of evidence beyond an identifier, the strongest first.
TIERS = ("name+postcode", "name+department", "name")
IDENTIFIER = "identifier"
#: What the second stage sees of a candidate among the others, and of its own.
AMONG_OTHERS = (
    "score", "margin", "as_good", "share", "candidates", "exact_units", "acronym_rivals",
    "family", "rival_both", "rival_alike", "rival_near", "place_given", "department_given",
    "asked_weight", "letters",
)  # fmt: skip
#: Features of the second stage, in the order by which the trees number them.
RANK_FEATURES = (*AMONG_OTHERS, *PAIR_FEATURES)
#: Candidates of a lead that are looked at to the end.
LAST = 6
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
            rank=Mean(
                rank["coefficients"],
                rank["intercept"],
                tuple(Tree.of(tree) for tree in rank["trees"]),
            ),
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


def matrix(rows: pl.DataFrame, features: Sequence[str]) -> NDArray[np.float64]:
    """Return features as an array, rows × features."""
    return rows.select(pl.col(list(features)).cast(pl.Float64)).to_numpy()


def linear(rows: pl.DataFrame, coefficients: dict[str, float]) -> pl.Series:
    """Return the weighted sum of the features.

    Rounded, so that another order of summation on another machine ranks alike.
    """
    weights = np.array(list(coefficients.values()))
    return pl.Series("score", (matrix(rows, tuple(coefficients)) @ weights).round(9))


def best_names(pairs: pl.DataFrame, coefficients: dict[str, float]) -> pl.DataFrame:
    """Return one row per lead and unit: its best pair, with ``score``, best units first.

    A former name counts less than one still borne. By how much is policy, not measure (no
    label is known to be a former name): it is never as good as a current name equally like
    the lead's.
    """
    former = pl.col("kind_number") == KINDS.index("historical")
    keys = pairs.select(
        "lead", "unit", "kind_number", "name_id",
        (linear(pairs, coefficients) - pl.when(former).then(CLOSE).otherwise(0.0)).alias("score"),
    ).with_row_index("place")  # fmt: skip
    best = (
        keys.sort(
            "lead", "unit", "score", "kind_number", "name_id",
            descending=[False, False, True, False, False],
        )
        .unique(["lead", "unit"], keep="first", maintain_order=True)
        .sort("lead", "score", "unit", descending=[False, True, False])
    )  # fmt: skip
    return pairs[best["place"]].with_columns(best["score"])


def ranked(units: pl.DataFrame) -> pl.DataFrame:
    """Add the second-stage features and the tier to the output of :func:`best_names`.

    A candidate's rival is the best of the others: of two equal best, each has the other, and
    the margin is zero.
    """
    lead, score = units["lead"].to_numpy().astype(np.int64), units["score"].to_numpy()
    starts = np.flatnonzero(np.diff(lead, prepend=-1) != 0) if len(lead) else lead
    counts = np.diff(np.append(starts, len(lead)))
    of = np.repeat(np.arange(len(starts)), counts)
    rank = np.arange(len(lead)) - starts[of]
    has_rival = counts[of] > 1
    rival = np.where(rank == 0, np.minimum(starts[of] + 1, len(lead) - 1), starts[of])
    best = score[starts][of]

    def per_lead(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.add.reduceat(values.astype(np.float64), starts)[of] if len(starts) else score

    def column(name: str) -> NDArray[np.float64]:
        return units[name].to_numpy().astype(np.float64)

    def of_rival(name: str) -> NDArray[np.float64]:
        return np.where(has_rival, column(name)[rival], 0.0)

    rarest = column("rarest_shared")
    most = np.maximum.reduceat(rarest, starts)[of] if len(starts) else rarest
    weight = np.exp(score - best)
    acronyms = column("acronym")
    given = {
        level: per_lead(column(f"{level}_equal") + column(f"{level}_differs")) > 0
        for level in ("postcode", "city", "department")
    }
    margin = np.where(has_rival, (score - score[rival]).clip(-MAX_MARGIN, MAX_MARGIN), MAX_MARGIN)
    made = {
        "margin": margin,
        "as_good": np.log1p(per_lead(score >= best - CLOSE) - 1),
        "share": weight / np.maximum(per_lead(weight), 1e-9),
        "candidates": np.log1p(counts[of]),
        "exact_units": np.log1p(per_lead(column("exact_glued"))),
        "acronym_rivals": per_lead(acronyms) - acronyms > 0,
        "family": np.log1p(per_lead((rarest > 0) & (rarest >= most - 1e-9))),
        "rival_both": of_rival("coverage_both"),
        "rival_alike": of_rival("alike_lead"),
        "rival_near": of_rival("department_equal"),
        "place_given": given["postcode"] | given["city"],
        "department_given": given["department"],
        "asked_weight": column("asked") / 10.0,
    }
    return units.with_columns(
        pl.Series("rank", rank, dtype=pl.Int64),
        *(pl.Series(name, values, dtype=pl.Float64) for name, values in made.items()),
        tier().alias("tier"),
    )


def tier() -> pl.Expr:
    """Return what the evidence rests on beside the name: what agrees, not what was given."""
    return (
        pl.when((pl.col("postcode_equal") > 0) | (pl.col("city_equal") > 0))
        .then(pl.lit(TIERS[0]))
        .when(pl.col("department_equal") > 0)
        .then(pl.lit(TIERS[1]))
        .otherwise(pl.lit(TIERS[2]))
    )


def with_log_odds(units: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Add the second stage's ``log_odds``."""
    odds = model.rank.log_odds(matrix(units, model.rank.features))
    return units.with_columns(pl.Series("log_odds", odds, dtype=pl.Float64))


def calibrated(model: Model) -> tuple[pl.Expr, pl.Expr]:
    """Return slope and intercept of the calibration of each candidate's tier."""
    slope, intercept = (
        pl.col("tier")
        .replace_strict(
            list(model.calibration),
            [numbers[place] for numbers in model.calibration.values()],
            return_dtype=pl.Float64,
        )
        .alias(name)
        for place, name in enumerate(("slope", "intercept"))
    )
    return slope, intercept


def probability(model: Model) -> pl.Expr:
    """Return the calibrated probability that the candidate is the lead's unit."""
    slope, intercept = calibrated(model)
    return (1.0 / (1.0 + (-(slope * pl.col("log_odds") + intercept)).exp())).round(6)
