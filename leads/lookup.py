"""From questions to scored candidates.

Belongs here: the chain candidates, features, score, in batches of bounded memory. Does not
belong here: each link of it, and verdicts.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import polars as pl

from leads import candidates, features, scoring
from leads.arrays import positions
from leads.asked import Asked
from leads.index import Index
from leads.scoring import LAST, Model

#: Questions looked up together: what bounds memory, whatever the number of leads.
BATCH = 10_000
#: Batches looked up at once: numpy leaves the other core idle.
WORKERS = 2


def compared(spellings: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Return the candidate pairs of ``spellings`` with their features."""
    asked = Asked(spellings, index)
    return features.described(features.measured(asked, *candidates.pairs(asked)), asked)


def scored(
    spellings: pl.DataFrame,
    questions: int,
    index: Index,
    model: Model,
    *,
    barred: pl.DataFrame | None = None,
    batch: int = BATCH,
    last: int = LAST,
) -> pl.DataFrame:
    """Return one row per question and candidate unit, the best first, with ``probability``.

    Args:
        spellings: of ``leads.queries.Queries``.
        questions: how many questions there are, numbered from 0.
        index: the registry.
        model: the weights.
        barred: ``lead``, ``siren``: units that a question must not be answered with.
        batch: questions looked up together; the result does not depend on it.
        last: units of a question that are looked at to the end.
    """
    denied = None
    if barred is not None and barred.height:
        sirens = barred["siren"].cast(pl.UInt32).to_numpy()
        place, known = positions(index.array("unit.siren"), sirens)
        denied = barred.select(pl.col("lead").cast(pl.UInt32)).with_columns(
            pl.Series("unit", place, dtype=pl.UInt32)
        ).filter(pl.Series(known))  # fmt: skip

    def part(start: int) -> pl.DataFrame:
        numbers = pl.col("lead").is_between(start, start + batch - 1)
        return _scored(Asked(spellings.filter(numbers), index), model, denied, last)

    starts = range(0, max(questions, 1), batch)
    if len(starts) == 1:
        return part(0)
    with ThreadPoolExecutor(WORKERS) as pool:
        return pl.concat(pool.map(part, starts))


def _scored(asked: Asked, model: Model, denied: pl.DataFrame | None, last: int) -> pl.DataFrame:
    pairs = features.measured(asked, *candidates.pairs(asked))
    if denied is not None:
        pairs = pairs.join(denied, on=["lead", "unit"], how="anti", maintain_order="left")
    units = scoring.ranked(scoring.best_names(pairs, model.pair))
    sirens = asked.index.array("unit.siren")[units["unit"].to_numpy()]
    given = pl.Series(asked.sirens[units["row"].to_numpy()] == sirens)
    likely = scoring.with_log_odds(units.filter((pl.col("rank") < last) | given), model)
    likely = likely.with_columns(scoring.probability(model).alias("probability"))
    return features.described(likely, asked)


def place_before_cut(spellings: pl.DataFrame, index: Index, siren: str) -> tuple[int, int] | None:
    """Return where a unit stands among all that are found, before any is cut.

    Args:
        spellings: of one question.
        index: the registry.
        siren: the unit.

    Returns:
        Its place from 1 and how many units were found; None if nothing leads to it.
    """
    _, names, promise = candidates.found(Asked(spellings, index))
    found = pl.DataFrame(
        {"siren": index.array("unit.siren")[index.array("name.unit")[names]], "promise": promise}
    )
    best = found.group_by("siren").agg(pl.col("promise").max())
    own = best.filter(pl.col("siren") == int(siren))["promise"]
    if own.is_empty():
        return None
    return int((best["promise"] > own[0]).sum()) + 1, best.height


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
            "unit": pl.UInt32,
        }
    )
