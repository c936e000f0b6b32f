"""From questions to scored candidates.

Belongs here: the chain candidates, features, score, in batches of bounded memory. Does not
belong here: each link of it, and verdicts.
"""

from __future__ import annotations

import polars as pl

from leads import candidates, features, scoring
from leads.index import Index
from leads.scoring import Model

#: Questions looked up together: what bounds memory, whatever the number of leads.
BATCH = 20_000


def compared(spellings: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Return all candidate pairs of ``spellings`` with their features."""
    tokens = candidates.with_tokens(spellings, index)
    pairs = candidates.find(spellings, tokens, index)
    return features.compare(pairs, spellings, tokens, index)


def scored(
    spellings: pl.DataFrame, questions: int, index: Index, model: Model, *, batch: int = BATCH
) -> pl.DataFrame:
    """Return one row per question and candidate unit, the best first, with ``probability``.

    Args:
        spellings: of ``leads.queries.Queries``.
        questions: how many questions there are, numbered from 0.
        index: the registry.
        model: the weights.
        batch: questions looked up together; the result does not depend on it.
    """
    parts = []
    for start in range(0, max(questions, 1), batch):
        numbers = pl.col("lead").is_between(start, start + batch - 1)
        pairs = compared(spellings.filter(numbers), index)
        units = scoring.ranked(scoring.best_names(pairs, model.pair))
        likely = units.with_columns(scoring.log_odds(model))
        parts.append(likely.with_columns(scoring.probability(model).alias("probability")))
    return pl.concat(parts)


def no_candidates() -> pl.DataFrame:
    """Return the empty result of :func:`scored`, for want of a registry."""
    text = (
        "siren", "name_there", "unit_name", "kind", "statut_diffusion", "hq", "tier", "q_full",
        "q_legal_form", "legal_form", "name_siret", "likely_siret", "postcode", "city",
        "department",
    )  # fmt: skip
    numbers = (*features.PAIR_FEATURES, *scoring.RANK_FEATURES, "probability")
    return pl.DataFrame(
        schema={
            "lead": pl.UInt32,
            **dict.fromkeys(text, pl.String),
            **dict.fromkeys(numbers, pl.Float64),
            **dict.fromkeys(("rank", "homonym_units", "brand_units"), pl.Int64),
            **dict.fromkeys(("personne_morale", "is_active"), pl.Boolean),
            "variant": pl.Int8,
            "name_id": pl.UInt32,
        }
    )
