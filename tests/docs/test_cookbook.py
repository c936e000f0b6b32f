"""The twenty questions of docs/cookbook.md are answered, and rightly.

Where a question counts, the count is made again here from the Parquet files, another way.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from desks import asked

from opendata.versions import TableStore
from pipelines.page_blocks import Block, blocks
from pipelines.settings import ROOT

PAGE = (ROOT / "docs" / "cookbook.md").read_text(encoding="utf-8")
#: Question → columns of its answer.
COLUMNS = {
    1: "table_name column_name data_type comment",
    2: "dataset state publication_date last_checked message",
    3: "dataset publication_date records_read records_accepted records_rejected rejected_percent",
    4: "dataset licence_title attribution rows",
    5: "departement departement_nom companies",
    6: "occurred_at siren nom_complet from_commune to_commune km",
    7: "section libelle_section sites companies",
    8: "siren nom_complet before after",
    9: "date_debut date_fin etat_administratif denomination activite_principale "
    "categorie_juridique nic_siege",
    10: "siren denomination etat_administratif activity date_debut",
    11: "rang headcount companies",
    12: "siren raison_sociale annee note_index was",
    13: "date_notification titulaire_siren nom_complet activite_principale libelle code_cpv "
    "montant_eur acheteur_nom",
    14: "ends titulaire_siren acheteur_nom montant_eur duree_mois",
    15: "tribunal procedure companies first last",
    16: "siren state severity since url",
    17: "month code polarity signals companies",
    18: "score lead_id company_name time title_en match_status evidence attribution",
    19: "verdict leads for_example",
    20: "day what told publisher",
}


def questions() -> dict[int, Block]:
    """Return question → its block: the one SQL block below its heading."""
    found = {}
    parts = re.split(r"^### (\d+)\. .+$", PAGE, flags=re.M)
    for number, text in zip(parts[1::2], parts[2::2], strict=True):
        (found[int(number)],) = [one for one in blocks(text) if one.language == "sql"]
    return found


@pytest.fixture(scope="module")
def folder(replayed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a clone's root."""
    made = tmp_path_factory.mktemp("analyst")
    (made / "data").mkdir()
    (made / "data" / "replay").symlink_to(replayed)
    return made


def answer(number: int, folder: Path) -> pl.DataFrame:
    columns, rows = asked(questions()[number].text, folder)
    return pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)


@pytest.fixture
def store(replayed: Path) -> TableStore:
    return TableStore(replayed)


def test_there_are_twenty_questions() -> None:
    assert list(questions()) == [*range(1, 21)] == list(COLUMNS)


@pytest.mark.parametrize("number", range(1, 21))
def test_each_question_has_an_answer_of_its_shape(number: int, folder: Path) -> None:
    found = answer(number, folder)
    assert found.columns == COLUMNS[number].split()
    assert found.height > 0
    silent = [name for name in found.columns if found[name].null_count() == found.height]
    # The sample's register is of before coordinates were published; nothing was refused in it,
    # and leads that were recognised leave no question.
    assert set(silent) <= {"km"}


def test_five_counts_the_companies_created_in_april(folder: Path, store: TableStore) -> None:
    units = store.scan("sirene__legal_units").filter(
        pl.col("personne_morale"),
        pl.col("date_creation").is_between(date(2017, 4, 1), date(2017, 4, 30)),
    )
    seats = store.scan("sirene__establishments").filter(pl.col("siege"))
    wanted = units.join(seats, on="siren").group_by("departement").len("companies").collect()
    found = answer(5, folder).select("departement", "companies")
    assert dict(found.iter_rows()) == dict(wanted.iter_rows())


def test_eight_counts_what_stands_open_on_each_day(folder: Path, store: TableStore) -> None:
    periods = store.scan("sirene__establishment_periods").filter(
        pl.col("etat_administratif") == "A"
    )

    def open_on(day: date, siren: str) -> int:
        standing = periods.filter(
            pl.col("siren") == siren,
            pl.col("date_debut").fill_null(date(1, 1, 1)) <= day,
            pl.col("date_fin").fill_null(date.max) >= day,
        )
        return int(standing.select("siret").unique().collect().height)

    for siren, _, before, after in answer(8, folder).head(5).iter_rows():
        assert open_on(date(2016, 12, 31), siren) == before
        assert open_on(date(2017, 4, 30), siren) == after
        assert after > before


def test_thirteen_keeps_to_amount_and_activity(folder: Path, store: TableStore) -> None:
    units = store.scan("sirene__legal_units").filter(
        pl.col("activite_principale").str.contains("^4[123]")
    )
    awards = store.scan("decp__awards").filter(pl.col("montant_eur") > 50_000)
    wanted = awards.join(units, left_on="titulaire_siren", right_on="siren", how="semi").collect()
    found = answer(13, folder)
    assert found.height == min(20, wanted.height)
    assert found["montant_eur"][0] == wanted["montant_eur"].max()


def test_fifteen_counts_openings_by_court(folder: Path, store: TableStore) -> None:
    courts = store.scan("bodacc__notices").select("notice_id", "tribunal")
    opened = store.scan("bodacc__insolvencies").filter(
        pl.col("stage") == "opening", pl.col("type_avis") != "annulation"
    )
    wanted = (
        opened.join(courts, on="notice_id")
        .group_by("tribunal", "procedure")
        .agg(pl.col("siren").n_unique())
        .collect()
    )
    top = answer(15, folder).row(0)
    assert top[2] == wanted["siren"].max()


def test_seventeen_counts_the_company_stream(folder: Path, replayed: Path) -> None:
    log = pl.read_parquet(replayed / "exports" / "company" / "segments" / "*.parquet")
    last = log.sort("sequence").unique("signalid", keep="last")
    standing = last.filter(
        pl.col("op").is_in(["ASSERT", "AMEND"]),
        ~pl.col("is_baseline"),
        ~pl.col("is_mass_operation"),
    )
    won = standing.filter(
        pl.col("type").str.contains("contract_won"),
        pl.col("time").is_between(date(2024, 12, 1), date(2024, 12, 31)),
    )
    found = answer(17, folder).filter(
        pl.col("month") == date(2024, 12, 1), pl.col("code") == "contract_won"
    )
    assert found.select("signals", "companies").row(0) == (won.height, won["siren"].n_unique())


def test_nineteen_counts_every_lead_once(folder: Path, replayed: Path) -> None:
    answers = pl.read_parquet(replayed / "exports" / "accounts" / "*" / "matches.parquet")
    found = answer(19, folder)
    assert dict(found.select("verdict", "leads").iter_rows()) == dict(
        answers.group_by("verdict").len().iter_rows()
    )
