"""Folding of letters."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirene.letters import fold


def folded(text: str) -> str:
    return str(pl.select(fold(pl.lit(text, dtype=pl.String))).item())


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Électricité Générale", "ELECTRICITE GENERALE"),
        ("Cœur de Nuits", "COEUR DE NUITS"),
        ("ŒUVRE Æquo Straße", "OEUVRE AEQUO STRASSE"),
        ("L’ÉCHOPPE – PÂTES", "L'ECHOPPE - PATES"),
        ("ﬁn\u00a0de bail", "FIN DE BAIL"),
        ("ＡＢＣ", "ABC"),
        ("e\u0301te\u0301", "ETE"),
        ("CAF\ufffd", "CAF\ufffd"),
        ("A\tB\nC", "A B C"),
    ],
)
def test_letters_become_capital_ascii(written: str, expected: str) -> None:
    assert folded(written) == expected


@settings(deadline=None)
@given(st.text(alphabet=st.characters(min_codepoint=0xC0, max_codepoint=0x17F), max_size=20))
def test_composed_and_decomposed_accents_give_the_same(text: str) -> None:
    assert folded(unicodedata.normalize("NFC", text)) == folded(unicodedata.normalize("NFD", text))


def test_few_texts_and_many_are_written_out_alike() -> None:
    texts = ["Œuvres d\u2019Étienne", None, "", "ÎLE\u00a0de Ré n\u00b07", "Stra\u00dfe", "\ufffd"]
    few = pl.DataFrame({"t": texts}).select(fold(pl.col("t"))).to_series()
    many = pl.DataFrame({"t": texts * 200}).lazy().select(fold(pl.col("t"))).collect().to_series()
    assert many.to_list() == few.to_list() * 200
    assert few[1] is None
