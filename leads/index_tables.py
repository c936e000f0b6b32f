"""The tables of an index, written one after the other.

Belongs here: how each table is made from the ones before it. Does not belong here: what a
registry's columns are (``index``), looking leads up (``candidates``).

Each step reads files and streams into a file; sorts above a few million rows spill to disk.
What is held in memory at once is one hash table on narrow columns, never a whole table.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from opendata import parquet
from opendata.parquet import sink
from sirene.names import with_name_keys

#: Kinds of names, the most telling first; ties between names are broken in this order.
#: ``historical`` is a name that the unit or the establishment no longer bears.
KINDS = ("denomination", "denomination_usuelle", "sigle", "enseigne", "second", "historical")
#: Longer names are cut: no real one is, and an endless one must not cost endless time.
MAX_NAME = 300
PLACES = ("postcode", "city", "department")
_NAME = ("siren", "siret", "kind", "name", "full", "core", "glued", "acronym", "legal_form")
_OF_KIND = {kind: rank for rank, kind in enumerate(KINDS)}


def idf(df: pl.Expr, units: int) -> pl.Expr:
    """Return the weight of a word that ``df`` of ``units`` units have."""
    return (1.0 + units / df).log()


def table(frame: pl.LazyFrame, path: Path, sort_by: Sequence[str]) -> int:
    """Write a table of the index and return its number of rows."""
    return parquet.sink(frame, path, sort_by=sort_by, point="index:table").rows


def register(frame: pl.LazyFrame, path: Path, key: str) -> int:
    """Write a table whose ``key`` is unique; of rows that repeat it the lowest is kept.

    A register given in parts that overlap must not make two answers of one.
    """
    columns = frame.collect_schema().names()
    rows = table(frame, path, (key, *(name for name in columns if name != key)))
    written = pl.scan_parquet(path, glob=False)
    distinct = _first_of(written, (key,)).select(pl.len()).collect(engine="streaming").item()
    if distinct == rows:
        return rows
    return table(_first_of(written, (key,)), path, (key,))


def _staged(frame: pl.LazyFrame, path: Path, sort_by: Sequence[str]) -> pl.LazyFrame:
    parquet.sink(frame, path, sort_by=sort_by, point="index:stage")
    return pl.scan_parquet(path, glob=False)


def _first_of(rows: pl.LazyFrame, key: Sequence[str]) -> pl.LazyFrame:
    """Keep the first row of each key; ``rows`` are sorted by it, so that nothing is held."""
    again = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in key)
    # The first row has none before it: a null key there would look like a repetition.
    first = pl.int_range(pl.len()) == 0
    return rows.filter(first | ~again)


def write_names(names: pl.LazyFrame, establishments: Path, target: Path, work: Path) -> int:
    """Write the names with keys, places and counts of homonyms, but for their weights.

    A name in parentheses becomes a row of its own. A sign repeated at each establishment
    stays: each one is somewhere else. ``name_id`` numbers the rows in the order of the key
    under which names meet.

    Args:
        names: ``siren``, ``siret``, ``kind``, ``name``.
        establishments: that table of the index.
        target: where to.
        work: folder for intermediate files.
    """
    rank = pl.col("kind").replace_strict(_OF_KIND, return_dtype=pl.UInt8)
    rows = (
        names.with_columns(pl.col("name").str.slice(0, MAX_NAME), rank.alias("kind"))
        .pipe(with_name_keys, "name")
        .filter(pl.col("full").is_not_null())
        .select(*_NAME, "second")
    )
    keyed = work / "keyed.parquet"
    sink(rows, keyed, point="index:stage")
    once = pl.scan_parquet(keyed, glob=False)
    second = (
        once.filter(pl.col("second").is_not_null())
        .select(
            "siren",
            "siret",
            pl.lit(_OF_KIND["second"], pl.UInt8).alias("kind"),
            pl.col("second").alias("name"),
        )
        .pipe(with_name_keys, "name")
        .select(_NAME)
    )
    every = _staged(
        pl.concat([once.select(_NAME), second]),
        work / "every.parquet",
        ("siren", "siret", "full", "kind", "name"),
    )
    keyed.unlink()
    kept = _staged(
        _first_of(every, ("siren", "siret", "full")),
        work / "kept.parquet",
        ("core", "siren", "kind", "siret", "full"),
    )
    (work / "every.parquet").unlink()
    where = pl.scan_parquet(establishments, glob=False).select("siret", *PLACES)
    wanted = where.join(kept.select("siret"), on="siret", how="semi")
    rows = (
        pl.scan_parquet(work / "kept.parquet", glob=False, row_index_name="name_id")
        .join(_homonyms(kept), on="core", how="left", maintain_order="left")
        .join(wanted, on="siret", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("kind") == _OF_KIND["historical"])
            .then("bearers_ever")
            .otherwise("bearers")
            .alias("homonyms"),
            pl.col("kind").cast(pl.Int64).replace_strict(
                dict(enumerate(KINDS)), return_dtype=pl.Enum(KINDS)
            ),
        )
    )  # fmt: skip
    written = table(
        rows.select("name_id", *_NAME, *PLACES, "homonyms", "brand_units"), target, ("name_id",)
    )
    (work / "kept.parquet").unlink()
    return written


def _homonyms(names: pl.LazyFrame) -> pl.LazyFrame:
    """Count the units that bear each core: now, ever, and as a sign."""
    now = pl.col("kind") != _OF_KIND["historical"]
    per_unit = names.group_by("core", "siren").agg(
        now.any().alias("now"), (pl.col("kind") == _OF_KIND["enseigne"]).any().alias("sign")
    )
    return per_unit.group_by("core").agg(
        pl.col("now").sum().cast(pl.UInt32).alias("bearers"),
        pl.len().cast(pl.UInt32).alias("bearers_ever"),
        pl.col("sign").sum().cast(pl.UInt32).alias("brand_units"),
    )


def write_tokens(names: Path, units: int, target: Path) -> int:
    """Write how many units have each word of a core, and what it weighs."""
    words = pl.scan_parquet(names, glob=False).select(
        "siren", pl.col("core").str.split(" ").alias("token")
    )
    counted = (
        words.explode("token").unique().group_by("token").agg(pl.len().cast(pl.UInt32).alias("df"))
    )
    return table(
        counted.with_columns(idf(pl.col("df"), max(units, 1)).round(12).alias("idf")),
        target,
        ("token",),
    )
