"""The arrays of an index: its tables as matching reads them.

Belongs here: which arrays there are, and making them from the tables. Does not belong here:
how an array lies on disk (``arrays``), the tables (``index_tables``), looking leads up
(``candidates``).

Names are numbered by ``name_id``, units in the order of their SIREN, words in the order of
their hash, establishments in the order of their SIRET. ``x.starts`` and ``x`` hold lists:
those of row ``i`` are ``x[starts[i]:starts[i + 1]]``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from leads import arrays
from leads.arrays import U32, U64, Array, Bool, mixed, write, write_multimap, write_texts
from leads.families import category_families, form_numbers
from leads.words import PASSED_OVER, keys_of

PLACES = ("postcode", "city", "department")
#: Number of each level of place in the keys that hold one.
LEVELS = {level: number for number, level in enumerate(PLACES, start=1)}
DIFFUSION = ("O", "P", "N")
#: A word with more names than this is looked up within a place only.
EVERYWHERE = 250
#: Names that a key may have before they are also kept by place, and most of them by place.
BUCKET = 40
#: Letters that a misspelt name still shares with the right one, within a department or not.
BEGIN_NEAR, BEGIN_FAR = 6, 8
#: Words long and rare enough to be looked up with a letter missing.
TYPO_LETTERS, TYPO_BEARERS = 5, 1000
#: Names written at once: what bounds memory.
_CHUNK = 2_000_000
#: Units at one address above which it is a business centre and says nothing.
NEIGHBOURS = 20


def write_arrays(folder: Path, addresses: pl.LazyFrame) -> dict[str, int]:
    """Write the arrays of the index in ``folder``, whose tables are there.

    Args:
        folder: of the index.
        addresses: ``address``, ``siret``.

    Returns:
        Multimap → how many keys it has.
    """
    sirens = _write_units(folder)
    sites = _write_establishments(folder, addresses)
    _write_links(folder)
    _write_names(folder, sirens)
    return {**sites, **_write_keys(folder), **_write_words(folder)}


def _table(folder: Path, name: str) -> pl.LazyFrame:
    return pl.scan_parquet(folder / f"{name}.parquet", glob=False)


def numbers(column: str) -> pl.Expr:
    """Return a SIREN or SIRET as a number, 0 for none: both begin with zeros at times."""
    return pl.col(column).cast(pl.UInt64, strict=False).fill_null(0)


def _write_units(folder: Path) -> U64:
    rows = _table(folder, "units").select(
        numbers("siren"), numbers("hq"), "category", "statut_diffusion",
        pl.col("active").fill_null(False), pl.col("personne_morale").fill_null(False),
    ).collect()  # fmt: skip
    sirens: U64 = rows["siren"].to_numpy()
    write(folder, "unit.siren", sirens.astype(np.uint32))
    write(folder, "unit.hq", rows["hq"].to_numpy())
    write(folder, "unit.family", category_families(rows["category"]))
    status = rows["statut_diffusion"].replace_strict(
        list(DIFFUSION), range(len(DIFFUSION)), default=0, return_dtype=pl.UInt8
    )
    write(folder, "unit.status", status.to_numpy())
    write(folder, "unit.active", rows["active"].to_numpy())
    write(folder, "unit.moral", rows["personne_morale"].to_numpy())
    names = _table(folder, "units").select("name").collect()["name"]
    write_texts(folder, "unit.name", [names])
    return sirens


def place_key(sirens: Array, level: int, values: U32) -> U64:
    """Return the key of a unit in a place."""
    return mixed(sirens, np.full(1, level), values)


def _write_establishments(folder: Path, addresses: pl.LazyFrame) -> dict[str, int]:
    """Write where establishments are, and for each unit and place the best of those there."""
    rows = _table(folder, "establishments").select(
        numbers("siret"), numbers("siren"), pl.col("active").fill_null(False),
        pl.col("hq").fill_null(False), *PLACES,
    ).collect()  # fmt: skip
    sirets, sirens = rows["siret"].to_numpy(), rows["siren"].to_numpy()
    active, branch = rows["active"].to_numpy(), ~rows["hq"].to_numpy()
    write(folder, "site.siret", sirets)
    write(folder, "site.active", active)
    seat = pl.concat_str("city", pl.format(" ({})", "department"), ignore_nulls=True)
    seats = rows.select(seat.replace("", None).alias("seat"))
    distinct = seats.unique().drop_nulls().sort("seat").with_row_index("number", offset=1)
    written = seats.join(distinct, on="seat", how="left", maintain_order="left")["number"]
    write(folder, "site.seat", written.fill_null(0).to_numpy())
    write_texts(folder, "seat", [pl.Series([""]), distinct["seat"]])
    codes = {level: arrays.codes(rows[level]) for level in PLACES}
    del rows, seats, written
    units = arrays.read(folder, "unit.siren").astype(np.uint64)
    row, known = arrays.positions(units, sirens)
    write(folder, "unit.sites", np.bincount(row[known], minlength=len(units)).astype(np.uint32))
    levels = np.zeros(len(units), np.uint8)
    for level, code in codes.items():
        np.bitwise_or.at(levels, row[known & (code != 0)], np.uint8(1 << LEVELS[level]))
    write(folder, "unit.levels", levels)
    # Open before closed, head office before branch, then the lowest number.
    order = np.lexsort((np.arange(len(sirets)), branch, ~active)).astype(np.uint32)
    counts = {"places": _write_places(folder, sirens, codes, order)}
    where = addresses.select("address", numbers("siret")).collect()
    at, found = arrays.positions(sirets, where["siret"].to_numpy())
    keys = arrays.text_keys(where["address"])
    keys[~found] = 0
    counts["addresses"] = write_multimap(
        folder, "address", keys, at.astype(np.uint32), most=2 * NEIGHBOURS
    )
    return counts


def _write_places(folder: Path, sirens: U64, codes: dict[str, U32], order: U32) -> int:
    sites = order.astype(np.uint32)
    keys = [place_key(sirens[order], LEVELS[level], codes[level][order]) for level in PLACES]
    rows = (
        pl.LazyFrame({"key": np.concatenate(keys), "site": np.tile(sites, len(PLACES))})
        .with_row_index("order")
        .filter(pl.col("key") != 0)
        .sort("key", "order")
        .filter((pl.col("key") != pl.col("key").shift(1)).fill_null(True))
        .collect()
    )
    write(folder, "place.key", rows["key"].to_numpy())
    write(folder, "place.site", rows["site"].to_numpy())
    return rows.height


def _write_links(folder: Path) -> None:
    links = _table(folder, "successions").select(numbers("siret"), numbers("successor")).collect()
    write(folder, "link.siret", links["siret"].to_numpy())
    write(folder, "link.successor", links["successor"].to_numpy())


def _parts(folder: Path, *columns: str | pl.Expr) -> Iterator[pl.DataFrame]:
    """Return columns of the names in parts of bounded size, in order."""
    names = _table(folder, "names")
    total = int(names.select(pl.len()).collect().item())
    for start in range(0, total, _CHUNK):
        yield names.slice(start, _CHUNK).select(*columns).collect()


def first_word(column: str) -> pl.Expr:
    """Return the first word of a key."""
    return pl.col(column).str.extract(r"^(\S+)")


def figures(column: str) -> pl.Expr:
    """Return the numbers in a key, in order; null if there are none."""
    found = pl.col(column).str.extract_all(r"\d+").list.sort().list.join(" ")
    return pl.when(found != "").then(found)


_CODED = {"full": pl.col("full"), "core": pl.col("core"), "glued": pl.col("glued"),
          "acronym": pl.col("acronym"), "first": first_word("core"), "figures": figures("core"),
          **{level: pl.col(level) for level in PLACES}}  # fmt: skip


def _write_names(folder: Path, sirens: U64) -> None:
    columns: dict[str, list[Array]] = {}
    for part in _parts(
        folder, numbers("siren").alias("unit_siren"), numbers("siret").alias("site"), "kind",
        "legal_form", "homonyms", "brand_units",
        *(expression.alias(name) for name, expression in _CODED.items()),
    ):  # fmt: skip
        made: dict[str, Array] = {name: arrays.codes(part[name]) for name in _CODED}
        made["unit"] = arrays.positions(sirens, part["unit_siren"].to_numpy())[0].astype(np.uint32)
        made["siret"] = part["site"].to_numpy()
        made["kind"] = part["kind"].to_physical().to_numpy().astype(np.uint8)
        made["form"] = form_numbers(part["legal_form"])
        made["homonyms"] = part["homonyms"].to_numpy()
        made["brands"] = part["brand_units"].to_numpy()
        for name, values in made.items():
            columns.setdefault(name, []).append(values)
    for name in [*_CODED, "unit", "siret", "kind", "form", "homonyms", "brands"]:
        whole = np.concatenate(columns.pop(name, [np.zeros(0, np.uint32)]))
        write(folder, f"name.{name}", whole)
        if name == "unit":
            _write_names_of_units(folder, whole, len(sirens))
    write_texts(folder, "name.text", (part["name"] for part in _parts(folder, "name")))
    write_texts(folder, "name.core_text", (part["core"] for part in _parts(folder, "core")))


def _write_names_of_units(folder: Path, units: U32, total: int) -> None:
    rows = pl.DataFrame({"unit": units}).with_row_index("name")
    # Names are numbered by their key, so that the chief kind must come first.
    kind: Array = np.concatenate([
        part["kind"].to_physical().to_numpy() for part in _parts(folder, "kind")
    ] or [np.zeros(0, np.uint32)])  # fmt: skip
    ordered = rows.with_columns(pl.Series("kind", kind)).sort("unit", "kind", "name")
    counts = np.bincount(units, minlength=total)
    write(folder, "unit.names.starts", np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
    write(folder, "unit.names", ordered["name"].to_numpy())


def _write_keys(folder: Path) -> dict[str, int]:
    """Write the names by equal key, and by how they begin."""
    counts = {}
    codes = {level: arrays.read(folder, f"name.{level}") for level in PLACES}
    glued = _keys_of(folder, pl.col("glued"))
    ids = np.arange(len(glued), dtype=np.uint32)
    counts["glued"] = write_multimap(folder, "glued", glued, ids)
    many = _in_large_buckets(glued)
    for level in PLACES:
        near = mixed(glued[many], np.full(1, LEVELS[level]), codes[level][many])
        counts[f"glued_{level}"] = write_multimap(folder, f"glued.{level}", near, ids[many])
    del glued
    acronyms = _keys_of(folder, pl.col("acronym"))
    counts["acronym"] = write_multimap(folder, "acronym", acronyms, ids, most=BUCKET)
    near = mixed(acronyms, codes["department"])
    counts["acronym_near"] = write_multimap(folder, "acronym.near", near, ids, most=BUCKET)
    del acronyms, near
    letters = pl.col("glued").str.len_chars()
    far = pl.when(letters >= BEGIN_FAR + 2).then(pl.col("glued").str.slice(0, BEGIN_FAR))
    counts["begin_far"] = write_multimap(
        folder, "begin.far", _keys_of(folder, far), ids, most=BUCKET
    )
    close = pl.when(letters >= BEGIN_NEAR + 2).then(pl.col("glued").str.slice(0, BEGIN_NEAR))
    begin = _keys_of(folder, close)
    for level in ("postcode", "department"):
        near = mixed(begin, np.full(1, LEVELS[level]), codes[level])
        counts[f"begin_{level}"] = write_multimap(folder, f"begin.{level}", near, ids, most=BUCKET)
    return counts


def _keys_of(folder: Path, text: pl.Expr) -> U64:
    parts = [arrays.text_keys(part["t"]) for part in _parts(folder, text.alias("t"))]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def _in_large_buckets(keys: U64) -> Bool:
    """Tell which keys come more than :data:`BUCKET` times."""
    ordered = np.sort(keys)
    size = np.searchsorted(ordered, keys, "right") - np.searchsorted(ordered, keys, "left")
    return size > BUCKET


def _write_words(folder: Path) -> dict[str, int]:
    """Write the words, the names that have them, and the words of each name."""
    known = _table(folder, "tokens").collect()
    keys = arrays.text_keys(known["token"])
    order = np.argsort(keys)
    keys = keys[order]
    write(folder, "word.key", keys)
    write(folder, "word.df", known["df"].to_numpy()[order])
    idf = known["idf"].to_numpy()[order]
    write(folder, "word.idf", idf)
    texts = known["token"].gather(order)
    write_texts(folder, "word.text", [texts])
    write(folder, "word.initials", arrays.codes(texts.str.slice(0, 2)))
    letter, letters = arrays.letter_codes(texts)
    letter[np.isin(keys, keys_of(PASSED_OVER))] = 0
    write(folder, "word.letter", letter)
    write(folder, "word.letters", letters)
    sizes: list[Array] = []
    words: list[Array] = []
    for part in _parts(folder, "core"):
        lists = part.select(pl.col("core").str.split(" ").list.unique(maintain_order=True))
        sizes.append(lists["core"].list.len().to_numpy().astype(np.int64))
        words.append(
            arrays.positions(keys, arrays.text_keys(lists["core"].list.explode()))[0]
            .astype(np.uint32)
        )  # fmt: skip
    counts = np.concatenate(sizes) if sizes else np.zeros(0, np.int64)
    flat = np.concatenate(words) if words else np.zeros(0, np.uint32)
    del words
    write(folder, "name.words.starts", np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
    write(folder, "name.words", flat)
    # Rounded: another order of summation must give the same file.
    weights = np.bincount(
        np.repeat(np.arange(len(counts)), counts), weights=idf[flat], minlength=len(counts)
    )
    write(folder, "name.weight", weights.round(5).astype(np.float32))
    # Which of 64 bits the words of a name set: tells at once which words it may share.
    bits = np.left_shift(np.uint64(1), keys & np.uint64(63))[flat]
    begin = np.cumsum(counts) - counts
    write(
        folder,
        "name.bits",
        np.bitwise_or.reduceat(bits, begin) if len(begin) else np.zeros(0, np.uint64),
    )
    del bits
    owners = np.repeat(np.arange(len(counts), dtype=np.uint32), counts)
    per_word = np.bincount(flat, minlength=len(keys))
    write(folder, "word.names.starts", np.concatenate([[0], np.cumsum(per_word)]).astype(np.int64))
    by_word = pl.DataFrame({"word": flat, "name": owners}).sort("word", "name")
    write(folder, "word.names", by_word["name"].to_numpy())
    del by_word
    frequent = per_word[flat] > EVERYWHERE
    flat, owners = flat[frequent], owners[frequent]
    found = {}
    for level in PLACES:
        near = mixed(
            keys[flat], np.full(1, LEVELS[level]), arrays.read(folder, f"name.{level}")[owners]
        )
        found[f"word_{level}"] = write_multimap(
            folder, f"word.{level}", near, owners, most=1000 if level == "postcode" else 160
        )
    return {**found, "typos": _write_typos(folder, texts, known["df"].gather(order))}


def without_a_letter(texts: pl.Series) -> tuple[Array, U64]:
    """Return the hash of each text with one letter missing, and of the whole text.

    Two words that differ by one letter, missing, added, changed or swapped with the next,
    have a hash in common (Garbe, SymSpell).

    Returns:
        Row of ``texts``, hash.
    """
    rows = pl.DataFrame({"text": texts, "length": texts.str.len_chars()}).with_row_index("row")
    parts = [rows.select("row", "text")]
    for place in range(int(rows["length"].max() or 0)):  # type: ignore[arg-type]
        longer = rows.filter(pl.col("length") > place)
        cut = pl.col("text").str.slice(0, place) + pl.col("text").str.slice(place + 1)
        parts.append(longer.select("row", cut.alias("text")))
    every = pl.concat(parts)
    return every["row"].to_numpy(), arrays.text_keys(every["text"])


def _write_typos(folder: Path, texts: pl.Series, bearers: pl.Series) -> int:
    """Write the words by each of their forms that lacks a letter."""
    letters = texts.str.len_chars()
    wanted = (letters.is_between(TYPO_LETTERS, 20) & (bearers <= TYPO_BEARERS)
              & ~texts.str.contains(r"^[0-9]+$"))  # fmt: skip
    numbers_of = np.flatnonzero(wanted.to_numpy()).astype(np.uint32)
    row, keys = without_a_letter(texts.filter(wanted))
    return write_multimap(folder, "typo", keys, numbers_of[row], most=16)
