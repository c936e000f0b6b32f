"""The leads' side of matching as arrays: one row per spelling, one per word of it.

Belongs here: keys, codes of places and words of what is asked. Does not belong here: the
text of leads (``queries``), what the registry answers (``candidates``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from leads import arrays
from leads.arrays import F64, I64, U32, U64, Array, Bool
from leads.families import form_numbers
from leads.index import Index
from leads.index_arrays import PLACES, figures, first_word, numbers
from leads.words import PASSED_OVER, keys_of


@dataclass(frozen=True)
class Words:
    """Words of the spellings, each once per spelling, in the order of the name.

    Attributes:
        starts: where the words of each spelling begin, and the end.
        owner: spelling of each word.
        text: the word.
        key: its hash.
        number: its number in the registry, -1 if no unit has it.
        df: units that have it, 0 for none.
        idf: what it weighs; a word that no unit has weighs as much as one of one unit.
        of_place: whether it is in the lead's own commune.
        letter, letters: as in ``arrays.letter_codes``; marked ``arrays.PASSED`` where initials pass
            over it.
    """

    starts: I64
    owner: I64
    text: pl.Series
    key: U64
    number: I64
    df: I64
    idf: F64
    of_place: Bool
    letter: Array
    letters: Array


@dataclass(frozen=True)
class Asked:
    """Spellings that are looked up together.

    Attributes:
        rows: as ``leads.queries.Queries.spellings``, in the order of the arrays.
        index: the registry whose words they are counted in.
    """

    rows: pl.DataFrame
    index: Index

    def __len__(self) -> int:
        return self.rows.height

    def key(self, column: str) -> U64:
        """Return the hash of a column, 0 where there is none."""
        return arrays.text_keys(self.rows[column])

    @cached_property
    def codes(self) -> dict[str, U32]:
        """Short hashes of keys and places, as ``index_arrays`` makes them of names."""
        made = self.rows.select(
            "full", "core", "glued", "acronym", first_word("core").alias("first"),
            figures("core").alias("figures"), *PLACES,
        )  # fmt: skip
        return {name: arrays.codes(made[name]) for name in made.columns}

    @cached_property
    def sirens(self) -> U64:
        """The SIREN that is given, 0 for none."""
        return self.rows.select(numbers("siren")).to_series().to_numpy()

    @cached_property
    def forms(self) -> Array:
        """Number of the legal form in the name."""
        return form_numbers(self.rows["legal_form"])

    @cached_property
    def words(self) -> Words:
        """The words of the spellings."""
        lists = self.rows.select(
            pl.col("core").str.split(" ").list.unique(maintain_order=True).alias("words"),
            pl.col("city").fill_null("").str.split(" ").alias("city"),
        )
        counts = lists["words"].list.len().to_numpy().astype(np.int64)
        text = lists["words"].list.explode()
        key = arrays.text_keys(text)
        owner = np.repeat(np.arange(len(counts)), counts)
        number, known = arrays.positions(self.index.array("word.key"), key)
        number = np.where(known, number, -1)
        df = np.zeros(len(number), np.int64)
        idf = np.full(len(number), self.index.unseen_idf)
        df[known] = self.index.array("word.df")[number[known]]
        idf[known] = self.index.array("word.idf")[number[known]]
        letter, letters = arrays.letter_codes(text)
        letter[arrays.positions(keys_of(PASSED_OVER), key)[1]] |= arrays.PASSED
        return Words(
            starts=np.concatenate([[0], np.cumsum(counts)]),
            owner=owner,
            text=text,
            key=key,
            number=number,
            df=df,
            idf=idf,
            of_place=np.isin(arrays.mixed(owner + 1, key), self.city_words),
            letter=letter,
            letters=letters,
        )

    @cached_property
    def city_words(self) -> U64:
        """Hashes of spelling and word for each word of the lead's commune, ascending."""
        lists = self.rows.select(pl.col("city").fill_null("").str.split(" ")).to_series()
        counts = lists.list.len().to_numpy().astype(np.int64)
        owner = np.repeat(np.arange(len(counts)), counts)
        text = lists.list.explode()
        keys = arrays.mixed(owner + 1, arrays.text_keys(text.replace("", None)))
        return np.unique(keys[(text.str.len_bytes() >= 3).to_numpy()])
