"""Fitting the probabilities to what people answered.

Belongs here: a calibration and a threshold from labels, the test that must be passed before
they serve, and the file they are kept in. Does not belong here: the stages below the
calibration, which are fitted in ``benchmarks/matching`` and only ever shipped.

The shipped model is never written to: a fitted one lies in the data folder under the hash of
its content, ``matching.json`` is the one that serves, and removing it brings the shipped one
back. One that was fitted on another shipped model does not serve.

Labels come from leads that were doubtful, plus those drawn by ``review export --audit``. A
threshold chosen so that among them the wanted share is right is a careful one: what was never
doubtful is right more often.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from leads.index import Index
from leads.labels import NO, YES, texts
from leads.matching import best_candidates
from leads.scoring import Model, load_model
from leads.verdicts import CONFIRMED, PROBABLE
from opendata.errors import SettingsError
from opendata.files import json_bytes, write_bytes

#: Fewer labels than this say nothing; a tier with fewer of its own takes those of all.
LEAST_LABELS, LEAST_OF_TIER = 200, 50
#: Right and wrong answers that each half needs.
LEAST_OF_EACH = 10
#: The shipped numbers count as much as so many labels at the middle of the scale.
RIDGE = 1.0
SERVING = "matching.json"
_STEPS = 50
_SURE = 1e-6
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """What was measured on the labels that the fit did not see.

    Attributes:
        labels: how many.
        loss_before, loss_after: mean logarithmic loss of the probabilities.
        precision_before, precision_after: share right among those confirmed by each; None
            when none is.
        recall_before, recall_after: share of the right ones that are confirmed.
    """

    labels: int
    loss_before: float
    loss_after: float
    precision_before: float | None
    precision_after: float | None
    recall_before: float
    recall_after: float


@dataclass(frozen=True)
class Refit:
    """A fitted model, not yet serving.

    Attributes:
        content: what a model file holds.
        measured: how it fares.
        worse: why it must not serve; None if it may.
    """

    content: dict[str, Any]
    measured: Measured
    worse: str | None


def shipped() -> dict[str, Any]:
    """Return the content of the model file of the package."""
    text = files("leads").joinpath("model.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def serving_model(folder: Path) -> Model:
    """Return the model fitted here if there is one that still fits, else the shipped one."""
    path = folder / SERVING
    if not path.exists():
        return load_model()
    content = json.loads(path.read_bytes())
    if content["refit"]["base"] != load_model().version:
        return load_model()
    return Model.from_content(content)


def labelled(labels: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Return what the shipped model thinks of the texts that were answered.

    Returns:
        ``key``, ``siren`` (its best candidate), ``tier``, ``log_odds``, ``probability``,
        ``right``; texts without a candidate, or whose candidate nobody judged, are left out.
    """
    judged = labels.filter(pl.col("says").is_in([YES, NO]))
    best = best_candidates(texts(judged), index, load_model()).rename({"lead_id": "key"})
    on = ["account_id", "key"]
    truth = judged.filter(pl.col("says") == YES).select(*on, truth="siren")
    refused = judged.filter(pl.col("says") == NO).select(*on, "siren", refused=pl.lit(True))
    return (
        best.join(truth, on=on, how="left")
        .join(refused, on=[*on, "siren"], how="left")
        .with_columns(
            pl.when(pl.col("truth").is_not_null())
            .then(pl.col("truth") == pl.col("siren"))
            .when("refused")
            .then(pl.lit(False))
            .alias("right")
        )
        .drop_nulls("right")
        .select("key", "siren", "tier", "log_odds", "probability", "right")
        .sort("key")
    )


def refit(rows: pl.DataFrame, *, precision: float, on: date, least: int = LEAST_LABELS) -> Refit:
    """Fit calibration and threshold on one half of the labels, measure on the other.

    Args:
        rows: of :func:`labelled`.
        precision: share of confirmed answers that shall be right.
        on: legal date, noted in the model.
        least: labels below which nothing is fitted.

    Raises:
        SettingsError: too few labels, or too few right or wrong ones.
    """
    if rows.height < least:
        raise SettingsError(
            f"{rows.height:,} answers can be learnt from, {least:,} are needed",
            next_step="answer more of `company-signals review export`",
        )
    # By the unit, so that no unit stands on both sides.
    half = [int(hashlib.sha256(siren.encode()).hexdigest()[:8], 16) % 2 for siren in rows["siren"]]
    known, unseen = (rows.filter(pl.Series(half) == side) for side in (0, 1))
    _require(known, unseen)
    base = load_model()
    calibration = _calibration(known, base)
    fitted = replace(base, calibration=calibration)
    threshold = _threshold(known, fitted, precision)
    thresholds = {**base.thresholds, CONFIRMED: threshold}
    measured = _measured(unseen, base, replace(fitted, thresholds=thresholds))
    return Refit(
        _content(base, calibration, threshold, precision, measured, on),
        measured,
        _worse(measured, precision),
    )


def keep(found: Refit, folder: Path) -> Path:
    """Let a fitted model serve; its file stays under the hash of its content, too."""
    # The order of the features is part of a model: keys are not sorted.
    content = f"{json.dumps(found.content, ensure_ascii=False, indent=1)}\n".encode()
    version = str(found.content["version"]).rpartition("+")[2]
    write_bytes(folder / f"matching-{version}.json", content, point="model:version")
    write_bytes(folder / SERVING, content, point="model:serving")
    return folder / SERVING


def _require(known: pl.DataFrame, unseen: pl.DataFrame) -> None:
    for part in (known, unseen):
        right = int(part["right"].sum())
        if min(right, part.height - right) < LEAST_OF_EACH:
            raise SettingsError(
                f"one half of the answers has {right:,} right and {part.height - right:,} wrong "
                f"candidates, {LEAST_OF_EACH} of each are needed",
                next_step="answer more of `company-signals review export --audit 200`",
            )


def _calibration(rows: pl.DataFrame, base: Model) -> dict[str, tuple[float, float]]:
    """Return slope and intercept of each tier, from its own labels if it has enough."""
    fitted = {}
    for tier, start in base.calibration.items():
        own = rows.filter(pl.col("tier") == tier)
        fitted[tier] = _logistic(own if own.height >= LEAST_OF_TIER else rows, start)
    return fitted


def _logistic(rows: pl.DataFrame, start: tuple[float, float]) -> tuple[float, float]:
    """Fit ``right`` to ``log_odds`` by Newton's method, held near ``start``."""
    x = np.column_stack([rows["log_odds"].to_numpy(), np.ones(rows.height)])
    y = rows["right"].cast(pl.Float64).to_numpy()
    prior = np.array(start)

    def cost(weights: Numbers) -> float:
        odds = x @ weights
        held = RIDGE * float(((weights - prior) ** 2).sum()) / 2
        return float((np.logaddexp(0.0, odds) - y * odds).sum()) + held

    weights, now = prior, cost(prior)
    for _ in range(_STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (p - y) + RIDGE * (weights - prior)
        bend = (x * (p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(2)
        step = np.linalg.solve(bend, slope)
        # Far from the end a full step may lead away from it.
        while cost(weights - step) > now and float(np.abs(step).max()) > _SURE:
            step = step / 2
        weights = weights - step
        now = cost(weights)
        if float(np.abs(step).max()) <= _SURE:
            break
    return round(float(weights[0]), 6), round(float(weights[1]), 6)


def _probabilities(rows: pl.DataFrame, model: Model) -> Numbers:
    numbers = np.array([model.calibration[tier] for tier in rows["tier"]])
    odds = numbers[:, 0] * rows["log_odds"].to_numpy() + numbers[:, 1]
    found: Numbers = 1.0 / (1.0 + np.exp(-np.clip(odds, -30, 30)))
    return found


def _threshold(rows: pl.DataFrame, model: Model, precision: float) -> float:
    """Return the least probability from which ``precision`` of the answers are right."""
    p = _probabilities(rows, model)
    right = rows["right"].to_numpy()
    order = np.argsort(-p, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    # Equal probabilities stand or fall together.
    last = np.append(p[order][1:] != p[order][:-1], True)
    good = np.flatnonzero((share >= precision) & last)
    reached = float(p[order][good[-1]]) if len(good) else 1.0
    return round(max(reached, model.thresholds[PROBABLE]), 6)


def _measured(rows: pl.DataFrame, before: Model, after: Model) -> Measured:
    right = rows["right"].to_numpy()

    def fares(model: Model) -> tuple[float, float | None, float]:
        p = np.clip(_probabilities(rows, model), _SURE, 1 - _SURE)
        loss = float(-np.mean(np.where(right, np.log(p), np.log(1 - p))))
        taken = p >= model.thresholds[CONFIRMED]
        precision = float(right[taken].mean()) if taken.any() else None
        return loss, precision, float((right & taken).sum() / right.sum())

    old, new = fares(before), fares(after)
    return Measured(rows.height, old[0], new[0], old[1], new[1], old[2], new[2])


def _worse(measured: Measured, precision: float) -> str | None:
    """Say in what the new model is worse than the one shipped, if in anything that matters."""
    if measured.loss_after > measured.loss_before:
        return (
            f"its probabilities are worse on answers it has not seen (loss "
            f"{measured.loss_after:.3f}, {measured.loss_before:.3f} before)"
        )
    new, old = measured.precision_after, measured.precision_before
    if new is None:
        return f"no threshold reaches {precision:.0%}: nothing would be confirmed by name"
    if new < precision and (old is None or new < old):
        shown = "none" if old is None else f"{old:.0%}"
        return f"{new:.0%} of what it confirms is right on answers it has not seen, {shown} before"
    return None


def _content(
    base: Model,
    calibration: dict[str, tuple[float, float]],
    threshold: float,
    precision: float,
    measured: Measured,
    on: date,
) -> dict[str, Any]:
    content = shipped()
    for tier, (slope, intercept) in calibration.items():
        content["calibration"][tier] = {"slope": slope, "intercept": intercept}
    content["thresholds"][CONFIRMED] = {
        "probability": threshold,
        "measured_as": f"least probability from which {precision:.0%} of reviewed leads are right",
    }
    content["refit"] = {
        "base": base.version, "on": on.isoformat(), "precision": precision, **vars(measured),
    }  # fmt: skip
    mark = hashlib.sha256(json_bytes(content)).hexdigest()[:12]
    return {**content, "version": f"{base.version}+{mark}"}
