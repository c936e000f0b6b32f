"""Why a lead got its answer, in words a machine can group and a person can read.

Belongs here: reason codes, ranked alternatives, the question that would settle a doubt.
Does not belong here: deciding.

A reason is ``subject:finding`` with a value in brackets where one helps:
``rare_words:BROCELIANDE(3)`` reads "the word BROCELIANDE, borne by 3 units". Reasons hold
words of the registry and places, never what a lead says of a person.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from leads.arrays import positions
from leads.asked import Asked
from leads.index import Index
from leads.overlap import align
from leads.verdicts import AMBIGUOUS, LEAST_SHOWN, NO_MATCH, NOT_DIFFUSIBLE, OPPOSED

#: Candidates shown beside the answer, or instead of one.
SHOWN = 5
SHOWN_WORDS = 3
#: Jaro-Winkler similarity from which two spellings look alike to a reader.
SIMILAR = 0.85
ALTERNATIVE = pl.Struct(
    {"siren": pl.String, "siret": pl.String, "name": pl.String, "probability": pl.Float64}
)


def shown_name() -> pl.Expr:
    """Return the name to show: the unit's own, else the matched sign; never one opposed."""
    hidden = pl.col("statut_diffusion").is_in(OPPOSED) & ~pl.col("personne_morale")
    return pl.when(~hidden.fill_null(False)).then(pl.coalesce("unit_name", "name_there"))


def _finding() -> pl.Expr:
    """Return how the names agree, the strongest way first."""
    ways = {"exact_full": "exact_full", "exact_core": "exact_core", "exact_glued": "exact_glued"}
    chain: pl.Expr = pl.when(pl.col("acronym") > 0).then(pl.lit("name:acronym"))
    for column, code in reversed(ways.items()):
        chain = pl.when(pl.col(column) > 0).then(pl.lit(f"name:{code}")).otherwise(chain)
    words = pl.when(pl.col("coverage_lead") > 0).then(pl.lit("name:shared_words"))
    alike = pl.when(pl.col("jaro_winkler") >= SIMILAR).then(pl.lit("name:similar"))
    return pl.coalesce(chain, words, alike)


def shared_words(rows: pl.DataFrame, spellings: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Return ``lead``, ``words``: the rarest words shared with the chosen name, with counts."""
    chosen = rows.filter(pl.col("name_id").is_not_null()).select("lead", "variant", "name_id")
    asked = Asked(spellings, index)
    numbered = spellings.select("lead", "variant").with_row_index("row")
    row = chosen.join(numbered, on=["lead", "variant"], how="left", maintain_order="left")["row"]
    mine, _ = align(asked, row.to_numpy().astype(np.int64), chosen["name_id"].to_numpy())
    equal = mine.met == 1
    word = mine.word[equal]
    shared: pl.DataFrame = chosen.select("lead")[mine.pair[equal]].with_columns(
        asked.words.text.gather(word).alias("token"),
        pl.Series("df", asked.words.df[word]),
        pl.Series("idf", asked.words.idf[word]),
    )
    return (
        shared.sort("lead", "idf", "token", descending=[False, True, False])
        .group_by("lead", maintain_order=True)
        .agg(pl.format("{}({})", "token", "df").head(SHOWN_WORDS).alias("words"))
    )


def reasons(has_candidate: pl.Expr) -> pl.Expr:
    """Return the reason codes of decided rows, in a fixed order."""

    def code(condition: pl.Expr, text: pl.Expr | str) -> pl.Expr:
        value = pl.lit(text) if isinstance(text, str) else text
        return pl.when((has_candidate & condition).fill_null(False)).then(value)

    places = [
        code(pl.col(f"{level}_{side}") > 0, f"{level}:{word}")
        for level in ("postcode", "city", "department")
        for side, word in (("equal", "equal"), ("differs", "differs"))
    ]
    not_exact = (pl.col("exact_core") == 0) & (pl.col("exact_glued") == 0)
    evidence = [
        code(pl.lit(True), _finding()),
        code(not_exact & pl.col("words").is_not_null(),
             pl.format("rare_words:{}", pl.col("words").list.join("+"))),
        code(pl.lit(True), pl.format("kind:{}", pl.col("kind").cast(pl.String))),
        code(pl.col("address_equal") > 0, "address:equal"),
        *places,
        code(pl.col("form_agrees") > 0, "form:agrees"),
        code(pl.col("form_conflicts") > 0,
             pl.format("form:conflicts({},{})", "q_legal_form", "legal_form")),
        code(pl.col("numbers_differ") > 0, "numbers:differ"),
        code((pl.col("homonym_units") > 1) & ~not_exact,
             pl.format("homonyms:{}", "homonym_units")),
        code(pl.col("brand_units") > 1, pl.format("sign_of_units:{}", "brand_units")),
        code(pl.col("as_good") > 0,
             pl.format("as_good:{}", (pl.col("as_good").exp() - 1).round(0).cast(pl.Int64))),
        code(pl.col("verdict") == NOT_DIFFUSIBLE, "unit:not_diffusible"),
        code(~pl.col("is_active"), "unit:closed"),
        code(~pl.col("personne_morale"), "unit:natural_person"),
    ]  # fmt: skip
    known = pl.col("siret").is_not_null() & pl.col("was_known")
    fate = [
        pl.when(pl.col("siret").is_not_null() & ~pl.col("was_known")).then(
            pl.lit("siret:not_in_registry")
        ),
        pl.when(known & pl.col("was_closed") & ~pl.col("succeeded")).then(pl.lit("siret:closed")),
        pl.when(pl.col("succeeded")).then(pl.format("siret:succeeds({})", "siret")),
    ]
    by_name = has_candidate & (pl.col("tier") != "identifier")
    rules = pl.col("rules").list.eval(pl.format("not_confirmed:{}", pl.element()))
    rules = pl.when(by_name).then(rules)
    # What is made of the best candidate; of a unit that opposed only that it did is said.
    told = by_name & (pl.col("verdict") != NOT_DIFFUSIBLE)
    sums = pl.when(told).then(pl.concat_list("made_of", "runner_up"))
    parts = [pl.concat_list(evidence), rules, pl.concat_list(fate), sums]
    return pl.concat_list(
        "remarks", "codes", *(part.fill_null([]) for part in parts)
    ).list.drop_nulls()


def alternatives(rows: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Return ``lead``, ``alternatives``: what else it may be, the likeliest first.

    For an ambiguous lead all candidates are there, the best included; for a decided one
    those that come after. Together with the answer they never exceed certainty.
    """
    answered = rows.select("lead", "answer", "verdict", "given", "conflict", "probability")
    joined = units.join(answered, on="lead", suffix="_answer")
    rest = 1 - pl.col("probability_answer")
    found = joined.filter(
        (pl.col("verdict") != NO_MATCH)
        & (pl.col("siren") != pl.col("answer")).fill_null(True)
        & ~(pl.col("conflict") & (pl.col("siren") == pl.col("given"))).fill_null(False)
    ).select(
        "lead",
        "siren",
        pl.col("likely_siret").alias("siret"),
        shown_name().alias("name"),
        # In a conflict the others share what the given number leaves.
        pl.when((pl.col("verdict") == AMBIGUOUS) & ~pl.col("conflict"))
        .then("probability")
        .otherwise(pl.min_horizontal("probability", rest))
        .round(6)
        .alias("probability"),
    )
    given = rows.filter("conflict").select(
        "lead",
        pl.col("given").alias("siren"),
        pl.col("given_siret").alias("siret"),
        pl.col("given_name").alias("name"),
        "probability",
    )
    shape = pl.struct("siren", "siret", "name", "probability")
    return (
        pl.concat([found.filter(pl.col("probability") >= LEAST_SHOWN), given])
        .sort("lead", "probability", "siren", descending=[False, True, False])
        .group_by("lead", maintain_order=True)
        .agg(shape.head(SHOWN).alias("alternatives"))
    )


def questions(rows: pl.DataFrame, units: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Return ``lead``, ``question`` for ambiguous leads: what would tell the candidates apart."""
    doubtful = rows.filter(pl.col("verdict") == AMBIGUOUS).select("lead", "conflict", "given")
    wanted = units.join(doubtful, on="lead").filter(pl.col("rank") < SHOWN)
    listed = (
        wanted.with_columns(_seats(wanted["likely_siret"], index))
        .with_columns(shown_name().fill_null(pl.col("siren")).alias("label"))
        .sort("lead", "rank")
        .group_by("lead", maintain_order=True)
        .agg(
            pl.col("conflict").first(),
            pl.col("given").first(),
            pl.col("seat").drop_nulls().unique(maintain_order=True).alias("seats"),
            pl.col("label").unique(maintain_order=True).alias("labels"),
            pl.col("label").filter(pl.col("siren") != pl.col("given")).first().alias("other"),
            pl.coalesce("postcode", "city").is_not_null().any().alias("place_given"),
        )
    )
    either = pl.col("labels").list.join(", ")
    text = (
        pl.when("conflict")
        .then(pl.format("Which one is right, SIREN {} or the name ({})?", "given", "other"))
        .when(~pl.col("place_given") & (pl.col("seats").list.len() > 1))
        .then(pl.format("In which place is it: {}?", pl.col("seats").list.join(", ")))
        .when(pl.col("labels").list.len() > 1)
        .then(pl.format("Which company is it: {}?", either))
        .when(pl.col("seats").list.len() > 1)
        .then(pl.format("At which address: {}?", pl.col("seats").list.join(", ")))
        .otherwise(pl.format("Is it {}? A SIREN, a postcode or a site would tell.", either))
    )
    return listed.select("lead", text.alias("question"))


def _seats(sirets: pl.Series, index: Index) -> pl.Series:
    """Return ``CITY (department)`` of establishments."""
    numbers = sirets.cast(pl.UInt64).fill_null(0).to_numpy()
    place, known = positions(index.array("site.siret"), numbers)
    seat = np.zeros(len(numbers), np.int64)
    seat[known] = index.array("site.place")[place[known]]
    return index.texts("place.seat").series("seat", seat)
