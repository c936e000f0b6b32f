"""What a probability is made of, and what the runner-up lacks, in log-odds.

Belongs here: the parts of the sum that the model makes, and the largest of them as reasons. Does
not belong here: the model (``scoring``), the other reasons (``explain``).

``log_odds:+3.2(trees+1.9,exact_core+0.8)`` reads: the log-odds of the probability are 3.2, of
which the trees gave 1.9. ``runner_up:-2.3(department_equal-1.1)``: the next candidate ranks 2.3
in log-odds behind, most for want of an equal department. These numbers move a little with every
version of the register: an answer of which nothing else changed counts as the same.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from leads.arrays import F64
from leads.features import PAIR_FEATURES
from leads.scoring import RANK_FEATURES, Model, calibrated, matrix

LOG_ODDS, RUNNER_UP = "log_odds:", "runner_up:"
#: Parts that are told, and the least that is worth telling.
TOLD, LEAST = 3, 0.05
#: The parts of a probability: features of the regression, then all trees, then what is constant.
PARTS = (*RANK_FEATURES, "trees", "base")


def parts(units: pl.DataFrame, model: Model) -> F64:
    """Return the parts of each candidate's calibrated log-odds, whose sum these are.

    Args:
        units: of ``lookup.scored``.
        model: the model they were scored with.

    Returns:
        Candidates × :data:`PARTS`.
    """
    slope, intercept = units.select(*calibrated(model)).to_numpy().T
    features = matrix(units, RANK_FEATURES) * np.array(list(model.rank.coefficients.values())) / 2
    constant = model.rank.intercept
    trees = units["log_odds"].to_numpy() - constant - features.sum(axis=1)
    every = np.column_stack(
        [features * slope[:, None], trees * slope, slope * constant + intercept]
    )
    return np.asarray(every.round(6), np.float64)


def differences(first: pl.DataFrame, second: pl.DataFrame, model: Model) -> F64:
    """Return each part of the ranking in which the second candidates lie behind the first."""
    weights = np.array([model.pair[name] for name in PAIR_FEATURES])
    behind: F64 = matrix(second, PAIR_FEATURES) - matrix(first, PAIR_FEATURES)
    return np.asarray((behind * weights).round(6), np.float64)


def reasons(units: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Return ``lead``, ``made_of``, ``runner_up``: reasons for each best candidate.

    Args:
        units: of ``lookup.scored``, the candidates of a lead by rank; with or without rows.
        model: the model they were scored with.
    """
    rank = units["rank"].to_numpy()
    best, second = np.flatnonzero(rank == 0), np.flatnonzero(rank == 1)
    if not len(best):
        return pl.DataFrame(
            schema={"lead": pl.UInt32, "made_of": pl.String, "runner_up": pl.String}
        )
    first = units[best]
    behind = differences(units[second - 1], units[second], model)
    lost = pl.DataFrame({"at": second - 1, "runner_up": _told(RUNNER_UP, behind, PAIR_FEATURES)})
    made_of = _told(LOG_ODDS, parts(first, model), PARTS[:-1])
    made = first.select("lead", pl.Series("at", best), made_of.alias("made_of"))
    return made.join(lost, on="at", how="left", maintain_order="left").drop("at")


def _told(prefix: str, values: F64, names: tuple[str, ...]) -> pl.Series:
    """Return the sum of each row and its largest parts, of those that have a name."""
    left = np.abs(values[:, : len(names)])
    row, listed = np.arange(len(values)), pl.Series(names)
    columns = {"sum": pl.Series(values.sum(axis=1))}
    for number in range(TOLD):
        place = left.argmax(axis=1)
        columns[f"name {number}"] = listed.gather(place)
        part = np.where(left[row, place] >= LEAST, values[row, place], np.nan)
        columns[f"part {number}"] = pl.Series(part)
        left[row, place] = -1.0
    told = pl.concat_list(
        pl.concat_str(f"name {number}", _signed(f"part {number}")) for number in range(TOLD)
    ).list.drop_nulls()
    brackets = pl.concat_str(pl.lit("("), told.list.join(","), pl.lit(")"))
    brackets = pl.when(told.list.len() > 0).then(brackets).otherwise(pl.lit(""))
    return (
        pl.DataFrame(columns)
        .select(pl.concat_str(pl.lit(prefix), _signed("sum"), brackets))
        .to_series()
    )


def _signed(column: str) -> pl.Expr:
    """Return numbers with their sign and one digit behind the point, null for none."""
    number = pl.col(column).fill_nan(None).round(6).round(1)
    sign = pl.when(number < 0).then(pl.lit("-")).otherwise(pl.lit("+"))
    return pl.concat_str(sign, number.abs().cast(pl.String))
