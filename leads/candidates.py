"""Which names of the registry a lead may mean.

Belongs here: the generators of candidate pairs, each a join, and their caps. Does not
belong here: comparing the two sides of a pair (``features``), choosing (``verdicts``).

A generator that finds too many names for a lead is asked again inside the lead's
department, commune, then postcode: ``MAIRIE`` alone names thousands of units, in one
postcode a single one. What is still too much is cut in index order, which is the same at
every run, and the number of homonyms stays known from the index.
"""

from __future__ import annotations

import polars as pl

from leads.index import Index

#: Names one generator may bring for one lead before a place is asked for.
CAP = 40
#: Rare words: how many are looked up, and how many names they may bring together.
RARE_TOKENS = 4
RARE_BUDGET = 2000
#: Names that one word may bring within a commune or department, and within a postcode.
PLACE_CAP = 160
POSTCODE_CAP = 1000
#: Pairs of one lead that survive the first, cheap ranking.
KEPT = 60
#: Letters that a misspelt name still shares with the right one: place → how many.
PREFIXES = {"postcode": 6, "department": 6, None: 8}
MAX_ACRONYM = 6
PLACES = ("postcode", "city", "department")
PAIR = ("lead", "variant", "name_id")
#: Establishments at one address above which it is a business centre and says nothing, and
#: names of each unit there that are compared.
NEIGHBOURS = 20
NAMES_THERE = 5


def with_tokens(queries: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Return ``lead``, ``variant``, ``token``, ``df``, ``idf``: one row per distinct word.

    A word the registry does not know weighs as much as its rarest word.
    """
    words = queries.select(
        "lead", "variant", pl.col("core").str.split(" ").list.unique().alias("token")
    ).explode("token")
    known = index.scan("tokens").join(words.lazy().select("token").unique(), on="token")
    return (
        words.join(known.collect(), on="token", how="left")
        .with_columns(pl.col("idf").fill_null(index.unseen_idf))
        .sort("lead", "variant", "token")
    )


def find(queries: pl.DataFrame, tokens: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Return the candidate pairs: ``lead``, ``variant``, ``name_id``, sorted, each once.

    Args:
        queries: one row per spelling: lead, variant, full, core, glued, acronym, postcode,
            city, department, address, domain, siren.
        tokens: what :func:`with_tokens` made of them.
        index: the registry.
    """
    sure = [
        _by_siren(queries, index),
        *(_by_key(queries, index, {key: key}) for key in ("full", "core", "glued")),
        _by_key(queries, index, {"domain": "glued"}),
        _by_key(_short(queries), index, {"full": "acronym"}),
        _by_key(queries.filter(pl.col("acronym").str.len_chars() >= 3), index, {"acronym": "full"}),
        *_by_beginning(queries, index),
        _by_address(queries, index),
    ]
    by_words = _by_words(queries, tokens, index)
    return pl.concat([*sure, by_words]).unique().sort(PAIR)


def _short(queries: pl.DataFrame) -> pl.DataFrame:
    return queries.filter(pl.col("full").str.contains(rf"^[A-Z0-9]{{2,{MAX_ACRONYM}}}$"))


def _by_siren(queries: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Return names of the unit whose SIREN the lead gives: the likeliest few words apart."""
    given = queries.lazy().filter(pl.col("siren").is_not_null()).select("lead", "variant", "siren")
    names = index.scan("names").select("siren", "name_id", "kind")
    return (
        given.join(names, on="siren")
        .sort("lead", "variant", "kind", "name_id")
        .group_by("lead", "variant", maintain_order=True)
        .head(CAP)
        .select(PAIR)
        .collect()
    )


def _by_key(queries: pl.DataFrame, index: Index, keys: dict[str, str]) -> pl.DataFrame:
    """Return the names equal to the lead on ``keys`` (lead column → index column)."""
    wanted = queries.filter(pl.all_horizontal(pl.col(key).is_not_null() for key in keys))
    wanted = wanted.select(
        "lead", "variant", *(pl.col(ours).alias(theirs) for ours, theirs in keys.items()), *PLACES
    )
    on = list(keys.values())
    bucket = (
        index.scan("names")
        .select("name_id", *on, *PLACES)
        .join(wanted.lazy().select(on).unique(), on=on, how="semi")
        .collect()
    )
    return _capped(wanted, bucket, on)


def _capped(wanted: pl.DataFrame, bucket: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """Join on ``on``; leads with too many names are joined again within their places.

    Args:
        wanted: lead, variant, the keys, the places.
        bucket: name_id, the keys, the places: all names that any lead may need.
        on: the keys.
    """
    sizes = bucket.group_by(on).agg(pl.len().alias("size"))
    sized = wanted.join(sizes, on=on)
    few = sized.filter(pl.col("size") <= CAP)
    many = sized.filter(pl.col("size") > CAP)
    found = [few.join(bucket.drop(PLACES), on=on).select(PAIR)]
    ranked = bucket.sort("name_id")
    for place in (None, *PLACES):
        keys = on if place is None else [*on, place]
        first = ranked.group_by(keys, maintain_order=True).agg(pl.col("name_id").head(CAP))
        found.append(many.join(first, on=keys).explode("name_id").select(PAIR))
    return pl.concat(found).unique()


def _by_beginning(queries: pl.DataFrame, index: Index) -> list[pl.DataFrame]:
    """Return names that begin alike, in the same place or anywhere, for typing errors."""
    pairs = []
    for place, letters in PREFIXES.items():
        beginning = pl.col("glued").str.slice(0, letters).alias("beginning")
        long_enough = pl.col("glued").str.len_chars() >= letters + 2
        keys = ["beginning"] if place is None else ["beginning", place]
        wanted = queries.lazy().filter(long_enough).select("lead", "variant", beginning, *PLACES)
        wanted = wanted.drop_nulls(keys)
        near = (
            index.scan("names")
            .filter(long_enough)
            .select("name_id", beginning, *PLACES)
            .join(wanted.select(keys).unique(), on=keys, how="semi")
            .select("name_id", *keys)
            .filter(pl.len().over(keys) <= CAP)
        )
        pairs.append(wanted.join(near, on=keys).select(PAIR).collect())
    return pairs


def _by_address(queries: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Return the chief names of the units at the lead's address, and those of the place itself."""
    wanted = queries.lazy().filter(pl.col("address").is_not_null())
    wanted = wanted.select("lead", "variant", "address")
    there = (
        index.scan("addresses")
        .join(wanted.select("address").unique(), on="address", how="semi")
        .filter(pl.len().over("address") <= NEIGHBOURS)
    )
    names = (
        index.scan("names")
        .select("siren", "kind", "name_id", pl.col("siret").alias("site"))
        .join(there, on="siren")
        .with_columns((pl.col("site") != pl.col("siret")).fill_null(True).alias("elsewhere"))
        .sort("address", "siret", "elsewhere", "kind", "name_id")
        .group_by("address", "siret", maintain_order=True)
        .head(NAMES_THERE)
    )
    return wanted.join(names, on="address").select(PAIR).unique().collect()


def _by_words(queries: pl.DataFrame, tokens: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Return the names that share rare words, or any word within the lead's own places."""
    rare = (
        tokens.lazy()
        .filter(pl.col("df").is_not_null())
        .sort("lead", "variant", "df", "token")
        .with_columns(
            pl.int_range(pl.len()).over("lead", "variant").alias("rank"),
            pl.col("df").cum_sum().over("lead", "variant").alias("spent"),
        )
        .filter((pl.col("rank") < RARE_TOKENS) & (pl.col("spent") <= RARE_BUDGET))
        .select("lead", "variant", "token")
    )
    postings = index.scan("postings").select("token", "name_id", "idf")
    everywhere = rare.join(postings, on="token").select(*PAIR, "idf")
    # A rare word was looked up in the whole country: the others are within a place.
    placed = (
        tokens.lazy()
        .filter(pl.col("df").is_not_null())
        .join(rare, on=["lead", "variant", "token"], how="anti")
        .join(queries.lazy().select("lead", "variant", *PLACES), on=["lead", "variant"])
    )
    near = [_within(placed, place, index) for place in PLACES]
    nearby = pl.concat(near).unique([*PAIR, "token"]).select(*PAIR, "idf")
    return _likeliest(pl.concat([everywhere, nearby]), tokens, index)


def _within(placed: pl.LazyFrame, place: str, index: Index) -> pl.LazyFrame:
    """Return the names that have a word and stand in the lead's place, unless too many do."""
    keys = ["token", place]
    there = (
        index.scan("postings")
        .select("name_id", *keys)
        .join(placed.select(keys).unique(), on=keys, how="semi")
        .filter(pl.len().over(keys) <= (PLACE_CAP if place != "postcode" else POSTCODE_CAP))
    )
    return placed.join(there, on=keys).select(*PAIR, "idf", "token")


def _likeliest(found: pl.LazyFrame, tokens: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Keep for each lead the names that share the largest part of both sides' weight."""
    asked = tokens.lazy().group_by("lead", "variant").agg(pl.col("idf").sum().alias("asked"))
    shared = found.group_by(PAIR).agg(pl.col("idf").sum().alias("shared"))
    weights = index.scan("names").select("name_id", "weight")
    overlap = pl.col("shared") / (pl.col("asked") + pl.col("weight") - pl.col("shared"))
    return (
        shared.join(asked, on=["lead", "variant"])
        .join(weights, on="name_id")
        .with_columns(overlap.round(9).alias("overlap"))
        .sort("lead", "variant", "overlap", "name_id", descending=[False, False, True, False])
        .group_by("lead", "variant", maintain_order=True)
        .head(KEPT)
        .select(PAIR)
        .collect()
    )
