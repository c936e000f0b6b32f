"""The two official JSON formats and decp.info's Parquet give the table that its CSV gives.

The format of 2019 is read from real contracts; that of 2022 from the same ones in its layout,
which is that of the schema (v2.0.4): only fictive examples were published with it.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.decp.normalise import normalise
from opendata.catalogue import Resource, load_dataset
from opendata.contract import read_resource
from opendata.mirrors import load_mirror

ROOT = Path(__file__).parents[3]
REAL = ROOT / "tests/data/decp/decp-2019.json"
CSV = ROOT / "data/sample/decp/2025-01-06/decp.csv"
DESCRIPTION = ROOT / "assets/decp/dataset.yml"
OFFICIAL = load_mirror(DESCRIPTION.parent, "officiel")
Contract = dict[str, Any]
CONTRACTS: list[Contract] = json.loads(REAL.read_text(encoding="utf-8"))["marches"]
BY_ID = {contract["id"]: contract for contract in CONTRACTS}
#: SATP: an amendment that says its amount and its day, nothing else.
AMENDED = "201825MTPA01"


def of(resource: Resource, path: Path, work: Path) -> pl.DataFrame:
    result = read_resource(resource, [path], work=work)
    assert result.rejected_rows == 0, result.rules
    return normalise({resource.name: pl.scan_parquet(result.path)})["decp__awards"].collect()


def awards(work: Path, *contracts: Contract, year: int = 2019) -> pl.DataFrame:
    listed: Any = [wrapped(one) for one in contracts] if year == 2022 else list(contracts)
    content = {"marches": {"marche": listed} if year == 2022 else listed}
    path = work / f"decp-{year}.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return of(OFFICIAL.resource(f"decp-{year}"), path, work / str(year))


def wrapped(contract: Contract) -> Contract:
    """Return a contract of 2019 in the layout of 2022: lists of named objects, no uid."""

    def named(part: Contract) -> Contract:
        titulaires = part.get("titulaires")
        if titulaires is None:
            return part
        return {**part, "titulaires": [{"titulaire": winner} for winner in titulaires]}

    modifications = contract.get("modifications") or []
    kept = {key: value for key, value in contract.items() if key not in ("uid", "_type")}
    return {
        **named(kept),
        "modifications": [{"modification": named(one)} for one in modifications],
    }


def test_the_real_contracts(tmp_path: Path) -> None:
    table = of(OFFICIAL.resource("decp-2019"), REAL, tmp_path)
    assert table["uid"].n_unique() == len(CONTRACTS)
    assert table.height == sum(len(one["titulaires"]) for one in CONTRACTS)
    four = table.filter(uid=BY_ID["201919A0040100"]["acheteur"]["id"] + "201919A0040100")
    assert four["winners"].unique().to_list() == [4]
    sewers = table.row(by_predicate=pl.col("titulaire_siren") == "306001637", named=True)
    assert (sewers["duree_mois"], sewers["date_notification"]) == (24, date(2019, 2, 4))
    assert sewers["publication_date"] == date(2019, 3, 5)


def test_a_modification_says_only_what_changes(tmp_path: Path) -> None:
    (award,) = awards(tmp_path, BY_ID[AMENDED]).to_dicts()
    assert (award["montant_initial_eur"], award["montant_eur"]) == (148503.0, 178268.0)
    assert (award["duree_initiale_mois"], award["duree_mois"]) == (2, 2)
    assert (award["date_premiere_notification"], award["date_notification"]) == (
        date(2018, 7, 9),
        date(2019, 1, 4),
    )
    assert (award["modifications"], award["versions"]) == (1, 2)


def test_both_formats_give_the_same_table(tmp_path: Path) -> None:
    assert_frame_equal(
        awards(tmp_path, *CONTRACTS, year=2022), awards(tmp_path, *CONTRACTS, year=2019)
    )


@pytest.mark.parametrize("year", [2019, 2022])
def test_several_modifications_follow_each_other(tmp_path: Path, year: int) -> None:
    contract = BY_ID[AMENDED]
    later = {"dateNotificationModification": "2019-03-01", "dureeMois": 5}
    replaced = {
        "dateNotificationModification": "2019-04-01",
        "titulaires": BY_ID["201809101"]["titulaires"],
    }
    changes = [*contract["modifications"], later, replaced]
    (award,) = awards(tmp_path, {**contract, "modifications": changes}, year=year).to_dicts()
    assert award["titulaire_id"] == BY_ID["201809101"]["titulaires"][0]["id"]
    assert (award["montant_eur"], award["duree_mois"]) == (178268.0, 5)
    assert award["date_notification"] == date(2019, 4, 1)


@pytest.mark.parametrize(
    "shape",
    [
        lambda winner: [winner],
        lambda winner: [[winner]],
        lambda winner: [{"titulaire": winner}],
        lambda winner: {"titulaire": [winner]},
        lambda winner: {"titulaire": winner},
    ],
)
def test_every_way_in_which_winners_are_listed(tmp_path: Path, shape: Any) -> None:
    contract = {**BY_ID["201809101"], "modifications": []}
    (winner,) = contract["titulaires"]
    table = awards(tmp_path, {**contract, "titulaires": shape(winner)})
    assert table["titulaire_id"].to_list() == [winner["id"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"titulaires": None},
        {"titulaires": []},
        {"titulaires": None, "concessionnaires": [{"id": "30600163700025"}]},
        {"acheteur": None},
    ],
    ids=["null", "none", "concession", "no buyer"],
)
def test_what_is_no_award_is_left_out(tmp_path: Path, changes: Contract) -> None:
    contract = {**BY_ID["201809101"], "modifications": [], **changes}
    assert awards(tmp_path, contract).is_empty()


def test_a_flat_buyer_is_found(tmp_path: Path) -> None:
    contract = {key: value for key, value in BY_ID["201809101"].items() if key != "acheteur"}
    flat = {**contract, "acheteur.id": "21500222100012"}
    assert awards(tmp_path, flat)["acheteur_id"].to_list() == ["21500222100012"]


@pytest.mark.parametrize("word", ["NC", "CDL"])
def test_words_for_unknown_are_no_numbers(tmp_path: Path, word: str) -> None:
    contract = {**BY_ID["201809101"], "modifications": [], "dureeMois": word, "montant": word}
    (award,) = awards(tmp_path, contract).to_dicts()
    assert (award["duree_mois"], award["montant_eur"]) == (None, None)


def test_parquet_gives_what_the_csv_gives(tmp_path: Path) -> None:
    usual = load_dataset(DESCRIPTION).resource("decp")
    path = tmp_path / "decp.parquet"
    typed = pl.read_csv(CSV, infer_schema=False).with_columns(
        pl.col("montant").cast(pl.Float64),
        pl.col("dureeMois").cast(pl.Int64),
        pl.col("dateNotification").str.to_date(),
    )
    typed.write_parquet(path)
    columnar = of(usual.in_form("parquet"), path, tmp_path / "parquet")
    assert_frame_equal(columnar, of(usual, CSV, tmp_path / "csv"))
    assert usual.in_form("parquet").id == "11cea8e8-df3e-4ed1-932b-781e2635e432"
