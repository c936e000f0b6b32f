"""Names for units: words of real names in new combinations, people made of syllables.

Belongs here: text that stands for a name. Does not belong here: which unit is called what.
"""

from __future__ import annotations

import polars as pl

from benchmarks.france.draws import I64, below, draw, pick
from benchmarks.france.measured import Pools

_SYLLABLES = pl.Series(
    ["BA", "BRI", "CHA", "CLE", "DA", "DEL", "FA", "FLO", "GA", "GRE", "JU", "LAN", "LE", "LOU",
     "MA", "MI", "MOR", "NA", "NO", "PA", "PE", "QUI", "RE", "ROU", "SA", "SO", "TA", "TRE", "VA",
     "VI"]
)  # fmt: skip
_LETTERS = pl.Series(list("BCDFGHJKLMNPQRSTVWXZ"))


def company(index: I64, salt: str, pools: Pools) -> pl.Series:
    """Return names of one to six words, at most 120 characters as in the file."""
    lengths = pick(pools.lengths, index, f"{salt}:length")
    words = [pick(pools.words, index, f"{salt}:{at}").alias(str(at)) for at in range(6)]
    kept = [pl.when(pl.col("length") > at).then(str(at)) if at else pl.col("0") for at in range(6)]
    frame = pl.DataFrame([lengths.alias("length"), *words])
    joined = pl.concat_str(kept, separator=" ", ignore_nulls=True)
    return frame.select(joined.str.slice(0, 110).str.strip_chars()).to_series()


def mark(index: I64) -> pl.Series:
    """Return five consonants that no word of a name is."""
    letters = [_LETTERS.gather(below(index, f"mark{at}", 20)).alias(str(at)) for at in range(5)]
    return pl.DataFrame(letters).select(pl.concat_str(pl.all())).to_series()


def person(index: I64, salt: str) -> pl.Series:
    """Return names that belong to nobody."""
    parts = [pick(_SYLLABLES, index, f"{salt}{at}").alias(str(at)) for at in range(3)]
    return pl.DataFrame(parts).select(pl.concat_str(pl.all())).to_series()


def acronym(index: I64) -> pl.Series:
    """Return acronyms of four letters."""
    letters = [
        _LETTERS.gather((draw(index, f"sigle{at}") % 20).astype("int64")).alias(str(at))
        for at in range(4)
    ]
    return pl.DataFrame(letters).select(pl.concat_str(pl.all())).to_series()
