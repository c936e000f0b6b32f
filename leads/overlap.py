"""Which words of a lead's name and of a registered name are the same, and what they weigh.

Belongs here: aligning the words of many pairs at once, equal ones first, then ones spelt
alike or cut short. Does not belong here: other evidence (``features``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from rapidfuzz.distance import JaroWinkler
from rapidfuzz.process import cpdist

from leads import arrays
from leads.arrays import F64, I64, U32, Array, Bool, runs
from leads.asked import Asked

#: Jaro-Winkler similarity from which two words are taken for one misspelt, and letters that a
#: word cut short must still have: INSEE's names of old end after 38 characters.
ALIKE = 0.9
CUT_LETTERS = 3
#: Part of a word's weight that counts when it is met cut short.
CUT_SHORT = 0.8
#: Letters of the longest word taken for initials, and part of the weight of words so met.
INITIALS = 6
SPELT_OUT, SPELT_OUT_BY_TWO = 0.8, 0.5
_LETTER_BITS, _CODE_BITS = 5, 30


@dataclass(frozen=True)
class Aligned:
    """Words of pairs, and which of them meet.

    One entry per pair and word of one side; ``mine`` are the lead's, ``theirs`` the registry's.

    Attributes:
        pair, word, weight: of each entry; words as numbered in ``Asked.words`` (mine) and in
            the index (theirs).
        met: how far the word is met on the other side: 1 equal, less if spelt alike, 0 not.
        local: whether it is a word of the lead's commune.
        letter: number of its first letter, marked ``PASSED`` where initials pass over it.
        letters: the word as a number if it is made of two to six letters, else 0.
        spelt_out: whether it is met by initials, as ``BFC`` by ``BOURGOGNE FRANCHE COMTE``.
    """

    pair: I64
    word: I64
    weight: F64
    met: F64
    local: Bool
    letter: Array
    letters: Array
    spelt_out: Bool


def align(asked: Asked, rows: I64, names: U32) -> tuple[Aligned, Aligned]:
    """Align the words of pairs.

    Args:
        asked: the spellings.
        rows: spelling of each pair.
        names: name of each pair.

    Returns:
        The lead's words, the registry's words.
    """
    words, index = asked.words, asked.index
    count = np.diff(words.starts)[rows]
    offset = np.cumsum(count) - count
    my_pair = np.repeat(np.arange(len(rows)), count)
    my_word = runs(words.starts[rows], count)
    begins = index.array("name.words.starts")
    size = begins[names.astype(np.int64) + 1] - begins[names]
    pair = np.repeat(np.arange(len(rows)), size)
    word = index.array("name.words")[runs(begins[names], size)].astype(np.int64)
    known = words.number >= 0
    mine = _joint(words.owner, words.number)[known]
    order = np.argsort(mine)
    place, equal = arrays.positions(mine[order], _joint(rows[pair], word))
    met = np.zeros(len(my_pair))
    if len(order):
        entry = np.flatnonzero(known)[order[place[equal]]]
        owner = pair[equal]
        met[offset[owner] + entry - words.starts[rows[owner]]] = 1.0
    their_met = equal.astype(np.float64)
    keys = arrays.mixed(rows[pair] + 1, index.array("word.key")[word])
    local = np.isin(keys, asked.city_words)
    ours = Aligned(
        my_pair, my_word, words.idf[my_word], met, words.of_place[my_word],
        words.letter[my_word], words.letters[my_word], np.zeros(len(my_pair), np.bool_),
    )  # fmt: skip
    theirs = Aligned(
        pair, word, index.array("word.idf")[word], their_met, local,
        index.array("word.letter")[word], index.array("word.letters")[word],
        np.zeros(len(pair), np.bool_),
    )  # fmt: skip
    _meet_initials(ours, theirs, len(rows))
    _meet_initials(theirs, ours, len(rows))
    _meet_alike(asked, ours, theirs)
    return ours, theirs


def _joint(high: Array, low: Array) -> I64:
    return (high.astype(np.int64) << 32) | low.astype(np.int64)


def _meet_initials(short: Aligned, long: Aligned, pairs: int) -> None:
    """Let a short word meet words that follow one another and begin with its letters."""
    for wordy in (False, True):
        # BFC passes over nothing that counts, IDF and HDF take the D of DE.
        counted = (long.letter > 0) & (wordy | (long.letter < arrays.PASSED))
        _meet_letters(short, long, pairs, counted)


def _meet_letters(short: Aligned, long: Aligned, pairs: int, counted: Bool) -> None:
    """Do so where the words of ``long`` that count each give a letter."""
    wanted = np.flatnonzero((short.met == 0) & (short.letters > 0))
    has = np.zeros(pairs, np.bool_)
    has[short.pair[wanted]] = True
    entries = np.flatnonzero((long.met == 0) & counted & has[long.pair])
    pair = long.pair[entries]
    letter = (long.letter[entries] & np.uint8(arrays.PASSED - 1)).astype(np.int64)
    code = letter.copy()
    sought = (short.pair[wanted] << _CODE_BITS) | short.letters[wanted].astype(np.int64)
    order = np.argsort(sought, kind="stable")
    sought = sought[order]
    for length in range(2, INITIALS + 1):
        last = len(entries) - length + 1
        if last <= 0:
            return
        code = code[:last] | (letter[length - 1 :] << (_LETTER_BITS * (length - 1)))
        whole = pair[:last] == pair[length - 1 :]
        place, found = arrays.positions(sought, (pair[:last] << _CODE_BITS) | code)
        begin = np.flatnonzero(found & whole)
        met = SPELT_OUT if length > 2 else SPELT_OUT_BY_TWO
        one = wanted[order[place[begin]]]
        many = entries[runs(begin, np.full(len(begin), length))]
        for side, which in ((short, one), (long, many)):
            np.maximum.at(side.met, which, met)
            side.spelt_out[which] = True


def _meet_alike(asked: Asked, ours: Aligned, theirs: Aligned) -> None:
    """Let words that meet no equal meet the likest word of the other side, in place."""
    index, words = asked.index, asked.words
    mine = np.flatnonzero(ours.met == 0)
    other = np.flatnonzero(theirs.met == 0)
    initials = arrays.codes(words.text.str.slice(0, 2))
    their_initials = index.array("word.initials")
    left = _joint(ours.pair[mine], initials[ours.word[mine]])
    right = _joint(theirs.pair[other], their_initials[theirs.word[other]])
    order = np.argsort(right, kind="stable")
    right = right[order]
    begin = np.searchsorted(right, left, "left")
    size = np.searchsorted(right, left, "right") - begin
    one = np.repeat(mine, size)
    two = other[order[runs(begin, size)]]
    if not len(one):
        return
    mine_and_theirs = _joint(ours.word[one], theirs.word[two]).astype(np.uint64)
    joint, which = arrays.distinct(mine_and_theirs, 32 + len(words.key).bit_length())
    both = joint.astype(np.int64)
    likeness = _likeness(
        words.text.gather(both >> 32), index.texts("word.text").of(both & 0xFFFFFFFF)
    )[which]
    close = likeness > 0
    np.maximum.at(ours.met, one[close], likeness[close])
    np.maximum.at(theirs.met, two[close], likeness[close])


def _likeness(mine: pl.Series, theirs: list[str]) -> F64:
    """Return how far two words are one: spelt alike, or one the beginning of the other."""
    similarity = cpdist(mine.to_list(), theirs, scorer=JaroWinkler.similarity, score_cutoff=ALIKE)
    table = pl.DataFrame({"a": mine, "b": theirs, "alike": np.asarray(similarity, np.float64)})
    a, b = pl.col("a"), pl.col("b")
    long_enough = pl.min_horizontal(a.str.len_chars(), b.str.len_chars()) >= CUT_LETTERS
    cut = (a.str.starts_with(b) | b.str.starts_with(a)) & long_enough
    # Numbers are identity: 7 is not cut short of 72, nor misspelt for 8.
    figures = a.str.contains(r"\d") | b.str.contains(r"\d")
    found = table.select(
        pl.when(figures).then(0.0).when(cut).then(CUT_SHORT).otherwise("alike").fill_null(0.0)
    )
    return found.to_series().to_numpy()


def total(side: Aligned, pairs: int, values: Array | None = None) -> F64:
    """Return the sum over each pair's words of ``values``, by default of what they weigh."""
    weights = side.weight if values is None else values
    return np.bincount(side.pair, weights=weights, minlength=pairs).astype(np.float64)


def greatest(side: Aligned, pairs: int, values: Array) -> F64:
    """Return the greatest of each pair's ``values``, 0 if there is none."""
    result = np.zeros(pairs)
    np.maximum.at(result, side.pair, values)
    return result


def any_of(side: Aligned, pairs: int, which: Bool) -> Bool:
    """Return which pairs have an entry for which ``which`` holds."""
    result = np.zeros(pairs, np.bool_)
    result[side.pair[which]] = True
    return result
