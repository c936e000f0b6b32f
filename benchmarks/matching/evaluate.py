"""Measure the shipped model on the test split: ``python -m benchmarks.matching.evaluate``.

Belongs here: the measures and the baselines, on the same leads and registry in one run.
The thresholds come from the calibrate split, the numbers from the test split.
"""

from __future__ import annotations

import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rapidfuzz import fuzz, process

from benchmarks.matching import data
from benchmarks.matching.fit import Bench, bench, threshold
from leads import scoring
from leads.index import Index
from leads.matching import match_leads
from leads.queries import prepare
from leads.scoring import load_model
from opendata.files import write_json

RESULTS = Path(__file__).with_name("results.json")
PRECISIONS = (0.90, 0.95, 0.98)
BOOTSTRAPS = 1000
BINS = 10
#: Leads for the scorers that read the whole registry for each one.
SAMPLE = 100


def interval(rows: pl.DataFrame, total: pl.DataFrame) -> list[float]:
    """Return the 95 % interval of Σ hits / Σ leads, resampling SIRENs.

    Args:
        rows: ``true_siren``, one row per hit.
        total: ``true_siren``, one row per lead.
    """
    table = (
        total.group_by("true_siren").agg(pl.len().alias("leads"))
        .join(rows.group_by("true_siren").agg(pl.len().alias("hits")), on="true_siren", how="left")
        .fill_null(0).sort("true_siren")
    )  # fmt: skip
    leads, hits = table["leads"].to_numpy(), table["hits"].to_numpy()
    generator = np.random.default_rng(20261123)
    draws = generator.integers(0, len(leads), (BOOTSTRAPS, len(leads)))
    shares = hits[draws].sum(axis=1) / leads[draws].sum(axis=1)
    return [round(float(x), 3) for x in np.quantile(shares, [0.025, 0.975])]


def calibration_error(top: pl.DataFrame) -> float:
    """Return the expected calibration error over ten bins of equal width."""
    binned = top.group_by((pl.col("probability") * BINS).floor().clip(0, BINS - 1)).agg(
        pl.len().alias("n"), pl.col("probability").mean().alias("said"), pl.col("right").mean()
    )
    gap = (binned["said"] - binned["right"]).abs() * binned["n"]
    return round(float(gap.sum()) / max(top.height, 1), 4)


def recalls(top: pl.DataFrame, truth: pl.DataFrame) -> dict[str, Any]:
    """Return recall and precision on test at thresholds picked on calibrate."""
    result: dict[str, Any] = {}
    test = truth.filter(pl.col("split") == "test")
    for target in PRECISIONS:
        least = threshold(top.filter(pl.col("split") == "calibrate"), target)
        if least is None:
            result[f"{target:.2f}"] = None
            continue
        accepted = top.filter((pl.col("split") == "test") & (pl.col("probability") >= least))
        right = accepted.filter("right")
        own = threshold(top.filter(pl.col("split") == "test"), target)
        at_own = top.filter((pl.col("split") == "test") & (pl.col("probability") >= (own or 2.0)))
        result[f"{target:.2f}"] = {
            "threshold": round(least, 4),
            "recall": round(right.height / test.height, 4),
            "recall_95": interval(right, test),
            "precision": round(right.height / max(accepted.height, 1), 4),
            "precision_95": interval(right, accepted),
            "recall_at_own_threshold": round(at_own["right"].sum() / test.height, 4),
        }
    return result


def ours(found: Bench) -> dict[str, Any]:
    """Measure the shipped model on leads whose unit is in the registry (T1)."""
    model = load_model()
    units = scoring.ranked(scoring.best_names(found.pairs, model.pair))
    top = units.filter(pl.col("rank") == 0).with_columns(scoring.log_odds(model))
    top = top.with_columns(scoring.probability(model).alias("probability"))
    inside, truth = top.filter(~pl.col("open")), found.truth.filter(~pl.col("open"))
    test = truth.filter(pl.col("split") == "test")
    test_top = inside.filter(pl.col("split") == "test")
    right = test_top.filter("right")
    reached = found.pairs.filter(pl.col("right") & (pl.col("split") == "test") & ~pl.col("open"))[
        "lead"
    ].n_unique()
    open_top = top.filter(pl.col("open") & (pl.col("split") == "test"))
    open_total = found.truth.filter(pl.col("open") & (pl.col("split") == "test")).height
    accepted = open_top.filter(pl.col("probability") >= model.thresholds["confirmed"])
    return {
        "leads": test.height,
        "sirens": test["true_siren"].n_unique(),
        "candidate_recall": round(reached / test.height, 4),
        "top_1": round(right.height / test.height, 4),
        "top_1_95": interval(right, test),
        "recall_at_precision": recalls(inside, truth),
        "recall_at_precision_with_open_leads": recalls(top, found.truth),
        "calibration_error": calibration_error(test_top),
        "calibration_error_with_open_leads": calibration_error(
            top.filter(pl.col("split") == "test")
        ),
        "open_leads": open_total,
        "open_leads_accepted_at_confirmed": round(accepted.height / max(open_total, 1), 4),
        "by_set": {
            row["set"]: {"leads": row["leads"], "top_1": round(row["top_1"] or 0.0, 3)}
            for row in test.join(
                right.select("lead", pl.lit(1).alias("hit")), on="lead", how="left"
            )
            .group_by("set")
            .agg(pl.len().alias("leads"), pl.col("hit").fill_null(0).mean().alias("top_1"))
            .sort("set")
            .iter_rows(named=True)
        },
        "by_tier": {
            name: {
                "answers": rows.height,
                "right": round(float(rows["right"].mean() or 0.0), 4),  # type: ignore[arg-type]
                "calibration_error": calibration_error(rows),
            }
            for name in scoring.TIERS
            if (rows := test_top.filter(pl.col("tier") == name)).height
        },
    }


def verdicts(leads: pl.DataFrame, index: Index) -> dict[str, Any]:
    """Measure the answers as served, rules included, on test leads in the registry."""
    served = match_leads(leads, index, matched_at=date(2026, 11, 23), registry_version="bench")
    rows = leads.select("lead_id", "true_siren").with_columns(
        served["verdict"], served["siren"], served["alternatives"]
    )
    among = pl.col("alternatives").list.eval(pl.element().struct.field("siren"))
    right = (pl.col("siren") == pl.col("true_siren")).fill_null(False)
    table = rows.group_by("verdict").agg(
        pl.len().alias("leads"),
        right.sum().alias("right"),
        among.list.contains(pl.col("true_siren")).sum().alias("among_alternatives"),
    )
    return {row.pop("verdict"): row for row in table.sort("verdict").iter_rows(named=True)}


def exact_join(leads: pl.DataFrame, index: Index) -> dict[str, Any]:
    """Measure the floor: the full key joined, answers only where one unit has it."""
    names = index.scan("names").select("full", "siren").unique().collect()
    spellings = prepare(leads).spellings.filter(pl.col("variant") == 0).select("lead", "full")
    numbers = prepare(leads).leads.select("lead_id", "lead")
    found = (
        leads.join(numbers, on="lead_id").join(spellings, on="lead").join(names, on="full")
        .filter(pl.len().over("lead_id") == 1)
        .with_columns((pl.col("siren") == pl.col("true_siren")).alias("right"))
    )  # fmt: skip
    return {
        "top_1": round(found["right"].sum() / leads.height, 4),
        "precision": round(found["right"].sum() / max(found.height, 1), 4),
        "answers": found.height,
    }


def whole_scan(leads: pl.DataFrame, index: Index, scorer: Any, sample: int) -> dict[str, Any]:
    """Measure a scorer that reads every name of the registry for each lead."""
    names = index.scan("names").select("core", "siren").unique().sort("core", "siren").collect()
    choices = names["core"].to_list()
    some = leads.sort("true_siren", "lead_id")[:: max(leads.height // sample, 1)].head(sample)
    asked = prepare(some)
    text = asked.spellings.filter(pl.col("variant") == 0)
    rows = asked.leads.join(text.select("lead", "core"), on="lead").join(some, on="lead_id")
    start = time.perf_counter()
    hits = [process.extractOne(core, choices, scorer=scorer) for core in rows["core"]]
    spent = time.perf_counter() - start
    right = sum(
        names["siren"][hit[2]] == truth for hit, truth in zip(hits, rows["true_siren"], strict=True)
    )
    return {
        "leads": rows.height,
        "top_1": round(right / max(some.height, 1), 4),
        "leads_per_second": round(rows.height / spent, 1),
    }


def main() -> None:
    """Run every measure and write ``results.json``."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        index = data.build(Path(folder))
        built = time.perf_counter() - start
        leads = data.labelled()
        inside = leads["true_siren"].is_in(data.registry()["siren"].unique().implode())
        test = leads.filter(inside & (leads["split"] == "test"))
        many = leads.head(10_000)
        speeds = []
        for _ in range(3):
            start = time.perf_counter()
            match_leads(many, index, matched_at=date(2026, 11, 23), registry_version="bench")
            speeds.append(time.perf_counter() - start)
        results = {
            "model": load_model().version,
            "registry": {**index.meta["rows"], "build_seconds": round(built, 1)},
            "ours": ours(bench(index)),
            "verdicts_as_served": verdicts(test, index),
            "leads_per_second": round(many.height / sorted(speeds)[1]),
            "baselines": {
                "exact_join": exact_join(test, index),
                "rapidfuzz_token_set_extract_one": whole_scan(
                    test, index, fuzz.token_set_ratio, SAMPLE
                ),
                "rapidfuzz_wratio_extract_one": whole_scan(test, index, fuzz.WRatio, SAMPLE),
            },
        }
    write_json(RESULTS, results, point="results")
    print(RESULTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
