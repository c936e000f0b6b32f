"""The names of an index: one table, its arrays and the keys under which names are found.

Belongs here: keying, sorting and counting names, and the multimaps of whole names. Does not
belong here: words (``index_words``), where units stand (``index_sites``).

A register has tens of millions of names. They are cut into buckets by the beginning of their
key while they are read; names that meet under one key are in one bucket, so that each bucket is
sorted, freed of repetitions and counted by itself, and memory is that of one bucket and of a
few numbers for each name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from leads import arrays
from leads.array_files import (
    ROWS,
    Growing,
    ascending,
    growing,
    growing_texts,
    keys_there,
    write,
    write_multimap,
)
from leads.arrays import U32, U64, Array, Bool
from leads.families import form_numbers
from leads.index_arrays import (
    BEGIN_FAR,
    BEGIN_NEAR,
    BUCKET,
    LEVELS,
    PLACES,
    figures,
    first_word,
    numbers,
)
from leads.index_tables import KINDS, MAX_NAME
from leads.index_words import WordsOfNames
from opendata import parquet
from sirene.names import with_name_keys

#: Rows of a bucket, about, and one in how many names tells where buckets begin.
ROWS_OF_BUCKET, SAMPLED = 1_000_000, 64
_NAME = ("siren", "siret", "kind", "name", "full", "core", "glued", "acronym", "legal_form")
_OF_KIND = {kind: rank for rank, kind in enumerate(KINDS)}
_HISTORICAL, _SIGN = _OF_KIND["historical"], _OF_KIND["enseigne"]
#: Arrays of codes of keys, read to tell whether two names have the same one.
_CODED = {"full": pl.col("full"), "core": pl.col("core"), "glued": pl.col("glued"),
          "acronym": pl.col("acronym"), "first": first_word("core"),
          "figures": figures("core")}  # fmt: skip
_LETTERS = pl.col("glued").str.len_chars()
#: Keys that multimaps are made of, held until all names are read.
_KEYS = {
    "glued": pl.col("glued"),
    "acronym": pl.col("acronym"),
    "far": pl.when(_LETTERS >= BEGIN_FAR + 2).then(pl.col("glued").str.slice(0, BEGIN_FAR)),
    "near": pl.when(_LETTERS >= BEGIN_NEAR + 2).then(pl.col("glued").str.slice(0, BEGIN_NEAR)),
}
_ARRAYS = {**dict.fromkeys(_CODED, np.uint32), "unit": np.uint32, "siret": np.uint64,
           "kind": np.uint8, "form": np.uint8, "place": np.uint32, "homonyms": np.uint32,
           "brands": np.uint32}  # fmt: skip


@dataclass
class _Held:
    """What is held of every name until the last is read."""

    keys: dict[str, list[U64]] = field(default_factory=lambda: {name: [] for name in _KEYS})
    unit: list[U32] = field(default_factory=list)
    kind: list[Array] = field(default_factory=list)
    place: list[U32] = field(default_factory=list)


def write_names(names: pl.LazyFrame, folder: Path, work: Path) -> tuple[int, dict[str, int]]:
    """Write the names with keys, places and counts of homonyms, their words and their keys.

    A name in parentheses becomes a row of its own. A sign repeated at each establishment
    stays: each one is somewhere else. ``name_id`` numbers the rows in the order of the key
    under which names meet. A name whose unit is not there is left out; one of no establishment
    is taken for the head office's.

    Args:
        names: ``siren``, ``siret``, ``kind``, ``name``.
        folder: of the index; units, establishments and places are there.
        work: folder for intermediate files.

    Returns:
        How many names there are; multimap → how many keys it has.
    """
    written: list[Path] = []
    held, total = _Held(), 0
    with ExitStack() as files, WordsOfNames(folder, work) as words:
        out = {
            name: files.enter_context(growing(folder, f"name.{name}", dtype))
            for name, dtype in _ARRAYS.items()
        }
        text = files.enter_context(growing_texts(folder, "name.text"))
        core = files.enter_context(growing_texts(folder, "name.core_text"))
        for bucket in _buckets(names, work):
            rows = _counted(_once(_placed(bucket, folder)))
            _add(rows, out, held)
            text.add(rows["name"])
            core.add(rows["core"])
            words.add(rows["core"])
            written.append(work / f"names-{len(written)}.parquet")
            _readable(rows, total).write_parquet(written[-1])
            total += rows.height
        parquet.sink(
            pl.concat([pl.scan_parquet(path, glob=False) for path in written]),
            folder / "names.parquet", point="index:table",
        )  # fmt: skip
    for path in written:
        path.unlink()
    unit, place = np.concatenate(held.unit), np.concatenate(held.place)
    _write_names_of_units(folder, unit, np.concatenate(held.kind))
    held.kind.clear()
    keys = _write_keys(folder, held.keys, place)
    return total, {**keys, **words.write(unit, place)}


def _keyed(names: pl.LazyFrame) -> pl.LazyFrame:
    rank = pl.col("kind").replace_strict(_OF_KIND, return_dtype=pl.UInt8)
    rows = names.with_columns(pl.col("name").str.slice(0, MAX_NAME), rank.alias("kind"))
    return rows.pipe(with_name_keys, "name").filter(pl.col("full").is_not_null())


def _with_second(rows: pl.DataFrame) -> pl.DataFrame:
    """Give what stands in parentheses a row of its own."""
    inner = rows.filter(pl.col("second").is_not_null())
    if inner.is_empty():
        return rows.select(_NAME)
    second = inner.select(
        "siren", "siret", pl.lit(_OF_KIND["second"], pl.UInt8).alias("kind"),
        pl.col("second").alias("name"),
    ).pipe(with_name_keys, "name")  # fmt: skip
    return pl.concat([rows.select(_NAME), second.select(_NAME)])


def _buckets(names: pl.LazyFrame, work: Path) -> Iterator[pl.DataFrame]:
    """Return all names, keyed, in buckets that follow one another in the order of the key.

    At least one bucket comes, so that an empty register has tables too.
    """
    bounds = _bounds(names)
    folder = work / "buckets"
    every = _keyed(names).select(*_NAME, "second")
    for number, batch in enumerate(every.collect_batches(chunk_size=ROWS, maintain_order=False)):
        rows = _with_second(batch)
        bucket = bounds.search_sorted(rows["core"], side="right")
        for (place,), part in rows.with_columns(bucket=bucket).partition_by(
            "bucket", as_dict=True, include_key=False
        ).items():  # fmt: skip
            path = folder / str(place) / f"{number}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_parquet(path, compression="lz4")
    empty = _keyed(names).select(_NAME).head(0).collect()
    for place in range(len(bounds) + 1):
        paths = sorted((folder / str(place)).glob("*.parquet"))
        yield pl.concat([empty, *(pl.read_parquet(path) for path in paths)])
        for path in paths:
            path.unlink()


def _bounds(names: pl.LazyFrame) -> pl.Series:
    """Return the keys with which buckets begin, but for the first."""
    some = names.filter(pl.col("name").hash() % SAMPLED == 0)
    cores = _keyed(some).select("core").collect(engine="streaming").to_series().sort()
    buckets = cores.len() * SAMPLED // ROWS_OF_BUCKET + 1
    at = [cores.len() * number // buckets for number in range(1, buckets)]
    return cores.gather(at).unique().sort()


def _once(rows: pl.DataFrame) -> pl.DataFrame:
    """Put names in order, each once for each establishment, as its chief kind."""
    return rows.sort("core", "siren", "kind", "siret_number", "full", "name").unique(
        ["siren", "siret_number", "full"], keep="first", maintain_order=True
    )


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    """Count the units that bear each key: now, ever, and as a sign."""
    core = rows["core"].rle_id().to_numpy().astype(np.int64)
    unit = rows.select(pl.struct("core", "siren").rle_id()).to_series().to_numpy()
    starts = np.flatnonzero(np.diff(unit.astype(np.int64), prepend=-1))
    if not len(starts):
        return rows.with_columns(pl.lit(0, pl.UInt32).alias(n) for n in ("homonyms", "brand_units"))
    kind = rows["kind"].to_numpy()
    now = np.maximum.reduceat(kind != _HISTORICAL, starts)
    sign = np.maximum.reduceat(kind == _SIGN, starts)
    bearers = np.bincount(core[starts], weights=now)[core]
    ever = np.bincount(core[starts])[core]
    brands = np.bincount(core[starts], weights=sign)[core]
    homonyms = np.where(kind == _HISTORICAL, ever, bearers)
    return rows.with_columns(
        pl.Series("homonyms", homonyms).cast(pl.UInt32),
        pl.Series("brand_units", brands).cast(pl.UInt32),
    )


def _placed(rows: pl.DataFrame, folder: Path) -> pl.DataFrame:
    """Add the number of each unit and place; a name of the whole unit is its head office's."""
    unit, known = arrays.positions(
        arrays.read(folder, "unit.siren"),
        rows.select(numbers("siren")).to_series().to_numpy().astype(np.uint32),
    )
    rows, unit = rows.filter(pl.Series(known)), unit[known]
    given = rows.select(numbers("siret")).to_series().to_numpy()
    seat = arrays.read(folder, "unit.hq")
    siret = np.where(given == 0, seat[unit], given) if len(unit) else given
    site, there = arrays.positions(arrays.read(folder, "site.siret"), siret)
    place = np.zeros(rows.height, np.uint32)
    place[there] = arrays.read(folder, "site.place")[site[there]]
    places = pl.read_parquet(folder / "places.parquet")
    at = pl.Series(place.astype(np.int64)) - 1
    where = [places[level].gather(at.set(at < 0, None)) for level in PLACES]
    return rows.with_columns(
        pl.Series("siret_number", siret, dtype=pl.UInt64),
        pl.Series("unit", unit, dtype=pl.UInt32),
        pl.Series("place", place, dtype=pl.UInt32),
        *where,
    )


def _add(rows: pl.DataFrame, out: dict[str, Growing], held: _Held) -> None:
    """Append the arrays of a bucket and hold what the keys need."""
    made = rows.select(**_CODED)
    values: dict[str, Array] = {name: arrays.codes(made[name]) for name in _CODED}
    values |= {
        "unit": rows["unit"].to_numpy(), "siret": rows["siret_number"].to_numpy(),
        "kind": rows["kind"].to_numpy(), "form": form_numbers(rows["legal_form"]),
        "place": rows["place"].to_numpy(), "homonyms": rows["homonyms"].to_numpy(),
        "brands": rows["brand_units"].to_numpy(),
    }  # fmt: skip
    for name, array in out.items():
        array.add(values[name])
    keys = rows.select(**_KEYS)
    for name, parts in held.keys.items():
        parts.append(arrays.text_keys(keys[name]))
    held.unit.append(values["unit"])
    held.kind.append(values["kind"])
    held.place.append(values["place"])


def _readable(rows: pl.DataFrame, first: int) -> pl.DataFrame:
    """Return the rows as the table of names has them."""
    siret = pl.when(pl.col("siret_number") > 0).then(
        pl.col("siret_number").cast(pl.String).str.zfill(14)
    )
    kind = pl.col("kind").cast(pl.Int64).replace_strict(
        dict(enumerate(KINDS)), return_dtype=pl.Enum(KINDS)
    )  # fmt: skip
    return rows.with_row_index("name_id", offset=first).select(
        "name_id", "siren", siret.alias("siret"), kind.alias("kind"), *_NAME[3:], *PLACES,
        "homonyms", "brand_units",
    )  # fmt: skip


def _write_names_of_units(folder: Path, unit: U32, kind: Array) -> None:
    """Write the names of each unit, the chief kind first: they are numbered by their key."""
    total = len(arrays.read(folder, "unit.siren"))
    counts = np.bincount(unit, minlength=total)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    write(folder, "unit.names.starts", starts.astype(np.uint32))
    order = ascending(
        (unit.astype(np.uint64) << np.uint64(32)) | (kind.astype(np.uint64) << np.uint64(29))
    )
    write(folder, "unit.names", order.astype(np.uint32))


def _write_keys(folder: Path, held: dict[str, list[U64]], place: U32) -> dict[str, int]:
    """Write the names by equal key, by initials and by how they begin."""
    counts = {}
    ids = np.arange(len(place), dtype=np.uint32)
    near = {level: arrays.read(folder, f"place.{level}") for level in PLACES}
    glued = np.concatenate(held.pop("glued"))
    counts["glued"] = write_multimap(folder, "glued", glued, ids)
    many = np.flatnonzero(_in_large_buckets(glued))
    for level in PLACES:
        keys = keys_there(glued[many], LEVELS[level], near[level], place[many])
        counts[f"glued_{level}"] = write_multimap(folder, f"glued.{level}", keys, ids[many])
    del glued, many
    acronym = np.concatenate(held.pop("acronym"))
    counts["acronym"] = write_multimap(folder, "acronym", acronym, ids, most=BUCKET)
    keys = keys_there(acronym, LEVELS["department"], near["department"], place)
    counts["acronym_near"] = write_multimap(folder, "acronym.near", keys, ids, most=BUCKET)
    del acronym, keys
    far = np.concatenate(held.pop("far"))
    counts["begin_far"] = write_multimap(folder, "begin.far", far, ids, most=BUCKET)
    del far
    begin = np.concatenate(held.pop("near"))
    for level in ("postcode", "department"):
        keys = keys_there(begin, LEVELS[level], near[level], place)
        counts[f"begin_{level}"] = write_multimap(folder, f"begin.{level}", keys, ids, most=BUCKET)
    return counts


def _in_large_buckets(keys: U64) -> Bool:
    """Tell which keys come more than :data:`BUCKET` times."""
    ordered = np.sort(keys)
    size = np.searchsorted(ordered, keys, "right") - np.searchsorted(ordered, keys, "left")
    return size > BUCKET
