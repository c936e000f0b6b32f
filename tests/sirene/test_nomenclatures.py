"""Code tables."""

from __future__ import annotations

import polars as pl
import pytest

from opendata.errors import SettingsError
from sirene.nomenclatures import (
    CATEGORIES_JURIDIQUES,
    COMMUNES,
    DEPARTEMENTS,
    NAF_2025,
    NAF_REV2,
    NAF_TABLES,
    SECTIONS,
    TRANCHES,
    departement_of_commune,
    departement_of_postcode,
    is_personne_morale,
    label,
    label_of,
    table,
    tranche_rank,
    without_cedex,
)


def evaluate(expression: pl.Expr, values: list[str | None]) -> list[object]:
    return (
        pl.DataFrame({"v": values}, schema={"v": pl.String})
        .select(expression)
        .to_series()
        .to_list()
    )


V = pl.col("v")


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (TRANCHES, 16),
        (CATEGORIES_JURIDIQUES, 260),
        (NAF_REV2, 732),
        (NAF_2025, 747),
        (SECTIONS, 43),
        (DEPARTEMENTS, 109),
    ],
)
def test_the_tables_are_complete(name: str, rows: int) -> None:
    found = table(name)
    assert found.height == rows
    assert found["code"].null_count() == 0


def test_an_unknown_table_is_refused_with_the_list_of_those_there_are() -> None:
    with pytest.raises(SettingsError, match="naf_rev2"):
        table("naf_2099")


def test_labels_are_french_and_withdrawn_codes_have_none() -> None:
    codes = ["5710", "5498", "1000", None]
    assert evaluate(label(V, CATEGORIES_JURIDIQUES), list(codes)) == [
        "SAS société par actions simplifiée",
        None,
        "Entrepreneur individuel",
        None,
    ]
    assert label_of("62.01Z", NAF_TABLES["NAFRev2"]) == "Programmation informatique"
    assert label_of("62.01Z", NAF_TABLES["NAF2025"]) is None
    assert label_of("75056", COMMUNES) == "Paris"
    assert label_of("75101", COMMUNES) == "Paris 1er Arrondissement"
    assert label_of("01015", COMMUNES) == "Arboys en Bugey", "the current commune of a shared code"
    assert label_of(None, TRANCHES) is None


def test_section_letters_mean_different_things_in_the_two_nomenclatures() -> None:
    sections = table(SECTIONS)
    k = sections.filter(pl.col("code") == "K").sort("nomenclature")
    assert k["nomenclature"].to_list() == ["NAF2025", "NAFRev2"]
    assert k["libelle"].n_unique() == 2


def test_unknown_headcounts_have_no_rank() -> None:
    assert evaluate(tranche_rank(V), ["00", "01", "11", "53", "NN", None, "99"]) == [
        0,
        1,
        4,
        14,
        None,
        None,
        None,
    ]


def test_legal_persons_are_all_but_levels_one_and_two() -> None:
    codes = ["5710", "1000", "1300", "2110", "2900", "9220", "5498", "7210", "0000", "", None]
    expected = [True, False, False, False, False, True, True, True, True, False, False]
    assert evaluate(is_personne_morale(V), list(codes)) == expected


def test_the_department_of_a_commune_code() -> None:
    codes = ["01001", "2A004", "2B033", "75101", "97101", "97801", "98735", "99100", "7510", None]
    assert evaluate(departement_of_commune(V), list(codes)) == [
        "01", "2A", "2B", "75", "971", "978", "987", None, None, None
    ]  # fmt: skip


def test_the_department_of_a_commune_is_the_official_one() -> None:
    communes = table(COMMUNES).with_columns(
        departement_of_commune(pl.col("code")).alias("computed")
    )
    differ = communes.filter(pl.col("computed").ne_missing(pl.col("departement")))
    assert communes.height > 37_000
    # Five associated communes kept their code when they joined one of the next department.
    assert differ["type"].to_list() == ["COMA"] * 5


def test_the_department_of_a_postcode() -> None:
    codes = [
        "75008",
        "20000",
        "20137",
        "20200",
        "20600",
        "97133",
        "98735",
        "98000",
        "00100",
        "7500",
        None,
    ]
    assert evaluate(departement_of_postcode(V), list(codes)) == [
        "75", "2A", "2A", "2B", "2B", "971", "987", None, None, None, None
    ]  # fmt: skip


def test_cedex_is_taken_off_place_names() -> None:
    places = ["LYON CEDEX 03", "Paris La Défense Cedex", "NANTES", "CEDEX", "CEDEXVILLE", None]
    assert evaluate(without_cedex(V), list(places)) == [
        "LYON", "Paris La Défense", "NANTES", None, "CEDEXVILLE", None
    ]  # fmt: skip
