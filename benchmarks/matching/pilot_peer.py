"""The sketch that came before: TF-IDF for candidates, 18 features of a pair, one model on top.

Belongs here: that method on this benchmark's split, by logistic regression and by boosting. Does
not belong here: measuring (``peers``), what is shipped.

What is learnt and what is judged are apart, as in ours: leads of the test split are scored by a
model of all the others, the others by models fitted without their SIREN (five folds).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import polars as pl
from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler
from rapidfuzz.process import cpdist
from scipy.sparse import csr_matrix
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sparse_dot_topn import sp_matmul_topn

from benchmarks.matching import data

FOLDS = 5
TOP = 20
#: Candidates that share less than this are not looked at.
LEAST = 0.2
WORDS: dict[str, Any] = {"token_pattern": r"\S+"}
LETTERS: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": (3, 3)}
_BITS = 32
FEATURES = (
    "cosine_words", "cosine_letters", "coverage_lead", "coverage_name", "rarest_shared",
    "token_set", "token_sort", "jaro_winkler", "exact", "exact_glued", "first_word",
    "numbers_differ", "homonyms", "words", "department_equal", "department_differs",
    "postcode_equal", "postcode_differs",
)  # fmt: skip


def answers(asked: pl.DataFrame, registry: pl.DataFrame, *, boosted: bool) -> pl.DataFrame:
    """Return ``lead``, ``siren``, ``score`` of all candidates.

    Args:
        asked: the leads, with ``true_siren`` and ``split``.
        registry: the names.
        boosted: by gradient boosting, else by logistic regression.
    """
    pairs = _pairs(asked, registry)
    x = pairs.select(pl.col(FEATURES).cast(pl.Float64)).to_numpy()
    y = (pairs["siren"] == pairs["true_siren"]).to_numpy()
    fold = np.array([data.fold_of(siren, FOLDS) for siren in pairs["true_siren"]])
    test = (pairs["split"] == "test").to_numpy()
    score = np.zeros(len(x))
    score[test] = _fitted(x[~test], y[~test], boosted=boosted).predict_proba(x[test])[:, 1]
    for number in range(FOLDS):
        learnt, judged = ~test & (fold != number), ~test & (fold == number)
        score[judged] = _fitted(x[learnt], y[learnt], boosted=boosted).predict_proba(x[judged])[
            :, 1
        ]
    scored = pairs.select("lead", "siren").with_columns(pl.Series("score", score))
    return scored.group_by("lead", "siren").agg(pl.col("score").max())


PILOTS = {"boosting": partial(answers, boosted=True), "logistic": partial(answers, boosted=False)}


def _fitted(x: Any, y: Any, *, boosted: bool) -> Any:
    if boosted:
        return HistGradientBoostingClassifier(random_state=1).fit(x, y)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x, y)


def _pairs(asked: pl.DataFrame, registry: pl.DataFrame) -> pl.DataFrame:
    """Return candidate pairs of leads and names with their features."""
    names = registry.select("core", "siren").unique().sort("core", "siren")
    words, letters = (
        TfidfVectorizer(**how, lowercase=False, dtype=np.float32) for how in (WORDS, LETTERS)
    )
    both = [_vectors(one, asked, names) for one in (words, letters)]
    keys = np.unique(np.concatenate([_nearest(mine, theirs) for mine, theirs in both]))
    row, name = keys >> _BITS, keys & ((1 << _BITS) - 1)
    cosines = [
        np.asarray(mine[row].multiply(theirs[name]).sum(axis=1)).ravel() for mine, theirs in both
    ]
    pairs = asked.select(
        "lead", "split", "true_siren", "postcode", "department",
        pl.col("core").alias("mine"), pl.col("glued").alias("my_glued"),
    )[row].hstack(names[name].rename({"core": "theirs"})).with_columns(
        pl.Series("cosine_words", cosines[0]), pl.Series("cosine_letters", cosines[1])
    )  # fmt: skip
    rare = pl.DataFrame({"word": words.get_feature_names_out(), "idf": words.idf_.astype(float)})
    pairs = _with_words(pairs.with_row_index("pair"), rare, float(words.idf_.max()))
    pairs = _with_places(pairs, registry)
    homonyms = names.group_by(pl.col("core").alias("theirs")).agg(pl.len().alias("homonyms"))
    return pairs.join(homonyms, on="theirs", how="left").sort("pair")


def _vectors(
    of: TfidfVectorizer, asked: pl.DataFrame, names: pl.DataFrame
) -> tuple[csr_matrix, csr_matrix]:
    theirs = of.fit_transform(names["core"].to_list())
    return of.transform(asked["core"].to_list()), theirs


def _nearest(mine: csr_matrix, theirs: csr_matrix) -> Any:
    """Return row of the lead and row of the name as one number each."""
    near = sp_matmul_topn(mine, theirs.T.tocsr(), top_n=TOP, threshold=LEAST, n_threads=2).tocoo()
    return (near.row.astype(np.int64) << _BITS) | near.col


def _with_words(pairs: pl.DataFrame, rare: pl.DataFrame, most: float) -> pl.DataFrame:
    """Add what both names share and how alike they are spelt."""

    def weighed(side: str) -> pl.DataFrame:
        listed = pairs.select("pair", pl.col(side).str.split(" ").list.unique().alias("word"))
        known = listed.explode("word").join(rare, on="word", how="left")
        return known.with_columns(pl.col("idf").fill_null(most))

    mine, theirs = weighed("mine"), weighed("theirs")
    shared = mine.join(theirs, on=["pair", "word"], how="semi")
    total = pl.col("idf").sum()
    sums = (
        mine.group_by("pair").agg(total.alias("of_mine"))
        .join(theirs.group_by("pair").agg(total.alias("of_theirs")), on="pair")
        .join(shared.group_by("pair").agg(total.alias("both"), pl.col("idf").max().alias("top")),
              on="pair", how="left")
        .with_columns(pl.col("both", "top").fill_null(0.0))
    )  # fmt: skip
    texts = pairs["mine"].to_list(), pairs["theirs"].to_list()
    figures = [pl.col(side).str.extract_all(r"\d+").list.sort() for side in ("mine", "theirs")]
    first = [pl.col(side).str.extract(r"^(\S+)") for side in ("mine", "theirs")]
    glued = pl.col("theirs").str.replace_all(" ", "", literal=True)
    return pairs.join(sums, on="pair").sort("pair").with_columns(
        (pl.col("both") / pl.col("of_mine")).alias("coverage_lead"),
        (pl.col("both") / pl.col("of_theirs")).alias("coverage_name"),
        pl.col("top").alias("rarest_shared"),
        *(pl.Series(name, cpdist(*texts, scorer=scorer)) for name, scorer in (
            ("token_set", fuzz.token_set_ratio), ("token_sort", fuzz.token_sort_ratio),
            ("jaro_winkler", JaroWinkler.similarity))),
        (pl.col("mine") == pl.col("theirs")).alias("exact"),
        (pl.col("my_glued") == glued).alias("exact_glued"),
        (first[0] == first[1]).alias("first_word"),
        (figures[0] != figures[1]).alias("numbers_differ"),
        pl.col("mine").str.split(" ").list.len().alias("words"),
    )  # fmt: skip


def _with_places(pairs: pl.DataFrame, registry: pl.DataFrame) -> pl.DataFrame:
    """Add whether any name of the unit is in the place of the lead."""
    for level in ("department", "postcode"):
        where = registry.select("siren", pl.col(level).alias("there")).drop_nulls().unique()
        known = pl.col("siren").is_in(where["siren"].unique().implode())
        here = pairs.join(where, left_on=["siren", level], right_on=["siren", "there"], how="semi")
        equal = pl.col("pair").is_in(here["pair"].implode())
        given = pl.col(level).is_not_null() & known
        pairs = pairs.with_columns(
            equal.alias(f"{level}_equal"), (given & ~equal).alias(f"{level}_differs")
        )
    return pairs
