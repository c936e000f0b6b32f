"""Splink 5 on DuckDB, set up as its own example of linking businesses.

Belongs here: that model, trained by EM or with m from labels. Does not belong here: measuring.

The recipe (splink ``business_rates_match``): levels by the product of the frequencies of the
words shared, then the name's Jaro-Winkler and the place; blocks of equal names and of equal
rare words.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from rapidfuzz import fuzz
from rapidfuzz.process import cpdist
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.blocking_rule_library import CustomRule

SHARED = """
list_reduce(list_prepend(1.0::DOUBLE, list_transform(list_filter(words_l, lambda y:
list_contains(list_transform(words_r, lambda x: x.word), y.word)), lambda z: z.share)),
lambda p, q: p * q)
"""
LEVELS = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4)


@dataclass(frozen=True)
class Labels:
    """Leads with their true unit, for the m of the labelled variant."""

    asked: pl.DataFrame
    registry: pl.DataFrame


def _records(rows: pl.DataFrame, shares: pl.DataFrame) -> pl.DataFrame:
    """Return the columns that Splink compares: words with their frequencies, rarest first."""
    words = (
        rows.select("unique_id", pl.col("core").str.split(" ").list.unique().alias("word"))
        .explode("word")
        .join(shares, on="word", how="left")
        .with_columns(pl.col("share").fill_null(1e-7))
        .sort("unique_id", "share", "word")
        .group_by("unique_id", maintain_order=True)
        .agg(
            pl.struct("word", "share").alias("words"),
            pl.col("word").get(0, null_on_oob=True).alias("rare_1"),
            pl.col("word").get(1, null_on_oob=True).alias("rare_2"),
        )
    )
    columns = ("unique_id", "core", "glued", "postcode", "department")
    return rows.select(columns).join(words, on="unique_id").sort("unique_id")


def _settings(names: int) -> SettingsCreator:
    words = cl.CustomComparison(
        output_column_name="words",
        comparison_levels=[
            cll.NullLevel("core"),
            *(
                cll.CustomLevel(f"{SHARED} < {least}", label_for_charts=f"product < {least}")
                for least in LEVELS
            ),
            cll.ElseLevel(),
        ],
    )
    spelling = cl.CustomComparison(
        output_column_name="spelling",
        comparison_levels=[
            cll.NullLevel("glued"),
            cll.ExactMatchLevel("glued"),
            cll.JaroWinklerLevel("glued", 0.95),
            cll.JaroWinklerLevel("glued", 0.88),
            cll.ElseLevel(),
        ],
    )
    place = cl.CustomComparison(
        output_column_name="place",
        comparison_levels=[
            cll.NullLevel("department"),
            cll.ExactMatchLevel("postcode"),
            cll.ExactMatchLevel("department"),
            cll.ElseLevel(),
        ],
    )
    return SettingsCreator(
        link_type="link_only",
        comparisons=[words, spelling, place],
        blocking_rules_to_generate_predictions=[
            block_on("core"),
            block_on("rare_1"),
            CustomRule("l.rare_1 = r.rare_2"),
            CustomRule("l.rare_2 = r.rare_1"),
            block_on("rare_2", "department"),
            block_on("substr(glued, 1, 6)", "department"),
        ],
        probability_two_random_records_match=1 / max(names, 1),
        retain_matching_columns=False,
    )


def answers(asked: pl.DataFrame, registry: pl.DataFrame, labels: Labels | None) -> pl.DataFrame:
    """Return ``lead``, ``siren``, ``score`` (match weight) of all pairs worth a look."""
    names = registry.with_row_index("place").with_columns(
        pl.format("n{}", "place").alias("unique_id")
    )
    leads = asked.with_columns(pl.format("l{}", "lead").alias("unique_id"))
    words = names.select(pl.col("core").str.split(" ").list.unique().alias("word")).explode("word")
    shares = words.group_by("word").agg((pl.len() / names.height).alias("share"))
    with tempfile.TemporaryDirectory() as folder:
        db = DuckDBAPI()
        tables = []
        for table, rows in (("a_leads", leads), ("b_names", names)):
            path = Path(folder) / f"{table}.parquet"
            _records(rows, shares).write_parquet(path)
            db.duckdb_con.execute(f"CREATE TABLE {table} AS FROM read_parquet('{path}')")
            tables.append(db.register(table, dataset_display_name=table))
        linker = Linker(tables, _settings(names.height), log_level="ERROR")
        linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
        if labels is None:
            linker.training.estimate_parameters_using_expectation_maximisation(block_on("rare_1"))
        else:
            _train(db, linker, _true_pairs(labels, leads, names), Path(folder))
        found = linker.inference.predict(threshold_match_weight=-12)
        query = f"SELECT unique_id_l, unique_id_r, match_weight FROM {found.physical_name}"
        pairs = db.duckdb_con.execute(query).pl()
    # Which side a record stands on is Splink's choice.
    first = pl.col("unique_id_l").str.starts_with("l")
    sided = pairs.select(
        pl.when(first).then("unique_id_l").otherwise("unique_id_r").alias("lead_key"),
        pl.when(first).then("unique_id_r").otherwise("unique_id_l").alias("name_key"),
        pl.col("match_weight").cast(pl.Float64).alias("score"),
    )
    return (
        sided.join(leads.select(pl.col("unique_id").alias("lead_key"), "lead"), on="lead_key")
        .join(names.select(pl.col("unique_id").alias("name_key"), "siren"), on="name_key")
        .select("lead", "siren", "score")
    )


def _true_pairs(labels: Labels, leads: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Return the nearest name of the true unit of each labelled lead."""
    known = leads.join(labels.asked.select("lead"), on="lead", how="semi")
    pairs = known.select("unique_id", "core", pl.col("true_siren").alias("siren")).join(
        names.select("siren", pl.col("core").alias("name"), pl.col("unique_id").alias("other")),
        on="siren",
    )
    near = cpdist(pairs["core"].to_list(), pairs["name"].to_list(), scorer=fuzz.token_sort_ratio)
    return (
        pairs.with_columns(pl.Series("near", near))
        .sort("unique_id", "near", "other", descending=[False, True, False])
        .unique("unique_id", keep="first", maintain_order=True)
        .select(
            pl.lit("a_leads").alias("source_dataset_l"), pl.col("unique_id").alias("unique_id_l"),
            pl.lit("b_names").alias("source_dataset_r"), pl.col("other").alias("unique_id_r"),
        )
    )  # fmt: skip


def _train(db: Any, linker: Any, pairs: pl.DataFrame, folder: Path) -> None:
    path = folder / "labels.parquet"
    pairs.write_parquet(path)
    db.duckdb_con.execute(f"CREATE TABLE labels AS FROM read_parquet('{path}')")
    linker.training.estimate_m_from_pairwise_labels("labels")
