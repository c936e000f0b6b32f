"""Kinds of leads that must not hide in an average.

Belongs here: which lead is which kind, and what each kind gets. Does not belong here: the
measures of all leads together (``measures``), the tracks (``evaluate``).

A sign over a door (Alim'confiance) and the name of a plant (IREP) are told apart from company
names; and of each, leads that share no word with any registered name of their unit: those of
renamed companies, of plants called after their place, and of units of whose names the
benchmark's register holds only some.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from benchmarks.matching import measures
from benchmarks.matching.fit import Bench, top_candidates
from leads import features, scoring
from leads.index import Index
from leads.scoring import Model
from leads.verdicts import CONFIRMED, forbidding

#: Set of the labels → what its names are; every other set holds names of companies.
KINDS = {"alimconfiance_dgal": "sign", "irep_georisques": "site"}
#: Words of fewer letters say nothing.
LETTERS = 3


def kinds(truth: pl.DataFrame, found: Bench, index: Index) -> pl.DataFrame:
    """Return ``truth`` with ``kind`` and ``shares`` (a word with a name of its unit)."""
    mine = found.spellings.select("lead", pl.col("core").str.split(" ").alias("word"))
    theirs = index.scan("names").select(
        pl.col("siren").alias("true_siren"), pl.col("core").str.split(" ").alias("word")
    )
    shared = (
        truth.join(mine.explode("word"), on="lead")
        .filter(pl.col("word").str.len_chars() >= LETTERS)
        .join(theirs.explode("word").unique().collect(), on=["true_siren", "word"], how="semi")
    )
    return truth.with_columns(
        pl.col("set").replace_strict(KINDS, default="company").alias("kind"),
        pl.col("lead").is_in(shared["lead"].unique().implode()).alias("shares"),
    )


def table(
    found: Bench, top: pl.DataFrame, index: Index, least: float, split: str = "test"
) -> list[dict[str, Any]]:
    """Return one row for each kind of lead.

    Args:
        found: leads and pairs.
        top: best candidates with ``probability``.
        index: the registry.
        least: probability from which an answer is taken.
        split: whose leads.
    """
    known = found.truth.filter((pl.col("split") == split) & ~pl.col("open"))
    marked = kinds(known, found, index)
    reached = found.pairs.filter("right").select("lead").unique()
    answers = top.select("lead", "right", "probability")
    rows = []
    for kind in ("company", "sign", "site"):
        for shares in (True, False):
            some = marked.filter((pl.col("kind") == kind) & (pl.col("shares") == shares))
            got = some.join(answers, on="lead")
            taken = got.filter(pl.col("probability") >= least)
            rows.append(
                {
                    "kind": kind,
                    "shares_a_word": shares,
                    "leads": some.height,
                    "sirens": some["true_siren"].n_unique(),
                    "candidates": some.join(reached, on="lead", how="semi").height,
                    "first": int(got["right"].sum()),
                    "taken": taken.height,
                    "taken_right": int(taken["right"].sum()),
                }
            )
    return rows


def own_unit_removed(found: Bench, model: Model, split: str = "test") -> dict[str, Any]:
    """Return how many leads are confirmed as another unit when their own is taken away."""
    pairs = found.pairs.filter((pl.col("split") == split) & ~pl.col("open") & ~pl.col("right"))
    top = top_candidates(pairs, model)
    top = top.with_columns(scoring.probability(model).alias("probability"))
    told = features.described(top, found.asked).with_columns(pl.lit(False).alias("foreign_form"))
    wrong = told.filter(
        (pl.col("probability") >= model.thresholds[CONFIRMED])
        & (forbidding("tier").list.len() == 0)
    )
    known = found.truth.filter((pl.col("split") == split) & ~pl.col("open"))
    return {
        "leads": known.height,
        "confirmed": wrong.height,
        "false_accepts": round(wrong.height / max(known.height, 1), 4),
        "false_accepts_95": measures.interval(wrong, known),
    }
