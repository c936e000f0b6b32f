"""Which names of the registry a lead may mean.

Belongs here: the generators of candidate pairs, each a look-up of keys, and their caps. Does
not belong here: comparing the two sides of a pair (``features``), choosing (``verdicts``).

A key that brings too many names is asked again inside the lead's postcode, commune, then
department: ``MAIRIE`` alone names thousands of units, in one postcode a single one. What
is found is ranked by the weight of the words it shares, and cut.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from leads import arrays
from leads.arrays import F64, I64, U32, Array, runs
from leads.asked import Asked
from leads.index import Index
from leads.index_arrays import (
    BEGIN_FAR,
    BEGIN_NEAR,
    BUCKET,
    EVERYWHERE,
    LEVELS,
    NEIGHBOURS,
    PLACES,
    TYPO_LETTERS,
    without_a_letter,
)

__all__ = ["CAP", "KEPT", "MAX_ACRONYM", "NEIGHBOURS", "PAIR", "PLACES", "find", "pairs"]

PAIR = ("lead", "variant", "name_id")
#: Names one key may bring for one lead before a place is asked for.
CAP = BUCKET
#: Words of a spelling that are looked up, the rarest first, and names the rarest may bring.
RARE_WORDS = 5
RAREST = 2000
#: Names that a word one letter away, or two words written as one, may bring.
ALMOST = 60
#: Pairs of one spelling that are kept.
KEPT = 24
MAX_ACRONYM = 6
#: Names of each unit at an address that are compared.
NAMES_THERE = 5
#: Spellings looked up together: their numbers share 64 bits with those of names and weights.
TOGETHER = 1 << 15
_NAME_BITS, _WORTH_BITS, _UNIT_BITS = 27, 21, 26
_WORTH = float(1 << 18)
_LEAD, _NAME, _BOTH, _RAREST, _PLACE = 0.31, 0.16, 0.25, 0.17, 0.08
#: Names of one unit that are kept, and words of a long name that are weighed for it.
OF_A_UNIT = 2
_WORDS_SEEN = 12
#: What a way of finding a name is worth before its words are compared, in shares of overlap.
_SURE, _EXACT, _THERE, _INITIALS, _BEGINS, _MISSPELT, _NEAR = 3.0, 1.0, 0.5, 0.5, 0.2, 0.2, 0.0

Found = tuple[I64, U32, float]


def find(queries: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Return the candidate pairs: ``lead``, ``variant``, ``name_id``, sorted, each once.

    Args:
        queries: one row per spelling, as in ``leads.queries.Queries``.
        index: the registry.
    """
    rows, names = pairs(Asked(queries, index))
    found = queries.select("lead", "variant")[rows]
    return found.with_columns(pl.Series("name_id", names, dtype=pl.UInt32)).sort(PAIR)


def pairs(asked: Asked) -> tuple[I64, U32]:
    """Return the candidate pairs: row of ``asked``, name; each once, by row and name."""
    parts = []
    for start in range(0, len(asked), TOGETHER):
        some = Asked(asked.rows.slice(start, TOGETHER), asked.index)
        rows, names = _kept(some)
        parts.append((rows + start, names))
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.uint32)
    rows, names = (np.concatenate(side) for side in zip(*parts, strict=True))
    return rows, names


def found(asked: Asked) -> tuple[I64, U32, F64]:
    """Return all pairs that the generators find, before any is cut: row, name, promise."""
    sources = [*_by_keys(asked), *_by_words(asked)]
    rows, names = (np.concatenate([some[side] for some in sources]) for side in (0, 1))
    worth = np.repeat([some[2] for some in sources], [len(some[0]) for some in sources])
    rows, names, worth = _each_once(rows, names, worth)
    return rows, names, worth + _promise(asked, rows, names)


def _kept(asked: Asked) -> tuple[I64, U32]:
    """Find, weigh and cut the candidates of the spellings."""
    return _best(asked, *found(asked))


def _packed(rows: I64, middle: Array, low: Array, low_bits: int) -> arrays.U64:
    """Return rows and two numbers as one each, ascending: sorting one array is fast."""
    high: arrays.U64 = rows.astype(np.uint64) << np.uint64(_NAME_BITS + _WORTH_BITS)
    between: arrays.U64 = middle.astype(np.uint64) << np.uint64(low_bits)
    least: arrays.U64 = low.astype(np.uint64)
    packed = high | between | least
    packed.sort()
    return packed


def _each_once(rows: I64, names: U32, worth: F64) -> tuple[I64, U32, F64]:
    """Return each pair once, at what it is worth at most."""
    packed = _packed(rows, names, worth * _WORTH, _WORTH_BITS)
    pair = packed >> np.uint64(_WORTH_BITS)
    last = np.concatenate([pair[1:] != pair[:-1], np.ones(min(len(pair), 1), np.bool_)])
    pair, packed = pair[last], packed[last]
    return (
        (pair >> np.uint64(_NAME_BITS)).astype(np.int64),
        (pair & np.uint64((1 << _NAME_BITS) - 1)).astype(np.uint32),
        (packed & np.uint64((1 << _WORTH_BITS) - 1)).astype(np.float64) / _WORTH,
    )


def _promise(asked: Asked, rows: I64, names: U32) -> F64:
    """Return about how much of both names is shared and how rare it is, and places in common.

    Words are compared by one of 64 bits each: fast enough for every name found. The weights
    are those of the first stage, rounded, so that what it would rank high is not cut before.
    """
    index, words = asked.index, asked.words
    bits = index.array("name.bits")[names]
    counts = np.diff(words.starts)
    total = np.bincount(words.owner, weights=words.idf, minlength=len(asked))[rows]
    shared, rarest = np.zeros(len(rows)), np.zeros(len(rows))
    some = np.arange(len(rows))
    for place in range(min(int(counts.max(initial=0)), _WORDS_SEEN)):
        # Each word is one of fewer spellings than the one before it.
        some = some[counts[rows[some]] > place] if place else some
        word = words.starts[rows[some]] + place
        bit = words.key[word] & np.uint64(63)
        there = words.idf[word] * ((bits[some] >> bit) & np.uint64(1))
        shared[some] += there
        rarest[some] = np.maximum(rarest[some], there)
    weight = index.array("name.weight")[names]
    shared = np.minimum(shared, np.minimum(total, weight))
    near = places_shared(asked, rows, index.array("name.place")[names])
    promise = (
        _LEAD * shared / np.maximum(total, 1e-9)
        + _NAME * shared / np.maximum(weight, 1e-9)
        + _BOTH * shared / np.maximum(total + weight - shared, 1e-9)
        + _RAREST * rarest / index.unseen_idf
        + _PLACE * near
    )
    return np.asarray(promise)


def places_shared(asked: Asked, rows: I64, places: Array) -> I64:
    """Return how many levels of place each pair has in common."""
    shared = np.zeros(len(rows), np.int64)
    for level in PLACES:
        mine = asked.codes[level][rows]
        shared += (mine == asked.index.array(f"place.{level}")[places]) & (mine != 0)
    return shared


def _best(asked: Asked, rows: I64, names: U32, worth: F64) -> tuple[I64, U32]:
    """Keep the pairs of each spelling that are worth most; equal ones in index order."""
    most = (1 << _WORTH_BITS) - 1
    lack = most - np.clip(worth * _WORTH, 0, most).astype(np.uint64)
    packed = _packed(rows, lack, names, _NAME_BITS)
    name = (packed & np.uint64((1 << _NAME_BITS) - 1)).astype(np.uint32)
    row = (packed >> np.uint64(_NAME_BITS + _WORTH_BITS)).astype(np.int64)
    # Ordered by worth: of each unit the first few names stay, of each spelling the first many.
    unit = asked.index.array("name.unit")[name].astype(np.uint64)
    same = (row.astype(np.uint64) << np.uint64(_UNIT_BITS)) | unit
    order = arrays.order(same, _UNIT_BITS + TOGETHER.bit_length())
    grouped = same[order]
    nth = np.empty(len(same), np.int64)
    nth[order] = arrays.turns(grouped)
    row, name = row[nth < OF_A_UNIT], name[nth < OF_A_UNIT]
    first = arrays.turns(row) < KEPT
    pair = np.sort((row[first].astype(np.uint64) << np.uint64(32)) | name[first])
    return (pair >> np.uint64(32)).astype(np.int64), pair.astype(np.uint32)


def _by_keys(asked: Asked) -> Iterator[Found]:
    """Find names by equal keys, by initials, by how they begin and by address."""
    index = asked.index
    yield _of_given_unit(asked)
    glued = asked.key("glued")
    yield from _by_name(asked, glued, _EXACT)
    yield from _by_name(asked, asked.key("domain"), _EXACT)
    full = asked.rows["full"]
    short = asked.key("full") * full.str.contains(rf"^[A-Z0-9]{{2,{MAX_ACRONYM}}}$").to_numpy()
    yield *index.multimap("acronym").find(short, most=CAP), _INITIALS
    near = arrays.mixed(short, np.full(1, LEVELS["department"]), asked.codes["department"])
    yield *index.multimap("acronym.near").find(near, most=CAP), _INITIALS
    initials = (
        asked.key("acronym") * (asked.rows["acronym"].str.len_chars().fill_null(0) >= 3).to_numpy()
    )
    yield *index.multimap("glued").find(initials, most=CAP), _INITIALS
    letters = asked.rows["glued"].str.len_chars().fill_null(0).to_numpy()
    far = arrays.text_keys(asked.rows["glued"].str.slice(0, BEGIN_FAR)) * (letters >= BEGIN_FAR + 2)
    yield *index.multimap("begin.far").find(far, most=CAP), _BEGINS
    close = arrays.text_keys(asked.rows["glued"].str.slice(0, BEGIN_NEAR))
    close = close * (letters >= BEGIN_NEAR + 2)
    for level in ("postcode", "department"):
        near = arrays.mixed(close, np.full(1, LEVELS[level]), asked.codes[level])
        yield *index.multimap(f"begin.{level}").find(near, most=CAP), _BEGINS
    for column in ("address", "address_city"):
        yield _by_address(asked, column)


def _of_given_unit(asked: Asked) -> Found:
    """Return names of the unit whose SIREN the lead gives, the chief ones first."""
    row, known = arrays.positions(asked.index.array("unit.siren"), asked.sirens.astype(np.uint32))
    known &= asked.sirens != 0
    rows, names = _names_of(asked.index, row[known], CAP)
    return np.flatnonzero(known)[rows], names, _SURE


def _names_of(index: Index, units: Array, most: int) -> tuple[I64, U32]:
    """Return position in ``units``, name: the first few names of each unit."""
    starts = index.array("unit.names.starts")
    begin = starts[units]
    size = np.minimum(starts[units.astype(np.int64) + 1] - begin, most)
    return np.repeat(np.arange(len(units)), size), index.array("unit.names")[runs(begin, size)]


def _by_name(asked: Asked, keys: arrays.U64, worth: float) -> Iterator[Found]:
    """Return names with an equal key; of many, the first ones and those in the lead's places."""
    everywhere = asked.index.multimap("glued")
    yield *everywhere.find(keys, most=CAP, cut=True), worth
    many = np.where(everywhere.sizes(keys) > CAP, keys, np.uint64(0))
    for level in PLACES:
        near = arrays.mixed(many, np.full(1, LEVELS[level]), asked.codes[level])
        bonus = 0.3 - 0.1 * LEVELS[level]
        found = asked.index.multimap(f"glued.{level}").find(near, most=CAP, cut=True)
        yield *found, worth + bonus


def _by_address(asked: Asked, column: str) -> Found:
    """Return the chief names of the units at the lead's address."""
    index = asked.index
    rows, sites = index.multimap("address").find(asked.key(column), most=NEIGHBOURS)
    sirens = index.array("site.siret")[sites] // np.uint64(100_000)
    unit, known = arrays.positions(index.array("unit.siren"), sirens.astype(np.uint32))
    at, names = _names_of(index, unit[known], NAMES_THERE)
    return rows[known][at], names, _THERE


def _by_words(asked: Asked) -> list[Found]:
    """Return names that share a rare word with the lead, or any word within its places."""
    index, words = asked.index, asked.words
    starts = index.array("word.names.starts")
    known = np.flatnonzero(words.number >= 0)
    size = np.zeros(len(words.number), np.int64)
    size[known] = starts[words.number[known] + 1] - starts[words.number[known]]
    order = np.lexsort((words.key, np.where(size == 0, np.iinfo(np.int64).max, size), words.owner))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - words.starts[words.owner[order]]
    rare = (size > 0) & (rank < RARE_WORDS)
    rare &= (size <= EVERYWHERE) | ((rank == 0) & (size <= RAREST))
    word, names = _posted(index, np.flatnonzero(rare), words.number[rare])
    found: list[Found] = [(words.owner[word], names, 0.0)]
    for level in PLACES:
        places = asked.codes[level][words.owner]
        near = arrays.mixed(words.key, np.full(1, LEVELS[level]), places)
        word, names = index.multimap(f"word.{level}").find(near, most=RAREST, but=rare)
        found.append((words.owner[word], names, _NEAR))
    return [*found, _almost(asked)]


def _posted(index: Index, word: I64, number: I64) -> tuple[I64, U32]:
    """Return word, name: the names that have each word."""
    starts = index.array("word.names.starts")
    begin, size = starts[number], starts[number + 1] - starts[number]
    return np.repeat(word, size), index.array("word.names")[runs(begin, size)]


def _almost(asked: Asked) -> Found:
    """Return what words one letter away and two words written as one find."""
    index, words = asked.index, asked.words
    starts = index.array("word.names.starts")
    letters = words.text.str.len_chars().to_numpy() >= TYPO_LETTERS - 1
    figures = words.text.str.contains("^[0-9]+$").to_numpy()
    rarely = np.flatnonzero((words.df <= ALMOST) & letters & ~figures)
    row, keys = without_a_letter(words.text.gather(rarely))
    at, other = index.multimap("typo").find(keys, most=16)
    word = rarely[row[at]]
    alike = np.unique(np.stack([word, other.astype(np.int64)], 1), axis=0)
    alike = alike[words.number[alike[:, 0]] != alike[:, 1]]
    # Two words written as one.
    follows = np.flatnonzero(words.owner[1:] == words.owner[:-1])
    joined = arrays.text_keys(words.text.gather(follows) + words.text.gather(follows + 1))
    number, known = arrays.positions(index.array("word.key"), joined)
    both = np.concatenate([alike, np.stack([follows[known], number[known]], 1)])
    few = starts[both[:, 1] + 1] - starts[both[:, 1]] <= ALMOST
    word, names = _posted(index, both[few, 0], both[few, 1])
    return words.owner[word], names, _MISSPELT
