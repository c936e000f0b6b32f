"""Matching leads to the registry.

Belongs here: the one entry point, from leads to matches. Does not belong here: any of the
steps it strings together.
"""

from __future__ import annotations

import hashlib
from datetime import date

import polars as pl

from leads import contributions, explain, lookup, verdicts
from leads.duplicates import followed
from leads.establishments import follow, likeliest
from leads.index import Index
from leads.queries import Queries, prepare
from leads.scoring import LAST, Model, load_model
from leads.verdicts import AMBIGUOUS, NO_MATCH, NOT_DIFFUSIBLE, PROBABLE

_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "match_id": pl.String,
    "lead_id": pl.String,
    "account_id": pl.String,
    "verdict": pl.String,
    "siren": pl.String,
    "siret": pl.String,
    "probability": pl.Float64,
    "tier": pl.String,
    "matched_name": pl.String,
    "matched_kind": pl.String,
    "reasons": pl.List(pl.String),
    "alternatives": pl.List(explain.ALTERNATIVE),
    "question": pl.String,
    "matched_at": pl.Date,
    "registry_version": pl.String,
    "model_version": pl.String,
}
MATCH_SCHEMA = pl.Schema(_COLUMNS)
#: More units than are ever compared for one lead: all of them are told.
EVERY = 1_000


def match_leads(
    leads: pl.DataFrame,
    index: Index | None,
    *,
    matched_at: date,
    registry_version: str,
    model: Model | None = None,
    denied: pl.DataFrame | None = None,
    whole: bool | None = None,
) -> pl.DataFrame:
    """Say for each lead which unit of the registry it is, how likely, and why.

    Args:
        leads: ``lead_id``, ``account_id`` and any fields of ``leads.model.Lead``, as text.
        index: the registry; None answers from identifiers alone.
        matched_at: legal date of the run, from its clock.
        registry_version: version of the registry behind ``index``.
        model: another model than the one shipped.
        denied: ``lead_id``, ``siren``, ``says``: units that a person said a lead is not. Leads
            that say the same must deny the same, so that they are of one account.
        whole: whether the registry should know every unit, by default what ``Index.whole`` says.
            A given number that it does not know is then set aside; of a part of the registry it
            is answered, as ``probable``.

    Returns:
        One row per lead, in the order of ``leads``, columns of :data:`MATCH_SCHEMA`. The
        answer to a lead depends on nothing but that lead, the registry and the model.
        ``probability`` is that of the unit in ``siren``, or for an ambiguous lead that of
        the best candidate; null when nothing matched.
    """
    model = model or load_model()
    queries = followed(prepare(leads), index)
    barred = _barred(queries, denied)
    queries = _without(queries, barred)
    units = _candidates(queries, index, model, barred)
    if whole is None:
        whole = index is not None and index.whole
    rows = verdicts.decide(queries, units, index, model, whole=whole)
    rows = rows.join(_words(rows, queries, index), on="lead", how="left", maintain_order="left")
    made = contributions.reasons(units, model)
    rows = rows.join(made, on="lead", how="left", maintain_order="left")
    answers = _answers(rows, units, index)
    return (
        queries.leads.join(answers, on="lead", how="left", maintain_order="left")
        .with_columns(
            pl.Series("match_id", match_ids(queries.leads), dtype=pl.String),
            pl.lit(matched_at).alias("matched_at"),
            pl.lit(registry_version).alias("registry_version"),
            pl.lit(model.version).alias("model_version"),
        )
        .select(MATCH_SCHEMA.names())
        .cast(MATCH_SCHEMA)
    )


def with_candidates(leads: pl.DataFrame, index: Index, model: Model) -> pl.DataFrame:
    """Return ``account_id``, ``lead_id`` of the leads that any unit of ``index`` might be."""
    queries = prepare(leads)
    found = _candidates(queries, index, model).select("lead").unique()
    return queries.leads.join(found, on="lead", how="semi").select("account_id", "lead_id")


def evidence(leads: pl.DataFrame, index: Index, model: Model) -> tuple[Queries, pl.DataFrame]:
    """Return what is looked up for ``leads`` and every candidate with its features.

    Returns:
        The questions, and one row per question and unit: ``lead``, ``rank``, ``siren``, the
        name met, both stages' features, ``log_odds``, ``tier``, ``probability``.
    """
    queries = followed(prepare(leads), index)
    return queries, _candidates(queries, index, model, last=EVERY)


def best_candidates(leads: pl.DataFrame, index: Index, model: Model) -> pl.DataFrame:
    """Return the likeliest unit by name and place alone, whatever number a lead gives.

    Returns:
        ``account_id``, ``lead_id``, ``siren``, ``tier``, ``log_odds``, ``probability``; no row
        for a lead without candidates.
    """
    nameable = [name for name in leads.columns if name not in {"siren", "siret", "vat"}]
    queries = prepare(leads.select(nameable))
    best = _candidates(queries, index, model).filter(pl.col("rank") == 0)
    return queries.leads.join(
        best.select("lead", "siren", "tier", "log_odds", "probability"), on="lead"
    ).drop("lead")


def match_ids(leads: pl.DataFrame) -> list[str]:
    """Return the ids of the matches: one per lead, the same at every run and registry."""
    keys = leads.select(pl.concat_str("account_id", "lead_id", separator="\x1f")).to_series()
    return [hashlib.sha256(f"match\x1f{key}".encode()).hexdigest()[:32] for key in keys]


def _barred(queries: Queries, denied: pl.DataFrame | None) -> pl.DataFrame:
    """Return ``lead``, ``siren``, ``says``: what is denied, by question."""
    if denied is None:
        return pl.DataFrame(schema={"lead": pl.UInt32, "siren": pl.String, "says": pl.String})
    pairs = queries.leads.join(denied.select("lead_id", "siren", "says"), on="lead_id")
    return pairs.select("lead", "siren", "says").unique(["lead", "siren"]).sort("lead", "siren")


def _without(queries: Queries, barred: pl.DataFrame) -> Queries:
    """Forget given numbers that were denied, and remark what was denied."""
    if barred.is_empty():
        return queries
    said = barred.group_by("lead", maintain_order=True).agg(
        pl.format("review:{}({})", "says", "siren").alias("denied")
    )
    refused = barred.select("lead", pl.col("siren").alias("refused"))

    def cleared(rows: pl.DataFrame, names: list[str]) -> pl.DataFrame:
        marked = rows.join(
            refused.with_columns(pl.lit(True).alias("is_refused")),
            left_on=["lead", "siren"],
            right_on=["lead", "refused"],
            how="left",
            maintain_order="left",
        )
        free = pl.col("is_refused").is_null()
        return marked.with_columns(pl.when(free).then(name).alias(name) for name in names).drop(
            "is_refused"
        )

    asked = cleared(queries.asked, ["siren", "siret"]).join(
        said, on="lead", how="left", maintain_order="left"
    )
    remarks = pl.concat_list("remarks", pl.col("denied").fill_null([]))
    return Queries(
        queries.leads,
        asked.with_columns(remarks.alias("remarks")).drop("denied"),
        cleared(queries.spellings, ["siren"]),
    )


def _candidates(
    queries: Queries,
    index: Index | None,
    model: Model,
    barred: pl.DataFrame | None = None,
    *,
    last: int = LAST,
) -> pl.DataFrame:
    """Return scored candidates with their likeliest establishment; foreign leads have none."""
    if index is None:
        return lookup.no_candidates()
    domestic = queries.asked.filter(~pl.col("foreign")).select("lead")
    spellings = queries.spellings.join(domestic, on="lead", how="semi", maintain_order="left")
    scored = lookup.scored(spellings, queries.asked.height, index, model, barred=barred, last=last)
    return scored.with_columns(likeliest().alias("likely_siret"))


def _words(rows: pl.DataFrame, queries: Queries, index: Index | None) -> pl.DataFrame:
    if index is None:
        return pl.DataFrame(schema={"lead": pl.UInt32, "words": pl.List(pl.String)})
    return explain.shared_words(rows, queries.spellings, index)


def _answers(rows: pl.DataFrame, units: pl.DataFrame, index: Index | None) -> pl.DataFrame:
    """Word the decisions: establishment, reasons, alternatives, question."""
    answered = pl.col("answer").is_not_null()
    siret = pl.when(answered).then(pl.coalesce("given_siret", "likely_siret", "given_hq"))
    rows = rows.with_columns(siret.alias("siret"))
    rows = rows.join(follow(rows, index), on="lead")
    moved = pl.col("final_siret").str.slice(0, 9) != pl.col("answer")
    moved = (moved & pl.col("succeeded")).fill_null(False)
    has_candidate = pl.col("siren").is_not_null() & (pl.col("verdict") != NO_MATCH)
    undiffusible = pl.col("verdict") == NOT_DIFFUSIBLE
    words = rows.select(
        "lead",
        # Another legal unit took the establishment over: likely the customer, not certain.
        pl.when(moved & (pl.col("verdict") == "confirmed")).then(pl.lit(PROBABLE))
        .otherwise("verdict").alias("verdict"),
        pl.when(moved).then(pl.col("final_siret").str.slice(0, 9)).otherwise("answer")
        .alias("siren"),
        pl.col("final_siret").alias("siret"),
        "probability",
        pl.when(pl.col("verdict") != NO_MATCH).then("tier").alias("tier"),
        pl.when(answered & ~undiffusible)
        .then(pl.coalesce("name_there", "given_name")).alias("matched_name"),
        pl.when(answered & ~undiffusible).then(pl.col("kind").cast(pl.String))
        .alias("matched_kind"),
        explain.reasons(has_candidate).alias("reasons"),
    )  # fmt: skip
    others = explain.alternatives(rows, units)
    words = words.join(others, on="lead", how="left").with_columns(
        pl.col("alternatives").fill_null([])
    )
    if index is None:
        return words.with_columns(pl.lit(None, pl.String).alias("question"))
    return words.join(explain.questions(rows, units, index), on="lead", how="left").with_columns(
        pl.when(pl.col("verdict") == AMBIGUOUS).then("question").alias("question")
    )
