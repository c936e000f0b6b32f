"""Measure the shipped model and its peers: ``python -m benchmarks.matching.evaluate``.

Belongs here: the tracks, in one run on one machine, and what is written of them. Does not
belong here: the measures (``measures``), the peers (``peers``), how T4 is run (``scale``).

Tracks: T1 typed text against the register's names, T2 one source's spelling against
another's, T3 leads without a unit, T4 speed and memory on a made register of the size that
``--scale`` says (1/64 of France; 0 leaves it out). Thresholds come from fit and calibrate,
figures from the test split. The test split is read here and nowhere else.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.matching import cases, data, measures, peers, report, scale
from benchmarks.matching.fit import AS_MANY_OPEN, Bench, bench, top_candidates
from leads import scoring
from leads.index import Index
from leads.matching import match_leads
from leads.scoring import TIERS, load_model
from opendata.files import write_json

RESULTS = Path(__file__).with_name("results.json")
RELIABILITY = Path(scoring.__file__).with_name("reliability.json")
DAY = date(2026, 11, 23)
#: Share of the true units that T3 removes.
REMOVED = 30
MANY = 100_000


def probable(found: Bench) -> pl.DataFrame:
    """Return the best candidate of each lead with the shipped model's ``probability``."""
    model = load_model()
    top = top_candidates(found.pairs, model)
    return top.with_columns(scoring.probability(model).alias("probability"))


def ours(found: Bench, thresholds: dict[str, float]) -> dict[str, Any]:
    """Measure the shipped model on leads whose unit is in the registry (T1)."""
    top = probable(found).filter(pl.col("split") == "test")
    truth = found.truth.filter(pl.col("split") == "test")
    inside, known = top.filter(~pl.col("open")), truth.filter(~pl.col("open"))
    reached = found.pairs.filter(pl.col("right") & (pl.col("split") == "test") & ~pl.col("open"))
    right = inside.filter("right")
    return {
        "leads": known.height,
        "sirens": known["true_siren"].n_unique(),
        "candidate_recall": round(reached["lead"].n_unique() / known.height, 4),
        "top_1": round(right.height / known.height, 4),
        "top_1_95": measures.interval(right, known),
        "recall_at_precision": measures.recalls(inside, known, thresholds),
        # With thresholds of leads that all have a unit, which is how the peers have theirs.
        "recall_at_precision_if_present": measures.recalls(
            inside, known, data.shipped_thresholds(present=True)
        ),
        "recall_at_precision_with_open_leads": measures.recalls(top, truth, thresholds),
        "calibration_error": measures.calibration_error(inside),
        "calibration_error_95": measures.calibration_interval(inside),
        "calibration_error_with_open_leads": measures.calibration_error(top),
        "reliability": measures.reliability(inside),
        "by_set": measures.by_set(known, right),
        "by_tier": {
            name: {
                "answers": rows.height,
                "right": round(
                    float(rows["right"].cast(pl.Float64).sum()) / max(rows.height, 1), 4
                ),
                "calibration_error": measures.calibration_error(rows),
            }
            for name in TIERS
            for rows in [inside.filter(pl.col("tier") == name)]
        },
    }


def served(leads: pl.DataFrame, index: Index) -> dict[str, Any]:
    """Measure the answers as served, rules included."""
    answers = match_leads(leads, index, matched_at=DAY, registry_version="bench")
    rows = leads.select("true_siren", "true_siret").with_columns(
        answers["verdict"], answers["siren"], answers["siret"], answers["alternatives"]
    )
    among = pl.col("alternatives").list.eval(pl.element().struct.field("siren"))
    right = (pl.col("siren") == pl.col("true_siren")).fill_null(False)
    table = rows.group_by("verdict").agg(
        pl.len().alias("leads"),
        right.sum().alias("right"),
        (right & (pl.col("siret") == pl.col("true_siret"))).sum().alias("right_siret"),
        among.list.contains(pl.col("true_siren")).sum().alias("among_alternatives"),
    )
    return {row.pop("verdict"): row for row in table.sort("verdict").iter_rows(named=True)}


def open_set(test: pl.DataFrame, folder: Path) -> dict[str, Any]:
    """Remove the units of some leads and add foreign companies (T3): nothing is right."""
    sirens = test["true_siren"].unique().sort()
    gone = sirens.filter(pl.Series([data.fold_of(f"open|{s}", 100) < REMOVED for s in sirens]))
    index = data.build(folder, without=gone)
    without = test.filter(pl.col("true_siren").is_in(gone.implode()))
    result = {"units_removed": len(gone)}
    for name, leads in (("removed", without), ("foreign", data.foreign())):
        answers = match_leads(leads, index, matched_at=DAY, registry_version="bench")
        counts = dict(answers.group_by("verdict").len().iter_rows())
        accepted = counts.get("confirmed", 0)
        result[name] = {
            "leads": leads.height,
            "verdicts": dict(sorted(counts.items())),
            "false_accepts": round(accepted / max(leads.height, 1), 4),
        }
    rest = test.filter(~pl.col("true_siren").is_in(gone.implode()))
    result["present"] = served(rest, index)
    return result


def spellings(folder: Path) -> dict[str, Any]:
    """Match one source's spelling to another's (T2), for SIRENs that no stage has seen."""
    index, leads = data.spelling_bench(folder)
    answers = match_leads(leads, index, matched_at=DAY, registry_version="bench")
    best = pl.coalesce("siren", pl.col("alternatives").list.first().struct.field("siren"))
    top = answers.with_columns(best.alias("best")).with_columns(leads["true_siren"])
    confirmed = top.filter(pl.col("verdict") == "confirmed")
    hits = (top["best"] == top["true_siren"]).fill_null(False)
    right = (confirmed["siren"] == confirmed["true_siren"]).sum()
    return {
        "leads": leads.height,
        "units": index.units,
        "top_1": round(float(hits.sum()) / leads.height, 4),
        "confirmed": {
            "answers": confirmed.height,
            "precision": round(right / max(confirmed.height, 1), 4),
            "recall": round(right / leads.height, 4),
        },
    }


def speed(leads: pl.DataFrame, index: Index) -> dict[str, Any]:
    """Match many distinct leads at once, then one at a time."""
    many = data.many_leads(leads, MANY)
    started, cpu = time.perf_counter(), time.process_time()
    match_leads(many, index, matched_at=DAY, registry_version="bench")
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    times = []
    for place in range(0, 2_000, 20):
        start = time.perf_counter()
        match_leads(many[place], index, matched_at=DAY, registry_version="bench")
        times.append(time.perf_counter() - start)
    times.sort()
    start = time.perf_counter()
    Index.open(index.folder)
    return {
        "leads": many.height,
        "leads_per_second": round(many.height / wall),
        "leads_per_cpu_second": round(many.height / used),
        "load_average": round(os.getloadavg()[0], 1),
        "one_lead_ms": {"median": round(times[50] * 1000), "p95": round(times[95] * 1000)},
        "restart_ms": round((time.perf_counter() - start) * 1000, 1),
    }


def main() -> None:
    """Run every track and write ``results.json`` and the figure of the report."""
    parser = argparse.ArgumentParser(description="Matching on labelled real text, and at scale")
    parser.add_argument("--scale", type=Fraction, default=Fraction(1, 64), help="1 is France")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        start = time.perf_counter()
        index = data.build(folder / "t1")
        built = time.perf_counter() - start
        leads = data.labelled()
        inside = leads["true_siren"].is_in(data.registry()["siren"].unique().implode())
        test = leads.filter(inside & (leads["split"] == "test"))
        found = bench(index)
        thresholds = data.shipped_thresholds()
        results: dict[str, Any] = {
            "model": load_model().version,
            "registry": {**index.meta["rows"], "build_seconds": round(built, 1)},
            "t1": ours(found, thresholds),
            "t1_cases": cases.table(found, probable(found), index, thresholds["0.95"]),
            "t1_served": served(test, index),
            "t2": spellings(folder / "t2"),
            "t3": open_set(test, folder / "t3")
            | {"own_unit_removed": cases.own_unit_removed(found, load_model())},
            "speed": speed(leads, index),
        }
        # The peers that learn from the leads see the mixture that is asked, not three times as
        # many without a unit.
        results["peers"] = peers.measure(bench(index, seen=AS_MANY_OPEN), index, leads)
    write_json(RESULTS, results, point="results")
    # The report of the pipeline shows the curve of the model that it ships with.
    curve = {"model": results["model"], "bins": results["t1"]["reliability"]}
    write_json(RELIABILITY, curve, point="results")
    report.draw(results["t1"]["reliability"])
    print(report.table(results))
    if given.scale:
        grown = scale.run(given.scale, leads=MANY, limit=scale.LIMIT, ours=False, folder=None)
        scale.record(grown)
        print(f"\n{scale.table(grown)}")


if __name__ == "__main__":
    main()
