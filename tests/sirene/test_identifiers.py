"""SIREN, SIRET and VAT numbers, against python-stdnum and real numbers."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.fr import siren as stdnum_siren
from stdnum.fr import siret as stdnum_siret
from stdnum.fr import tva as stdnum_tva

from sirene.identifiers import (
    LA_POSTE,
    Siren,
    Siret,
    Tva,
    siren_is_valid,
    siren_of_any,
    siren_of_siret,
    siren_of_tva,
    siret_is_valid,
)

DANONE = "552032534"
HEAD_OFFICE_OF_LA_POSTE = "35600000000048"
#: Real establishments of La Poste: digits sum to a multiple of five, Luhn fails.
SITES_OF_LA_POSTE = ("35600000049837", "35600000009075")


def evaluate(expression: pl.Expr, values: list[str | None]) -> list[object]:
    return (
        pl.DataFrame({"v": values}, schema={"v": pl.String})
        .select(expression)
        .to_series()
        .to_list()
    )


@pytest.mark.parametrize(
    "written",
    [
        "552032534",
        " 552 032 534 ",
        "552.032.534",
        "552\u00a0032\u00a0534",
        "552\u202f032\u202f534",
        "'552032534",
        "552-032-534",
        "552032534.0",
        "552032534,00",
        "5.52032534e8",
        "5,52032534E+08",
    ],
)
def test_a_siren_is_read_however_it_is_written(written: str) -> None:
    assert Siren.normalize(written) == DANONE
    assert Siren.format(DANONE) == "552 032 534"


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        "",
        "552032535",
        "55203253",
        "0552032534",
        "000000000",
        "٥٥٢٠٣٢٥٣٤",
        "552032534A",
        "552O32534",
    ],
)
def test_what_is_no_siren_is_refused(damaged: str | None) -> None:
    assert Siren.normalize(damaged) is None
    assert not Siren.is_valid(damaged)


def test_a_number_rounded_by_a_spreadsheet_is_refused_though_it_may_pass_the_check() -> None:
    # 9.8918678e13 reads 98918678000000, which lost six digits.
    assert Siret.normalize("98918678800018") == "98918678800018"
    assert Siret.normalize("98918678800018.0") == "98918678800018"
    assert Siret.normalize("9.8918678800018E+13") == "98918678800018"
    assert Siret.normalize("9.8918678e13") is None
    # 3.56e8 would read as La Poste's own number, which passes.
    assert Siren.is_valid("356000000")
    assert Siren.normalize("3.56e8") is None


def test_leading_zeros_come_back_only_when_asked() -> None:
    # Real: 005 410 949, head office 00019.
    assert Siren.normalize("5410949") is None
    assert Siren.normalize("5410949", pad=True) == "005410949"
    assert Siret.normalize("541094900019") is None
    assert Siret.normalize("541094900019", pad=True) == "00541094900019"
    assert Siren.normalize("410949", pad=True) is None


def test_la_poste_counts_by_five() -> None:
    for siret in SITES_OF_LA_POSTE:
        assert Siret.is_valid(siret)
        assert not stdnum_luhn(siret)
    assert Siret.is_valid(HEAD_OFFICE_OF_LA_POSTE)
    assert not Siret.is_valid("35600000049838")
    # The rule is La Poste's alone: the same digit sum saves no other company.
    by_five = [f"{DANONE}{nic:05d}" for nic in range(200)]
    by_five = [n for n in by_five if sum(map(int, n)) % 5 == 0 and not stdnum_luhn(n)]
    assert by_five
    assert not any(Siret.is_valid(n) for n in by_five)
    assert evaluate(siret_is_valid(pl.col("v")), [*SITES_OF_LA_POSTE, "35600000049838"]) == [
        True,
        True,
        False,
    ]


def stdnum_luhn(number: str) -> bool:
    return bool(luhn.is_valid(number))


def test_a_siret_whose_siren_is_wrong_is_refused_though_its_own_check_passes() -> None:
    siret = next(f"552032535{nic:05d}" for nic in range(10) if stdnum_luhn(f"552032535{nic:05d}"))
    assert not Siret.is_valid(siret)
    assert evaluate(siret_is_valid(pl.col("v")), [siret]) == [False]


def test_a_vat_number_holds_a_siren() -> None:
    assert Tva.of_siren(DANONE) == "FR27552032534"
    assert Tva.normalize("fr 27 552 032 534") == "FR27552032534"
    assert Tva.format("FR27552032534") == "FR 27 552 032 534"
    assert Tva.normalize("FR28552032534") is None
    assert Tva.normalize("27552032534") is None
    assert Tva.normalize("FR85000005990") is None, "Monaco"
    assert evaluate(
        siren_of_tva(pl.col("v")), ["FR27 552032534", "FR28552032534", DANONE, None]
    ) == [DANONE, None, None, None]


def test_a_column_of_anything_gives_siren_numbers() -> None:
    typed = ["552 032 534", "55203253400646", "FR27552032534", "35600000049837", "98918678800018.0"]
    expected = [DANONE, DANONE, DANONE, LA_POSTE, "989186788"]
    assert evaluate(siren_of_any(pl.col("v")), [*typed, "9.8918678e13", "DANONE", ""]) == [
        *expected,
        None,
        None,
        None,
    ]


def test_random_numbers_agree_with_stdnum() -> None:
    draw = random.Random(20261123)  # noqa: S311
    sirens = [f"{draw.randrange(10**9):09d}" for _ in range(20_000)]
    sirets = [f"{draw.randrange(10**14):014d}" for _ in range(20_000)]
    sirets += [f"{draw.choice(sirens)}{draw.randrange(10**5):05d}" for _ in range(20_000)]
    assert evaluate(siren_is_valid(pl.col("v")), list(sirens)) == [
        stdnum_siren.is_valid(n) for n in sirens
    ]
    valid = evaluate(siret_is_valid(pl.col("v")), list(sirets))
    assert valid == [stdnum_siret.is_valid(n) for n in sirets]
    assert sum(map(bool, valid)) > 100


@settings(deadline=None)
@given(st.integers(0, 10**9 - 1).map("{:09d}".format))
def test_one_value_a_column_and_stdnum_agree_on_siren(number: str) -> None:
    expected = stdnum_siren.is_valid(number) and number != "0" * 9
    assert Siren.is_valid(number) == expected
    assert evaluate(siren_is_valid(pl.col("v")), [number]) == [expected]


@settings(deadline=None)
@given(st.integers(0, 10**5 - 1).map("{:05d}".format), st.sampled_from([LA_POSTE, DANONE]))
def test_one_value_and_a_column_agree_on_siret(nic: str, siren: str) -> None:
    siret = siren + nic
    luhn_or_five = stdnum_luhn(siret) or (siren == LA_POSTE and sum(map(int, siret)) % 5 == 0)
    assert Siret.is_valid(siret) == luhn_or_five
    assert evaluate(siret_is_valid(pl.col("v")), [siret]) == [luhn_or_five]
    assert evaluate(siren_of_siret(pl.col("v")), [siret]) == [siren if luhn_or_five else None]


@settings(deadline=None)
@given(st.integers(10**8, 10**9 - 1).map(str))
def test_the_vat_key_is_stdnum_s(siren: str) -> None:
    number = Tva.of_siren(siren)
    assert stdnum_tva.is_valid(number) == stdnum_siren.is_valid(siren)
    assert Tva.is_valid(number) == stdnum_siren.is_valid(siren)
    found = evaluate(siren_of_tva(pl.col("v")), [number])
    assert found == [siren if stdnum_siren.is_valid(siren) else None]


@settings(deadline=None)
@given(st.text(max_size=25))
def test_any_text_is_read_without_error_and_stays_read(text: str) -> None:
    for kind in (Siren, Siret, Tva):
        number = kind.normalize(text)
        assert number is None or kind.normalize(number) == number
