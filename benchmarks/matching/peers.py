"""What other ways of matching find, on the same names, leads and machine.

Belongs here: exact join, rapidfuzz, TF-IDF, DuckDB and the measure common to all. Does not
belong here: Splink (``splink_peer``), the pilot (``pilot_peer``), the shipped model (``evaluate``).

All see the same normalised names. Each has its own least score and least margin to the next
unit, chosen on fit and calibrate for the wanted precision; figures are from the test split.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import polars as pl
from rapidfuzz import fuzz, process
from sklearn.feature_extraction.text import TfidfVectorizer
from sparse_dot_topn import sp_matmul_topn

from benchmarks.matching import measures, pilot_peer, splink_peer
from benchmarks.matching.fit import Bench
from leads.index import Index
from opendata.warehouse import Warehouse

PRECISIONS = (0.95, 0.98)
TOP = 20
NAMES = (
    "exact_join", "rapidfuzz_wratio_in_blocks", "rapidfuzz_token_set_in_blocks", "tfidf_words",
    "tfidf_char_3", "duckdb_jaro_winkler", "splink_em", "splink_labelled_m",
)  # fmt: skip
#: Leads for the scorers that read the whole registry for each one.
SAMPLE = 40

Answers = Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]


def measure(found: Bench, index: Index, leads: pl.DataFrame) -> dict[str, Any]:
    """Measure every peer.

    Args:
        found: the leads of T1 with their truth.
        index: the registry.
        leads: all labelled leads; unused but for the interface common to tracks.
    """
    del leads
    names = index.scan("names").select("siren", "core", "glued", "postcode", "department").unique()
    registry = names.sort("core", "siren", "postcode", "department").collect()
    asked = found.spellings.join(found.truth.filter(~pl.col("open")), on="lead").sort("lead")
    labelled = asked.filter(pl.col("split") == "fit")
    results = {
        name: _measured(answers, asked, registry)
        for name, answers in systems(labelled, registry).items()
    }
    # It learns from labels that a made register does not have: not among those of T4.
    for name, pilot in pilot_peer.PILOTS.items():
        results[f"pilot_{name}"] = _measured(pilot, asked, registry)
    for scorer in (fuzz.WRatio, fuzz.token_set_ratio):
        results[f"rapidfuzz_{scorer.__name__.lower()}_whole_registry"] = _sampled(
            asked.filter(pl.col("split") == "test"), registry, scorer
        )
    return results


def systems(labelled: pl.DataFrame, registry: pl.DataFrame) -> dict[str, Answers]:
    """Return every way of matching by its name.

    Args:
        labelled: leads with ``true_siren``, for the one that learns from labels.
        registry: the names.
    """
    fit = splink_peer.Labels(labelled, registry)
    return {
        "exact_join": exact_join,
        "rapidfuzz_wratio_in_blocks": lambda a, r: in_blocks(a, r, fuzz.WRatio),
        "rapidfuzz_token_set_in_blocks": lambda a, r: in_blocks(a, r, fuzz.token_set_ratio),
        "tfidf_words": lambda a, r: tfidf(a, r, {"token_pattern": r"\S+"}),
        "tfidf_char_3": lambda a, r: tfidf(a, r, {"analyzer": "char_wb", "ngram_range": (3, 3)}),
        "duckdb_jaro_winkler": duckdb_jaro_winkler,
        "splink_em": lambda a, r: splink_peer.answers(a, r, None),
        "splink_labelled_m": lambda a, r: splink_peer.answers(a, r, fit),
    }


def _measured(answers: Answers, asked: pl.DataFrame, registry: pl.DataFrame) -> dict[str, Any]:
    start, cpu = time.perf_counter(), os.times()
    found = answers(asked, registry)
    wall, used = time.perf_counter() - start, os.times()
    top = best(found).join(asked.select("lead", "true_siren", "split"), on="lead")
    top = top.with_columns((pl.col("siren") == pl.col("true_siren")).alias("right"))
    test = asked.filter(pl.col("split") == "test")
    mine = top.filter(pl.col("split") == "test")
    result: dict[str, Any] = {
        "top_1": round(float(mine["right"].sum()) / test.height, 4),
        "recall_at_precision": {f"{target:.2f}": _at(top, test, target) for target in PRECISIONS},
        "leads_per_second": round(asked.height / wall),
        "leads_per_cpu_second": round(asked.height / max(used.user - cpu.user, 1e-3)),
        "names": registry.height,
    }
    return result


def best(found: pl.DataFrame) -> pl.DataFrame:
    """Return the best unit of each lead and its margin over the next."""
    units = found.group_by("lead", "siren").agg(pl.col("score").max())
    ordered = units.sort("lead", "score", "siren", descending=[False, True, False])
    return ordered.group_by("lead", maintain_order=True).agg(
        pl.col("siren").first(),
        pl.col("score").first(),
        (pl.col("score").first() - pl.col("score").get(1, null_on_oob=True))
        .fill_null(float("inf")).alias("margin"),
    )  # fmt: skip


def _at(top: pl.DataFrame, test: pl.DataFrame, target: float) -> dict[str, Any] | None:
    known = top.filter(pl.col("split") != "test")
    spread = float(known["score"].max() or 1.0) - float(known["score"].min() or 0.0)  # type: ignore[arg-type]
    margins = tuple(spread * share for share in (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3))
    least = measures.best_thresholds(known, target, margins)
    if least is None:
        return None
    accepted = top.filter(
        (pl.col("split") == "test") & (pl.col("score") >= least[0]) & (pl.col("margin") >= least[1])
    )
    right = accepted.filter("right")
    return {
        "recall": round(right.height / test.height, 4),
        "recall_95": measures.interval(right, test),
        "precision": round(right.height / max(accepted.height, 1), 4),
    }


def exact_join(asked: pl.DataFrame, registry: pl.DataFrame) -> pl.DataFrame:
    """Answer where one unit only bears the name."""
    units = registry.select("core", "siren").unique()
    found = asked.select("lead", "core").join(units, on="core")
    alone = found.filter(pl.len().over("lead") == 1)
    return alone.select("lead", "siren", pl.lit(1.0).alias("score"))


def in_blocks(asked: pl.DataFrame, registry: pl.DataFrame, scorer: Any) -> pl.DataFrame:
    """Compare with the names in the lead's postcode, else department; else there is no block."""
    blocks = {
        level: registry.drop_nulls(level).partition_by(level, as_dict=True)
        for level in ("postcode", "department")
    }
    rows: list[tuple[int, str, float]] = []
    for lead, core, postcode, department in asked.select(
        "lead", "core", "postcode", "department"
    ).iter_rows():
        block = blocks["postcode"].get((postcode,))
        if block is None:
            block = blocks["department"].get((department,))
        if block is None:
            continue
        hits = process.extract(core, block["core"].to_list(), scorer=scorer, limit=5)
        rows += [(lead, block["siren"][place], score) for _, score, place in hits]
    return pl.DataFrame(rows, schema=_ANSWER, orient="row")


_ANSWER = pl.Schema({"lead": pl.UInt32(), "siren": pl.String(), "score": pl.Float64()})


def tfidf(asked: pl.DataFrame, registry: pl.DataFrame, how: dict[str, Any]) -> pl.DataFrame:
    """Compare with every name by the cosine of TF-IDF vectors."""
    names = registry.select("core", "siren").unique().sort("core", "siren")
    vectors = TfidfVectorizer(**how, lowercase=False, dtype=np.float32)
    theirs = vectors.fit_transform(names["core"].to_list())
    mine = vectors.transform(asked["core"].to_list())
    found = sp_matmul_topn(mine, theirs.T.tocsr(), top_n=TOP, threshold=0.2, n_threads=2).tocoo()
    return pl.DataFrame(
        {
            "lead": asked["lead"].gather(found.row),
            "siren": names["siren"].gather(found.col),
            "score": found.data.astype(np.float64),
        }
    )


def duckdb_jaro_winkler(asked: pl.DataFrame, registry: pl.DataFrame) -> pl.DataFrame:
    """Compare in SQL within a department; leads without one, with names that begin alike."""
    with Warehouse.in_memory() as db:
        db.write("asked", asked.select("lead", "glued", "department"))
        db.write("names", registry.select("siren", "glued", "department").unique())
        return db.frame(
            """
            WITH pairs AS (
                SELECT lead, siren, jaro_winkler_similarity(a.glued, n.glued) AS score
                FROM asked a JOIN names n ON a.department = n.department
                UNION ALL
                SELECT lead, siren, jaro_winkler_similarity(a.glued, n.glued)
                FROM asked a JOIN names n ON left(a.glued, 4) = left(n.glued, 4)
                WHERE a.department IS NULL
            )
            SELECT lead, siren, max(score) AS score FROM pairs WHERE score > 0.8
            GROUP BY lead, siren
            """
        ).cast(dict(_ANSWER))


def _sampled(asked: pl.DataFrame, registry: pl.DataFrame, scorer: Any) -> dict[str, Any]:
    names = registry.select("core", "siren").unique().sort("core", "siren")
    choices, sirens = names["core"].to_list(), names["siren"]
    some = asked[:: max(asked.height // SAMPLE, 1)].head(SAMPLE)
    start = time.perf_counter()
    hits = [process.extractOne(core, choices, scorer=scorer) for core in some["core"]]
    wall = time.perf_counter() - start
    right = _right((sirens[hit[2]] for hit in hits), some["true_siren"])
    return {
        "leads": some.height,
        "top_1": round(right / some.height, 4),
        "leads_per_second": round(some.height / wall, 1),
    }


def _right(answers: Iterable[str], truth: pl.Series) -> int:
    return sum(answer == true for answer, true in zip(answers, truth, strict=True))
