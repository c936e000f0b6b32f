"""What is answered to a lead.

Belongs here: the choice between the five verdicts, from probabilities and from rules that
no probability overrides. Does not belong here: wording (``explain``), arithmetic
(``scoring``).

The rules: a short name, an acronym, a brand, a former name, a name that several units bear, of
which a part is missing or that names another part of France is never confirmed on the name
alone; nor is a sign of another department, or a name whose legal form, number or country says
otherwise, whatever the place. A given SIREN that the name contradicts is a question, not an
answer; one that the registry does not know confirms nothing, and casts doubt on the name. A
unit that opposed the use of its data (A123-96 C. com.) is only said to be so.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from leads.arrays import positions
from leads.features import siret_texts
from leads.index import Index
from leads.index_arrays import DIFFUSION
from leads.queries import Queries
from leads.scoring import IDENTIFIER, TIERS, Model

CONFIRMED, PROBABLE, AMBIGUOUS = "confirmed", "probable", "ambiguous"
NO_MATCH, NOT_DIFFUSIBLE = "no_match", "not_diffusible"
VERDICTS = (CONFIRMED, PROBABLE, AMBIGUOUS, NO_MATCH, NOT_DIFFUSIBLE)
#: As people look at them: what may be used first.
BY_CERTAINTY = (CONFIRMED, PROBABLE, AMBIGUOUS, NOT_DIFFUSIBLE, NO_MATCH)

#: A name of so few letters is an acronym or a common word.
SHORT_NAME = 4
#: A sign under which so many units trade is a franchise or a common word.
BRAND_UNITS = 5
OPPOSED = ("P", "N")
#: Candidates less likely than this are neither shown nor counted: a question names its choices.
LEAST_SHOWN = 0.02
#: Share of either name's weight that must be shared for a given number not to be doubted:
#: below it lie the words that any two names share.
IN_COMMON = 0.3

#: Weight of a word, in shares of the rarest one's, that is more than "France" or "services":
#: with it on one side only, the name is one of a group, or a namesake's.
PARTIAL = 0.3

#: Rule → when it forbids confirming a candidate. ``alone``: only without an agreeing place.
FORBIDS: dict[str, tuple[pl.Expr, bool]] = {
    "short_name": (pl.col("q_full").str.len_chars() <= SHORT_NAME, True),
    "acronym": (pl.col("acronym") > 0, True),
    "homonyms": ((pl.col("homonym_units") > 1) & (pl.col("exact_core") > 0), True),
    "former_name": (pl.col("kind").cast(pl.String) == "historical", True),
    "brand": (pl.col("brand_units") >= BRAND_UNITS, True),
    "partial_name": (
        (pl.col("exact_core") == 0)
        & (pl.col("exact_glued") == 0)
        & ((pl.col("name_alone") > PARTIAL) | (pl.col("lead_alone") > PARTIAL)),
        True,
    ),
    "other_area": ((pl.col("lead_area_alone") > 0) | (pl.col("name_area_alone") > 0), True),
    "sign_elsewhere": (pl.col("sign_elsewhere") > 0, False),
    "form_conflicts": (pl.col("form_conflicts") > 0, False),
    "numbers_differ": (pl.col("numbers_differ") > 0, False),
    "foreign_form": (pl.col("foreign_form"), False),
}


def decide(
    queries: Queries,
    units: pl.DataFrame,
    index: Index | None,
    model: Model,
    *,
    whole: bool = True,
) -> pl.DataFrame:
    """Return one row per question: the chosen unit, the verdict, and which rules spoke.

    Args:
        queries: the questions.
        units: scored candidates (``lookup.scored``); empty without an index.
        index: the registry, or None when none is loaded.
        model: thresholds and measured shares.
        whole: whether ``index`` should know every unit.

    Returns:
        The question, the columns of the chosen candidate (the given unit if a SIREN is
        given, else the best one), ``verdict``, ``answer`` (SIREN or null), ``probability``,
        ``tier``, ``rules``, ``codes``, ``conflict``.
    """
    asked = _asked(queries, index, whole=whole)
    candidates = units.drop("postcode", "city", "department").join(
        asked.select("lead", "given"), on="lead"
    )
    is_given = pl.col("siren") == pl.col("given")
    shown = candidates.filter(pl.col("probability") >= LEAST_SHOWN)
    likely = shown.group_by("lead").agg(pl.col("probability").sum().alias("mass"))
    chosen = candidates.filter(
        pl.when(pl.col("given").is_null()).then(pl.col("rank") == 0).otherwise(is_given)
    ).drop("given")
    rivals = (
        candidates.filter(~is_given)
        .group_by("lead", maintain_order=True)
        .first()
        .select("lead", pl.col("probability").alias("rival_probability"))
    )
    rows = (
        asked.join(chosen, on="lead", how="left")
        .join(rivals, on="lead", how="left")
        .join(likely, on="lead", how="left")
        .sort("lead")
    )
    rows = _by_name(rows.rename({"probability": "p_name", "tier": "name_tier"}), model)
    return _by_identifier(rows, model, loaded=index is not None)


def _asked(queries: Queries, index: Index | None, *, whole: bool) -> pl.DataFrame:
    """Return the questions with what the registry knows of the given number.

    A number that a whole registry does not know is set aside: the name is then asked alone.
    """
    asked = queries.asked.rename({"siren": "given", "siret": "given_siret"})
    asked = asked.join(_given(asked, index), on="lead", how="left", maintain_order="left")
    unknown = pl.lit(index is not None) & pl.col("given").is_not_null() & (
        pl.col("given_known").is_null()
    )  # fmt: skip
    return asked.with_columns(unknown.alias("given_unknown")).with_columns(
        pl.when(~pl.col("given_unknown") | pl.lit(not whole)).then(name).alias(name)
        for name in ("given", "given_siret")
    )


def _given(asked: pl.DataFrame, index: Index | None) -> pl.DataFrame:
    """Return what the registry knows of the unit whose SIREN a lead gives."""
    wanted = asked.filter(pl.col("given").is_not_null()).select("lead", "given")
    if index is None:
        none = pl.lit(None, pl.String)
        return wanted.select(
            "lead", none.alias("given_name"), none.alias("given_statut_diffusion"),
            none.alias("given_hq"), pl.lit(None, pl.Boolean).alias("given_known"),
        )  # fmt: skip
    sirens = wanted["given"].cast(pl.UInt32).to_numpy()
    place, known = positions(index.array("unit.siren"), sirens)
    unit = place[known]
    return wanted.filter(pl.Series(known)).select("lead").with_columns(
        index.texts("unit.name").series("given_name", unit),
        pl.Series("given_statut_diffusion", np.array(DIFFUSION)[index.array("unit.status")[unit]],
                  dtype=pl.String),
        siret_texts(index.array("unit.hq")[unit]).alias("given_hq"),
        pl.lit(True).alias("given_known"),
    )  # fmt: skip


def forbidding(tier: str) -> pl.Expr:
    """Return the rules that forbid confirming a candidate whose evidence is of ``tier``."""
    alone = pl.col(tier) == TIERS[-1]
    return pl.concat_list(
        pl.when(condition & alone if needs_place else condition).then(pl.lit(rule))
        for rule, (condition, needs_place) in FORBIDS.items()
    ).list.drop_nulls()


def _by_name(rows: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Decide on the name and place alone: ``verdict`` and the ``rules`` that spoke."""
    spoke = forbidding("name_tier")
    p = pl.col("p_name").fill_null(0.0)
    # Eight namesakes of one in nine each are worth a question; one of one in nine is not.
    mass = pl.col("mass").fill_null(0.0)
    hopeless = pl.col("name").is_null() | pl.col("foreign") | pl.col("siren").is_null()
    free = pl.col("rules").list.len() == 0
    # Homonyms without a place are equally good: which one is asked, not guessed.
    undecided = pl.col("rules").list.contains("homonyms")
    verdict = (
        pl.when(hopeless | (mass < model.thresholds[AMBIGUOUS])).then(pl.lit(NO_MATCH))
        .when(pl.col("statut_diffusion").is_in(OPPOSED).fill_null(False))
        .then(pl.lit(NOT_DIFFUSIBLE))
        .when((p >= model.thresholds[CONFIRMED]) & free).then(pl.lit(CONFIRMED))
        .when((p >= model.thresholds[PROBABLE]) & ~undecided).then(pl.lit(PROBABLE))
        .otherwise(pl.lit(AMBIGUOUS))
    )  # fmt: skip
    return rows.with_columns(spoke.alias("rules")).with_columns(verdict.alias("verdict"))


def _by_identifier(rows: pl.DataFrame, model: Model, *, loaded: bool) -> pl.DataFrame:
    """Let a given SIREN decide where there is one.

    Two independent witnesses, a number right with the measured share ``q`` and a name right
    with probability ``p``: if they name one unit, both must err for it to be wrong; if
    they name two, the odds are weighed against each other.
    """
    q = model.identifier["given"]
    has = pl.col("given").is_not_null()
    known = has & pl.col("given_known").fill_null(False)
    same = pl.col("p_name").fill_null(0.0)
    other = pl.col("rival_probability").fill_null(0.0)
    named = pl.col("name").is_not_null()
    evidence = pl.max_horizontal("coverage_lead", "coverage_name", "acronym", "exact_glued")
    agrees = (evidence >= IN_COMMON).fill_null(False)
    comparable = pl.col("given_name").is_not_null() | pl.col("coverage_lead").is_not_null()
    contradicted = known & named & comparable & ~agrees
    conflict = has & ~agrees & (other >= model.thresholds[CONFIRMED])
    opposed = known & pl.col("given_statut_diffusion").is_in(OPPOSED).fill_null(False)
    doubted = pl.col("ids_disagree") | pl.col("given_unknown")
    disagree = doubted & (pl.col("verdict") == CONFIRMED)
    verdict = (
        pl.when(opposed).then(pl.lit(NOT_DIFFUSIBLE))
        .when(conflict).then(pl.lit(AMBIGUOUS))
        .when(contradicted | (has & pl.col("given_unknown"))).then(pl.lit(PROBABLE))
        .when(has).then(pl.lit(CONFIRMED))
        .when(disagree).then(pl.lit(PROBABLE))
        .otherwise("verdict")
    )  # fmt: skip
    probability = (
        pl.when(conflict).then(q * (1 - other) / (q * (1 - other) + (1 - q) * other))
        .when(has).then(1 - (1 - q) * (1 - same))
        .when(pl.col("verdict") != NO_MATCH).then("p_name")
    )  # fmt: skip
    nothing = ~has & (pl.col("verdict") == NO_MATCH) & named & ~pl.col("foreign") & pl.lit(loaded)
    codes = {
        "siren:given": known,
        "siren_given_not_in_registry": pl.col("given_unknown"),
        "registry:not_loaded": pl.lit(not loaded),
        "name:nothing_in_common": contradicted,
        "conflict:siren_against_name": conflict,
        "candidates:none": nothing & pl.col("siren").is_null(),
        "candidates:too_unlikely": nothing & pl.col("siren").is_not_null(),
    }
    decided = pl.col("verdict").is_in([CONFIRMED, PROBABLE, NOT_DIFFUSIBLE])
    return rows.with_columns(
        probability.round(6).alias("probability"),
        verdict.alias("verdict"),
        conflict.alias("conflict"),
        pl.when(has).then(pl.lit(IDENTIFIER)).otherwise("name_tier").alias("tier"),
        pl.concat_list(pl.when(on).then(pl.lit(code)) for code, on in codes.items())
        .list.drop_nulls()
        .alias("codes"),
    ).with_columns(pl.when(decided).then(pl.coalesce("given", "siren")).alias("answer"))
