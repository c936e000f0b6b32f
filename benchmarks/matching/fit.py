"""Fit ``leads/model.json`` on labelled real text: ``python -m benchmarks.matching.fit``.

Belongs here: the two stages on the fit split, the calibration and the thresholds on the
calibrate split, the identifier's share on both. The test split is not read.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.matching import boosting, data, regression
from leads import lookup, scoring
from leads.features import PAIR_FEATURES
from leads.index import Index
from leads.queries import prepare
from leads.scoring import RANK_FEATURES, TIERS, Model
from opendata.files import json_bytes, write_bytes

MODEL = Path(__file__).parents[2] / "leads" / "model.json"
RIDGE = 3.0
ROUNDS = 3
#: Candidates of a lead that the second stage learns from.
LEARNT = 3
#: Share of leads without a unit in the registry that the calibration assumes.
OPEN_SHARE = 0.30
TARGET_PRECISION = 0.95
#: Policy, not measure: "probable" is more likely right than wrong; a question is worth asking
#: when the answer is among the candidates at least once in three.
POLICY = {"probable": 0.50, "ambiguous": 0.33}
#: Below this many labels a tier's calibration would follow noise: all tiers together.
LEAST_LABELS = 60


@dataclass(frozen=True)
class Bench:
    """Leads with their truth, and their compared pairs.

    Attributes:
        truth: ``lead`` (question), ``true_siren``, ``set``, ``split``, ``open`` (its unit is
            not in the registry).
        pairs: all candidate pairs with features and the columns of ``truth``.
    """

    truth: pl.DataFrame
    pairs: pl.DataFrame


def bench(index: Index) -> Bench:
    """Compare every labelled lead in the registry, and a sample of those that are not."""
    leads = data.labelled()
    present = leads["true_siren"].is_in(data.registry()["siren"].unique().implode())
    inside = leads.filter(present)
    outside = leads.filter(~present).with_columns(
        pl.Series("draw", [_draw(lead) for lead in leads.filter(~present)["lead_id"]])
    )
    wanted = inside.group_by("split").agg(
        (pl.len() * OPEN_SHARE / (1 - OPEN_SHARE)).round().cast(pl.Int64).alias("wanted")
    )
    sample = (
        outside.sort("draw")
        .join(wanted, on="split", maintain_order="left")
        .filter(pl.int_range(pl.len()).over("split") < pl.col("wanted"))
    )
    both = pl.concat(
        [
            inside.with_columns(pl.lit(False).alias("open")),
            sample.select(inside.columns).with_columns(pl.lit(True).alias("open")),
        ]
    )
    queries = prepare(both)
    # Two sets may hold the same text for two SIRENs (a sister's number): both stay wrong or
    # right on their own, so a question counts once per truth.
    truth = (
        queries.leads.join(both, on="lead_id", maintain_order="left")
        .select("lead", "true_siren", "set", "split", "open")
        .unique(["lead", "true_siren"], keep="first", maintain_order=True)
        .sort("lead", "true_siren")
        .unique("lead", keep="first", maintain_order=True)
    )
    pairs = lookup.compared(queries.spellings, index).join(truth, on="lead")
    return Bench(
        truth, pairs.with_columns((pl.col("siren") == pl.col("true_siren")).alias("right"))
    )


def _draw(lead_id: str) -> str:
    return hashlib.sha256(f"{data.SEED}|open|{lead_id}".encode()).hexdigest()


def matrix(rows: pl.DataFrame, features: Iterable[str]) -> regression.Array:
    """Return the features as an array of floats."""
    return rows.select(pl.col(list(features)).cast(pl.Float64)).to_numpy()


def fit_pair_stage(pairs: pl.DataFrame) -> dict[str, float]:
    """Fit the ranking; each round, a unit is represented by its best name so far."""
    rows = pairs.filter((pl.col("split") == "fit") & pl.col("right").any().over("lead"))
    start = ("coverage_both", "coverage_lead", "exact_core", "department_equal")
    coefficients = {name: float(name in start) for name in PAIR_FEATURES}
    for _ in range(ROUNDS):
        best = scoring.best_names(rows, coefficients).sort("lead", "siren")
        fitted = regression.conditional(
            matrix(best, PAIR_FEATURES),
            matrix(best, ["right"])[:, 0],
            best["lead"].rle_id().cast(pl.Int64).to_numpy(),
            RIDGE,
        )
        coefficients = {name: round(v, 6) for name, v in zip(PAIR_FEATURES, fitted, strict=True)}
    return coefficients


def fit_rank_stage(units: pl.DataFrame) -> dict[str, Any]:
    """Fit how likely each of the first few candidates is right."""
    rows = units.filter((pl.col("split") == "fit") & (pl.col("rank") < LEARNT))
    x, y = matrix(rows, RANK_FEATURES), matrix(rows, ["right"])[:, 0]
    weights, alone = regression.logistic(x, y, np.ones(rows.height), RIDGE)
    trees, start = boosting.boosted(x, y)
    return {
        "coefficients": {n: round(v, 6) for n, v in zip(RANK_FEATURES, weights, strict=True)},
        "intercept": round((alone + start) / 2, 6),
        "trees": trees,
    }


def calibrate(top: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Fit Platt's scaling for each tier on the first candidates of the calibrate split."""
    result = {}
    for name in TIERS:
        rows = top.filter(pl.col("tier") == name)
        own = min(rows["right"].sum(), (~rows["right"]).sum()) >= LEAST_LABELS // 2
        rows = rows if rows.height >= LEAST_LABELS and own else top
        slope, intercept = regression.platt(
            matrix(rows, ["log_odds"])[:, 0], matrix(rows, ["right"])[:, 0]
        )
        result[name] = {
            "slope": round(slope, 6),
            "intercept": round(intercept, 6),
            "labels": rows.height,
            "fitted_on": name if rows is not top else "all tiers",
        }
    return result


def threshold(rows: pl.DataFrame, precision: float) -> float | None:
    """Return the least probability from which the answers reach ``precision``."""
    curve = rows.sort("probability", descending=True).select(
        "probability",
        (pl.col("right").cum_sum() / pl.int_range(1, pl.len() + 1)).alias("precision"),
        (pl.col("probability") != pl.col("probability").shift(-1)).fill_null(True).alias("whole"),
    )
    reached = curve.filter(pl.col("whole") & (pl.col("precision") >= precision))
    return None if reached.is_empty() else float(reached["probability"][-1])


def identifier_share(pairs: pl.DataFrame) -> dict[str, Any]:
    """Measure how often the number somebody gave is that of the name they gave.

    Where a typed name is exactly that of one unit only, the given SIREN should be that
    unit's. It is a lower bound: what disagrees are sister companies and namesakes too.
    """
    sure = pairs.filter(
        (pl.col("split") != "test") & ~pl.col("open") & (pl.col("exact_full") > 0)
        & (pl.col("homonym_units") == 1)
    ).unique(["lead", "siren"])  # fmt: skip
    alone = sure.filter(pl.len().over("lead") == 1)
    return {
        "probability": round(float(alone["right"].mean() or 0.0), 4),  # type: ignore[arg-type]
        "labels": alone.height,
        "measured_as": "share of labelled leads whose name is exactly that of one unit only "
        "and whose given SIREN is that unit's (splits fit and calibrate)",
    }


def fit(index: Index) -> dict[str, Any]:
    """Return the content of the model file."""
    found = bench(index)
    pair = fit_pair_stage(found.pairs)
    units = scoring.ranked(scoring.best_names(found.pairs, pair))
    content: dict[str, Any] = {
        "pair": pair,
        "rank": fit_rank_stage(units),
        "calibration": {},
        "thresholds": {},
        "identifier": {"given": identifier_share(found.pairs)},
        "version": "",
    }
    model = Model.from_content(content)
    top = units.filter((pl.col("split") == "calibrate") & (pl.col("rank") == 0))
    top = top.with_columns(scoring.log_odds(model))
    content["calibration"] = calibrate(top)
    model = Model.from_content(content)
    top = top.with_columns(scoring.probability(model).alias("probability"))
    reached = threshold(top, TARGET_PRECISION)
    content["thresholds"] = {
        "confirmed": {
            "probability": reached,
            "measured_as": f"least probability from which {TARGET_PRECISION:.0%} of the answers of "
            "the calibrate split are right",
            "labels": top.height,
        },
        **{name: {"probability": value, "policy": True} for name, value in POLICY.items()},
    }
    content["provenance"] = {
        "script": "python -m benchmarks.matching.fit",
        "data": "labelled_leads.parquet against registry_names.parquet (benchmark only)",
        "split": f"by SIREN, sha256 with seed {data.SEED}, 60/20/20",
        "open_share": OPEN_SHARE,
        "leads": dict(found.truth.group_by("split").len().sort("split").iter_rows()),
        "ridge": RIDGE,
        "boosting": asdict(boosting.Settings()),
    }
    numbers = {key: value for key, value in content.items() if key != "version"}
    content["version"] = "boosted-" + hashlib.sha256(json_bytes(numbers)).hexdigest()[:12]
    return content


def ordered_json(content: dict[str, Any]) -> bytes:
    """Return the model file: the order of the features is part of the model, a tree is a line."""
    trees = content["rank"]["trees"]
    places = {"trees": [f"tree {number}" for number in range(len(trees))]}
    text = json.dumps({**content, "rank": content["rank"] | places}, ensure_ascii=False, indent=1)
    for place, tree in zip(places["trees"], trees, strict=True):
        text = text.replace(f'"{place}"', json.dumps(tree), 1)
    return f"{text}\n".encode()


def main() -> None:
    """Fit and write the model."""
    with tempfile.TemporaryDirectory() as folder:
        content = fit(data.build(Path(folder)))
    write_bytes(MODEL, ordered_json(content), point="model")
    print(f"wrote {MODEL.name} {content['version']}")
    print({name: row["probability"] for name, row in content["thresholds"].items()})
    print(content["identifier"], content["calibration"], sep="\n")


if __name__ == "__main__":
    main()
