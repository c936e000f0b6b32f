"""What speaks for and against a candidate, as numbers.

Belongs here: the features of pairs (a lead's spelling, a name of the registry), computed
for all pairs at once. Does not belong here: their weights (``scoring``).

Each feature is documented where it is made. Those of the name come first, then those of
the place, then those of the unit. A place that the lead does not give is neither equal nor
different: both indicators are zero.
"""

from __future__ import annotations

import polars as pl
from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler
from rapidfuzz.process import cpdist

from leads.candidates import MAX_ACRONYM, PAIR, PLACES
from leads.index import Index
from sirene.nomenclatures import LEGAL_FORMS, table

#: Features of the first stage, in the order of the model's coefficients.
PAIR_FEATURES = (
    "exact_full", "exact_core", "exact_glued", "exact_rare", "coverage_lead", "coverage_name",
    "coverage_both", "rarest_shared", "token_set", "token_sort", "jaro_winkler", "first_word",
    "numbers_differ", "form_agrees", "form_conflicts", "acronym", "of_establishment", "sigle",
    "homonyms", "postcode_equal", "postcode_differs", "city_equal", "city_differs",
    "department_equal", "department_differs", "address_equal", "exact_and_near",
    "exact_but_far", "unit_active",
)  # fmt: skip

#: First digits of the legal category → family. Within a family a unit may change its form
#: (SARL to SAS) and keep its SIREN; an SCI never becomes a SARL under the same one.
_FAMILIES = {
    "1": "person", "3": "foreign", "51": "company", "52": "company", "53": "company",
    "54": "company", "55": "company", "56": "company", "57": "company", "58": "company",
    "61": "savings", "62": "grouping", "63": "farming", "64": "insurance", "65": "civil",
    "7": "public", "92": "association",
}  # fmt: skip
#: Columns that only the features themselves need: hundreds of thousands of pairs stay narrow.
_USED_UP = (
    "address", "q_core", "q_glued", "q_acronym", "q_siren", "full", "core", "glued", "shared",
    "rarest", "category", "has_postcode", "has_city", "has_department", "at_department",
    "city_there", "department_there",
)  # fmt: skip
#: What edit distances see of a name.
MAX_CHARS = 120


def _family(category: pl.Expr) -> pl.Expr:
    known = list(_FAMILIES), list(_FAMILIES.values())
    return pl.coalesce(
        category.str.slice(0, digits).replace_strict(*known, default=None, return_dtype=pl.String)
        for digits in (2, 1)
    )


def _family_of_form(form: pl.Expr) -> pl.Expr:
    rows = table(LEGAL_FORMS).unique("short", keep="first", maintain_order=True)
    category = form.replace_strict(
        rows["short"].to_list(),
        rows["categorie_juridique"].to_list(),
        default=None,
        return_dtype=pl.String,
    )
    return _family(category)


def _log2(column: str) -> pl.Expr:
    return pl.col(column).fill_null(1).cast(pl.Float64).log(2.0)


def compare(
    pairs: pl.DataFrame, queries: pl.DataFrame, tokens: pl.DataFrame, index: Index
) -> pl.DataFrame:
    """Return ``pairs`` with the registry's side of each and all :data:`PAIR_FEATURES`.

    Args:
        pairs: ``lead``, ``variant``, ``name_id``.
        queries: the leads' side, as for ``candidates.find``.
        tokens: words of the leads with their weights.
        index: the registry.
    """
    sides = _both_sides(pairs, queries, index)
    sides = _in_places(_with_overlap(sides, tokens, index), index)
    return _exactness(_similarity(sides)).drop(_USED_UP)


def _both_sides(pairs: pl.DataFrame, queries: pl.DataFrame, index: Index) -> pl.DataFrame:
    wanted = pairs.lazy().select("name_id").unique()
    names = index.scan("names").join(wanted, on="name_id", how="semi")
    names = names.rename({name: f"{name}_there" for name in ("name", *PLACES)}).rename(
        {"siret": "name_siret"}
    )
    units = index.scan("units").select(
        "siren", "statut_diffusion", "personne_morale", pl.col("active").alias("is_active"), "hq",
        "category", pl.col("name").alias("unit_name"),
    )  # fmt: skip
    ours = queries.lazy().select(
        "lead", "variant", "address", *PLACES,
        *(pl.col(key).alias(f"q_{key}")
          for key in ("full", "core", "glued", "acronym", "legal_form", "siren")),
    )  # fmt: skip
    return (
        pairs.lazy()
        .join(ours, on=["lead", "variant"])
        .join(names, on="name_id")
        .join(units, on="siren", how="left")
        .collect()
    )


def _with_overlap(sides: pl.DataFrame, tokens: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Weigh the shared words: their part of the lead's name and of the registry's name."""
    keys = sides.lazy().select(PAIR)
    asked = tokens.lazy().group_by("lead", "variant").agg(pl.col("idf").sum().alias("asked"))
    postings = index.scan("postings").select("token", "name_id")
    postings = postings.join(keys.select("name_id").unique(), on="name_id", how="semi")
    shared = (
        keys.join(tokens.lazy().select("lead", "variant", "token", "idf"), on=["lead", "variant"])
        .join(postings, on=["name_id", "token"])
        .group_by(PAIR)
        .agg(
            pl.col("idf").sum().alias("shared"),
            pl.col("idf").max().alias("rarest"),
        )
    )
    # The same letters cut elsewhere (CREABOIS, CREA BOIS) are the same words.
    glued = (pl.col("q_glued") == pl.col("glued")).fill_null(False)
    share = pl.col("shared").fill_null(0.0)
    rarest = (
        pl.when(glued)
        .then(pl.min_horizontal("weight", pl.lit(index.unseen_idf)))
        .otherwise(pl.col("rarest").fill_null(0.0))
    )

    def covered(total: pl.Expr) -> pl.Expr:
        return pl.when(glued).then(1.0).otherwise(share / total)

    return (
        sides.lazy()
        .join(shared, on=PAIR, how="left")
        .join(asked, on=["lead", "variant"])
        .with_columns(
            covered(pl.col("asked")).alias("coverage_lead"),
            covered(pl.col("weight")).alias("coverage_name"),
            covered(pl.col("asked") + pl.col("weight") - share).alias("coverage_both"),
            (rarest / index.unseen_idf).alias("rarest_shared"),
        )
        .collect()
    )


def _in_places(sides: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Compare places: the unit agrees if any of its establishments is where the lead is."""
    wanted = sides.lazy().select("siren").unique()
    places = index.scan("places").join(wanted, on="siren", how="semi").collect()
    for level in PLACES:
        there = places.filter(pl.col("level") == level)
        exact = there.select(
            "siren", pl.col("value").alias(level), pl.col("siret").alias(f"at_{level}")
        )
        known = there.select("siren").unique().with_columns(pl.lit(True).alias(f"has_{level}"))
        sides = sides.join(exact, on=["siren", level], how="left").join(
            known, on="siren", how="left"
        )
    equal = {level: pl.col(f"at_{level}").is_not_null() for level in PLACES}
    both = {
        level: pl.col(level).is_not_null() & pl.col(f"has_{level}").fill_null(False)
        for level in PLACES
    }
    addresses = (
        index.scan("addresses")
        .join(wanted, on="siren", how="semi")
        .join(sides.lazy().select("address").drop_nulls().unique(), on="address", how="semi")
        .group_by("siren", "address")
        .agg(pl.col("siret").min().alias("at_address"))
        .collect()
    )
    sides = sides.join(addresses, on=["siren", "address"], how="left")
    return sides.with_columns(
        pl.col("at_address").is_not_null().cast(pl.Float64).alias("address_equal"),
        *(equal[level].cast(pl.Float64).alias(f"{level}_equal") for level in PLACES),
        *(
            (both[level] & ~equal[level]).cast(pl.Float64).alias(f"{level}_differs")
            for level in PLACES
        ),
    )


def _similarity(sides: pl.DataFrame) -> pl.DataFrame:
    """Add the edit-distance features, in three calls for all pairs together."""

    def side(name: str) -> list[str]:
        return sides[name].str.slice(0, MAX_CHARS).fill_null("").to_list()

    ours, theirs = side("q_core"), side("core")
    glued = cpdist(side("q_glued"), side("glued"), scorer=JaroWinkler.similarity, workers=-1)
    token_set = cpdist(ours, theirs, scorer=fuzz.token_set_ratio, workers=-1)
    token_sort = cpdist(ours, theirs, scorer=fuzz.token_sort_ratio, workers=-1)
    return sides.with_columns(
        (pl.Series("token_set", token_set).cast(pl.Float64) / 100.0),
        (pl.Series("token_sort", token_sort).cast(pl.Float64) / 100.0),
        pl.Series("jaro_winkler", glued).cast(pl.Float64),
    )


def _exactness(sides: pl.DataFrame) -> pl.DataFrame:
    """Add what the keys, the numbers, the legal forms and the counts say."""

    def number(condition: pl.Expr) -> pl.Expr:
        return condition.fill_null(False).cast(pl.Float64)

    def numbers(name: str) -> pl.Expr:
        return pl.col(name).str.extract_all(r"\d+").list.sort().list.join(" ")

    exact = pl.col("exact_core") + pl.col("exact_glued") > 0
    short = pl.col("q_full").str.len_chars() <= MAX_ACRONYM
    acronym = (short & (pl.col("q_full") == pl.col("acronym"))) | (
        pl.col("q_acronym") == pl.col("full")
    )
    # The register's own category is surer than the form written in a name.
    mine = _family_of_form(pl.col("q_legal_form"))
    theirs = pl.coalesce(_family(pl.col("category")), _family_of_form(pl.col("legal_form")))
    return (
        sides.with_columns(
            number(pl.col("q_full") == pl.col("full")).alias("exact_full"),
            number(pl.col("q_core") == pl.col("core")).alias("exact_core"),
            number(pl.col("q_glued") == pl.col("glued")).alias("exact_glued"),
            number(
                pl.col("q_core").str.extract(r"^(\S+)") == pl.col("core").str.extract(r"^(\S+)")
            ).alias("first_word"),
            number(numbers("q_core") != numbers("core")).alias("numbers_differ"),
            number(pl.col("q_legal_form") == pl.col("legal_form")).alias("form_agrees"),
            number(mine != theirs).alias("form_conflicts"),
            number(acronym & (pl.col("q_full") != pl.col("full"))).alias("is_acronym"),
            number(
                pl.col("kind").cast(pl.String).is_in(["enseigne", "denomination_usuelle"])
            ).alias("of_establishment"),
            number(pl.col("kind").cast(pl.String) == "sigle").alias("sigle"),
            _log2("homonyms").alias("homonyms_log"),
            number(pl.col("is_active")).alias("unit_active"),
        )
        .drop("acronym")
        .rename({"homonyms": "homonym_units", "homonyms_log": "homonyms", "is_acronym": "acronym"})
        .with_columns(
            (number(exact) * pl.col("rarest_shared")).alias("exact_rare"),
            (number(exact) * pl.col("homonyms")).alias("homonyms"),
            (number(exact) * pl.max_horizontal("department_equal", "city_equal")).alias(
                "exact_and_near"
            ),
            (number(exact) * pl.col("department_differs")).alias("exact_but_far"),
        )
    )
