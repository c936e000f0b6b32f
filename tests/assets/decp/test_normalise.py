"""DECP awards, on the real contracts of ``data/sample/decp``.

The bundled cut has 17 of the 58 columns of decp.info. The others, and the traps it does
not hold, are made by adding to or changing real rows, and go through the contract.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from assets.decp.normalise import normalise
from opendata.catalogue import load_dataset
from opendata.contract import read_resource
from opendata.typing_rules import DTYPES

ROOT = Path(__file__).parents[3]
FILE = ROOT / "data/sample/decp/2025-01-06/decp.csv"
DATASET = load_dataset(ROOT / "assets/decp/dataset.yml")
RESOURCE = DATASET.resource("decp")

RUBIN = ("21740252800012202401LOT11", "31576671700047")  # three versions, the amount went down
SHARED = "200057826000142024TVXGROUL15"  # two winners

Read = Callable[[pl.DataFrame], pl.DataFrame]


def of(typed: pl.DataFrame) -> pl.DataFrame:
    return normalise({RESOURCE.name: typed.lazy()})["decp__awards"].collect()


def raw() -> pl.DataFrame:
    return pl.read_csv(FILE, infer_schema=False)


@pytest.fixture(scope="session")
def typed(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    result = read_resource(RESOURCE, [FILE], work=tmp_path_factory.mktemp("decp"))
    assert result.rejected_rows == 0
    return pl.read_parquet(result.path)


@pytest.fixture(scope="session")
def awards(typed: pl.DataFrame) -> pl.DataFrame:
    return of(typed)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return the awards in the given rows, which the contract must all accept."""

    def table(rows: pl.DataFrame) -> pl.DataFrame:
        path = tmp_path / "decp.csv"
        rows.write_csv(path)
        result = read_resource(RESOURCE, [path], work=tmp_path / "work")
        assert result.rejected_rows == 0, result.rules
        return of(pl.read_parquet(result.path))

    return table


def one(**changes: Any) -> pl.DataFrame:
    """Return the first real row of a single contract, with some fields replaced."""
    row = raw().filter(pl.col("uid") == RUBIN[0]).head(1)
    return row.with_columns(pl.lit(value, pl.String).alias(name) for name, value in changes.items())


def test_table_is_as_described(awards: pl.DataFrame) -> None:
    described = DATASET.described_columns("decp__awards")
    # The engine adds its own column last.
    assert [*awards.schema.items(), ("source_id", pl.String)] == [
        (column.name, DTYPES[column.type]) for column in described
    ]
    assert awards.select("uid", "titulaire_id").is_unique().all()


def test_versions_are_collapsed_and_counted(typed: pl.DataFrame, awards: pl.DataFrame) -> None:
    assert (typed.height, awards.height) == (1045, 833)
    assert awards["versions"].sum() == typed.drop("_line").unique().height
    assert (awards["versions"] > 1).sum() == 133


def test_golden_award(awards: pl.DataFrame) -> None:
    uid, winner = RUBIN
    award = awards.row(by_predicate=(pl.col("uid") == uid), named=True)
    assert award == {
        "uid": uid,
        "acheteur_id": "21740252800012",
        "acheteur_nom": raw().filter(pl.col("uid") == uid)["acheteur_nom"][0],
        "titulaire_id": winner,
        "titulaire_siren": "315766717",
        "titulaire_nom": "RUBIN SAS (RUBIN)",
        "nature": None,
        "type_marche": "Travaux",
        "code_cpv": raw().filter(pl.col("uid") == uid)["codeCPV"][0],
        "procedure": "Procédure adaptée",
        "montant_eur": 76392.41,
        "winners": 1,
        "duree_mois": 13,
        "offres_recues": award["offres_recues"],
        "date_notification": date(2024, 12, 30),
        "date_premiere_notification": date(2024, 11, 22),
        "date_publication": None,
        "versions": 3,
        "modifications": 2,
        "montant_initial_eur": 81200.0,
        "duree_initiale_mois": 13,
        "acheteur_departement": "74",
        "titulaire_departement": award["titulaire_departement"],
        "record_key": f"{uid}/{winner}",
        "publication_date": date(2024, 12, 30),
    }


def test_co_winners_each_carry_the_whole_amount(awards: pl.DataFrame) -> None:
    shared = awards.filter(pl.col("uid") == SHARED)
    assert shared.select("titulaire_id", "montant_eur", "winners").rows() == [
        ("05680065900999", 190_000.0, 2),
        ("05680065901245", 190_000.0, 2),
    ]


def test_identifiers_keep_their_zeros(awards: pl.DataFrame) -> None:
    assert awards["acheteur_id"].str.len_chars().unique().to_list() == [14]
    assert awards.filter(pl.col("acheteur_id").str.starts_with("0")).height > 0
    assert awards.filter(pl.col("acheteur_departement") == "01").height > 0


def test_uid_is_rebuilt_from_its_parts() -> None:
    together = raw().select((pl.col("acheteur_id") + pl.col("id") == pl.col("uid")).all())
    assert together.item()


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        # The publisher's word first, then the modification number, then the day, then the amount.
        ({"donneesActuelles": "true", "montant": "50000"}, {"donneesActuelles": "false"}),
        ({"modification_id": "2", "dateNotification": "2024-01-01"}, {"modification_id": "1"}),
        ({"modification_id": "10"}, {"modification_id": "9"}),
        ({"dateNotification": "2024-12-31"}, {"dateNotification": "2024-12-30"}),
        ({"dateNotification": "2024-12-31"}, {"dateNotification": "2921-01-01"}),
        ({"montant": "90000.5"}, {"montant": "90000"}),
        ({"dureeMois": "14"}, {"dureeMois": "13"}),
    ],
)
def test_which_version_is_kept(read: Read, newer: dict[str, str], older: dict[str, str]) -> None:
    marked = one(titulaire_nom="NEWER", **newer), one(titulaire_nom="OLDER", **older)
    for order in (marked, marked[::-1]):
        kept = read(pl.concat(order, how="diagonal"))
        assert kept.select("titulaire_nom", "versions").rows() == [("NEWER", 2)]


def test_winner_replaced_by_a_modification_is_gone(read: Read) -> None:
    rows = [
        one(modification_id="0", donneesActuelles="false", dateNotification="2024-06-01"),
        one(modification_id="1", donneesActuelles="true", titulaire_id="05680065900999"),
    ]
    kept = read(pl.concat(rows))
    assert kept.select("titulaire_id", "winners").rows() == [("05680065900999", 1)]


def test_award_keeps_the_day_it_was_first_notified(read: Read) -> None:
    rows = [
        one(modification_id="0", donneesActuelles="false", dateNotification="2023-06-01"),
        one(modification_id="1", donneesActuelles="true", dateNotification="2024-06-01"),
    ]
    kept = read(pl.concat(rows)).row(0, named=True)
    assert kept["date_notification"] == date(2024, 6, 1)
    assert kept["date_premiere_notification"] == date(2023, 6, 1)


@pytest.mark.parametrize(
    ("identifier", "kind", "kept"),
    [
        ("31576671700047", "SIRET", True),
        ("31576671700047", None, True),
        ("31576671700047", "TVA", False),
        ("31576671700048", "SIRET", False),
        ("315766717", "SIRET", False),
        ("00001", None, False),
        # Real: fourteen digits that satisfy the key, whose first nine do not.
        ("00000141030205", "SIRET", False),
        ("LV40103835582", "TVA", False),
        ("CDL", "SIRET", False),
        ("NC", None, False),
        # La Poste: a sum of digits that is a multiple of 5, against Luhn.
        ("35600000009075", "SIRET", True),
        ("35600000009076", "SIRET", False),
    ],
)
def test_only_right_sirets_win(read: Read, identifier: str, kind: str | None, kept: bool) -> None:
    rows = one(titulaire_id=identifier, titulaire_typeIdentifiant=kind)
    assert read(rows)["titulaire_id"].to_list() == [identifier] * kept


def test_foreign_co_winner_counts_without_a_row(read: Read) -> None:
    rows = pl.concat([one(), one(titulaire_id="LV40103835582"), one(titulaire_id="CDL")])
    assert read(rows).select("titulaire_id", "winners").rows() == [(RUBIN[1], 2)]


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("155712.5", 155712.5),
        ("155712,5", 155712.5),
        ("12311111110", 12_311_111_110.0),
        ("12311111111", None),
        ("99999999999999", None),
        ("1e20", None),
        ("1", None),
        ("0.01", None),
        ("0", None),
        ("-5000", None),
        ("NC", None),
        (None, None),
    ],
)
def test_amount(read: Read, written: str | None, amount: float | None) -> None:
    assert read(one(montant=written))["montant_eur"].to_list() == [amount]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2018-09-03", date(2018, 9, 3)),
        ("2018-09-03+01:00", date(2018, 9, 3)),
        ("2018-09-03T00:00:00.000Z", date(2018, 9, 3)),
        ("0218-10-29", None),
        ("2921-01-01", None),
        ("5021-01-01", None),
        ("NC", None),
        (None, None),
    ],
)
def test_day(read: Read, written: str | None, day: date | None) -> None:
    kept = read(one(dateNotification=written, datePublicationDonnees="2024-12-31+01:00"))
    assert kept["date_notification"].to_list() == [day]
    assert kept["publication_date"].to_list() == [date(2024, 12, 31)]


def test_framework_says_so(read: Read) -> None:
    """Its amount is a ceiling: only ``nature`` tells."""
    kept = read(one(nature="Accord-cadre", montant="8000000"))
    assert kept.select("nature", "montant_eur").rows() == [("Accord-cadre", 8_000_000.0)]


@pytest.mark.parametrize("name", ["[Données personnelles non-diffusibles] ([ND])", "[ND]"])
def test_masked_name_stays_masked(read: Read, name: str) -> None:
    assert read(one(titulaire_nom=name))["titulaire_nom"].to_list() == ["[ND]"]


def test_initials_are_names_and_placeholders_are_not_values(read: Read) -> None:
    kept = read(one(titulaire_nom="CDL", procedure="CDL", codeCPV=" NC "))
    assert kept.select("titulaire_nom", "procedure", "code_cpv").rows() == [("CDL", None, None)]


def test_free_text_is_never_read(read: Read) -> None:
    kept = read(one(objet="Écrire à marches@exemple.test", lieuExecution_code="74"))
    assert "exemple" not in kept.write_ndjson()


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_order_and_repetition_change_nothing(typed: pl.DataFrame, data: st.DataObject) -> None:
    several = pl.struct("uid", "titulaire_id").is_duplicated()
    rows = typed.filter(several).head(60)
    order = data.draw(st.permutations(range(rows.height)))
    again = data.draw(st.lists(st.sampled_from(range(rows.height)), max_size=20))
    assert_frame_equal(of(rows[[*order, *again]]), of(rows))


def test_no_row_at_all_gives_an_empty_table(typed: pl.DataFrame, awards: pl.DataFrame) -> None:
    assert_frame_equal(of(typed.clear()), awards.clear())
