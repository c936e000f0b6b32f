"""Egapro declarations, on the real file of ``data/sample/egapro``.

The bundled file is the CSV of 2022. Today's workbook is written here from real rows
under today's headers.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from assets.egapro.normalise import normalise
from opendata.catalogue import load_dataset
from opendata.contract import ReadResult, read_resource
from opendata.typing_rules import DTYPES

ROOT = Path(__file__).parents[3]
FILE = ROOT / "data/sample/egapro/2021-03-01/index-egalite-fh.csv"
DATASET = load_dataset(ROOT / "assets/egapro/dataset.yml")
RESOURCE = DATASET.resource("index-egalite")

TODAY = [
    "Année",
    "Structure",
    "Tranche d'effectifs",
    "SIREN",
    "Raison Sociale",
    "Nom UES",
    "Entreprises UES (SIREN)",
    "Région",
    "Département",
    "Pays",
    "Code NAF",
    "Note Ecart rémunération",
    "Note Ecart taux d'augmentation (hors promotion)",
    "Note Ecart taux de promotion",
    "Note Retour congé maternité",
    "Note Hautes rémunérations",
    "Note Index",
]


def of(typed: pl.DataFrame) -> pl.DataFrame:
    return normalise({RESOURCE.name: typed.lazy()})["egapro__declarations"].collect()


def raw() -> pl.DataFrame:
    return pl.read_csv(FILE, separator=";", infer_schema=False)


def contract(rows: pl.DataFrame, work: Path) -> ReadResult:
    path = work / "index-egalite-fh.csv"
    rows.write_csv(path, separator=";")
    return read_resource(RESOURCE, [path], work=work / "out")


@pytest.fixture(scope="session")
def typed(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    result = read_resource(RESOURCE, [FILE], work=tmp_path_factory.mktemp("egapro"))
    assert result.rejected_rows == 0
    return pl.read_parquet(result.path)


@pytest.fixture(scope="session")
def declarations(typed: pl.DataFrame) -> pl.DataFrame:
    return of(typed)


def test_table_is_as_described(declarations: pl.DataFrame) -> None:
    described = DATASET.described_columns("egapro__declarations")
    # The engine adds its own column last.
    assert [*declarations.schema.items(), ("source_id", pl.String)] == [
        (column.name, DTYPES[column.type]) for column in described
    ]
    assert declarations.select("siren", "annee").is_unique().all()


def test_golden_declarations(declarations: pl.DataFrame) -> None:
    onet = declarations.row(
        by_predicate=(pl.col("siren") == "067800425") & (pl.col("annee") == 2019), named=True
    )
    assert onet == {
        "siren": "067800425",
        "annee": 2019,
        "structure": "Entreprise",
        "tranche_effectifs": None,
        "raison_sociale": "ONET SERVICES",
        "note_index": 84,
        "region": "Provence-Alpes-Côte d'Azur",
        "departement": "Bouches-du-Rhône",
        "nom_ues": None,
        "record_key": "067800425/2019",
        "publication_date": date(2020, 3, 1),
    }
    group = declarations.filter(siren="005780960", annee=2020)
    assert group.select("structure", "note_index").rows() == [
        ("Unité Economique et Sociale (UES)", 93)
    ]


def test_counts_of_the_bundled_file(declarations: pl.DataFrame) -> None:
    counted = declarations.group_by("annee").agg(pl.len(), pl.col("note_index").null_count())
    assert counted.sort("annee").rows() == [(2018, 645, 80), (2019, 623, 64), (2020, 638, 77)]
    assert (declarations["note_index"] < 75).sum() == 237


def test_members_of_a_group_have_no_row(declarations: pl.DataFrame) -> None:
    """SECB (312826811) is declared by SITH: only the declarant counts."""
    member = raw().filter(pl.col("Entreprises UES (SIREN)").str.contains("312826811"))
    assert member["SIREN"].unique().to_list() == ["005780960"]
    assert declarations.filter(siren="312826811").is_empty()


def test_names_are_trimmed_of_what_people_pasted(
    declarations: pl.DataFrame, tmp_path: Path
) -> None:
    assert raw().filter(pl.col("Raison Sociale").str.starts_with("\t")).height > 0
    assert declarations.filter(pl.col("raison_sociale").str.contains(r"^\s|\s$|\s\s|\t")).is_empty()
    pasted = (
        raw().head(1).with_columns(pl.lit("\u200bFM\u00a0 \tFrance\u200b").alias("Raison Sociale"))
    )
    result = contract(pasted, tmp_path)
    assert of(pl.read_parquet(result.path))["raison_sociale"].to_list() == ["FM France"]


def test_not_computable_is_null_and_zero_is_zero(tmp_path: Path) -> None:
    rows = raw().head(4).with_columns(pl.Series("Note", ["NC", "0", None, "100"]))
    result = contract(rows, tmp_path)
    assert result.rules == {}
    notes = dict(of(pl.read_parquet(result.path)).select("siren", "note_index").rows())
    assert [notes[siren] for siren in rows["SIREN"]] == [None, 0, None, 100]


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("Note", "101", "note_index:maximum"),
        ("Note", "soixante", "note_index:integer"),
        ("SIREN", "5780960", "siren:pattern"),
        ("SIREN", "067800426", "siren:luhn"),
        ("Année", "2017", "annee:minimum"),
    ],
)
def test_impossible_values_go_to_quarantine(
    tmp_path: Path, column: str, value: str, rule: str
) -> None:
    first = pl.when(pl.int_range(pl.len()) == 0)
    rows = (
        raw()
        .head(2)
        .with_columns(first.then(pl.lit(value)).otherwise(pl.col(column)).alias(column))
    )
    result = contract(rows, tmp_path)
    assert (result.rules, result.accepted) == ({rule: 1}, 1)


def test_second_row_of_a_year_fills_what_the_first_left_out(tmp_path: Path) -> None:
    row = raw().filter(pl.col("Note").is_not_null()).head(1)
    twice = [row.with_columns(pl.lit(note, pl.String).alias("Note")) for note in (None, "90", "70")]
    for rows in (twice, twice[::-1]):
        result = contract(pl.concat(rows), tmp_path)
        assert of(pl.read_parquet(result.path))["note_index"].to_list() == [70]


def test_todays_workbook_gives_the_same_rows(tmp_path: Path, declarations: pl.DataFrame) -> None:
    rows = raw().rename({"Note": "Note Index"}).with_columns(pl.col("Note Index").fill_null("NC"))
    today = rows.with_columns(
        pl.lit(None, pl.String).alias(name) for name in TODAY if name not in rows.columns
    ).with_columns(pl.lit("50:250").alias("Tranche d'effectifs"))
    path = tmp_path / "index-egalite-fh.xlsx"
    today.select(TODAY).write_excel(path)
    result = read_resource(RESOURCE, [path], work=tmp_path / "out")
    assert result.notes == ()
    assert result.accepted == rows.height
    assert_frame_equal(
        of(pl.read_parquet(result.path)),
        declarations.with_columns(tranche_effectifs=pl.lit("50:250")),
    )


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_order_and_repetition_change_nothing(typed: pl.DataFrame, data: st.DataObject) -> None:
    some = typed.head(40)
    rows = pl.concat([some, some.head(3).with_columns(region=pl.lit("Ailleurs"))])
    order = data.draw(st.permutations(range(rows.height)))
    again = data.draw(st.lists(st.sampled_from(range(rows.height)), max_size=20))
    assert_frame_equal(of(rows[[*order, *again]]), of(rows))
    assert of(rows).height == some.height
