"""What the registers say beside the log: of an account's own leads, with its sources."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from signal_world import BUYER, LATER, SELLER, account, match, publish, source_frame

from opendata.errors import LicenceError
from signals.feed.registers import COMPANY_TABLE, CONTRADICTION_TABLE, Registers
from signals.log import SignalLog

SIRENE = "sirene_changes@v1"


def company(siren: str, **values: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(COMPANY_TABLE)
    return {**nothing, "siren": siren, "tranche_effectifs": "12", "source_id": SIRENE, **values}


def contradiction(siren: str, source_id: str = SIRENE) -> dict[str, Any]:
    return {
        **dict.fromkeys(CONTRADICTION_TABLE),
        "contradiction_id": f"c-{siren}",
        "siren": siren,
        "kind": "active_but_struck_off",
        "left_field": "sirene__legal_units.etat_administratif",
        "left_source_id": source_id,
        "right_field": "bodacc__strike_offs.siren",
        "right_source_id": "bodacc@v1",
        "since": date(2021, 1, 1),
        "note_fr": "Active dans Sirene, radiée du RCS selon le BODACC.",
        "note_en": "Active in Sirene, struck off according to BODACC.",
    }


def registers(source_id: str = SIRENE) -> Registers:
    companies = pl.DataFrame([company(BUYER), company(SELLER)], schema=COMPANY_TABLE)
    found = [contradiction(SELLER, source_id), contradiction(BUYER, source_id)]
    return Registers(companies.lazy(), pl.DataFrame(found, schema=CONTRADICTION_TABLE))


def table(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{name}.parquet")


def test_an_account_has_its_leads_companies_and_no_other(log: SignalLog, out: Path) -> None:
    leads = [match("l1", BUYER), match("l2", BUYER), match("l3", SELLER, verdict="ambiguous")]
    publish(log, out, *leads, match("l4", SELLER, "beta"), registers=registers())
    for name, siren in (("acme", BUYER), ("beta", SELLER)):
        for one in ("companies", "contradictions"):
            assert table(account(out, name), one)["siren"].to_list() == [siren]
    assert table(out / "company", "contradictions")["siren"].to_list() == sorted([BUYER, SELLER])
    assert not (out / "company" / "companies.parquet").exists()


def test_who_said_so_is_named(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER), registers=registers())
    for folder in (account(out), out / "company"):
        assert set(table(folder, "sources")["source_id"]) == {"bodacc@v1", SIRENE}
        assert "Insee" in (folder / "ATTRIBUTION.md").read_text()


def test_a_register_that_is_not_described_stops_everything(log: SignalLog, out: Path) -> None:
    with pytest.raises(LicenceError, match="unknown@v1"):
        publish(log, out, registers=registers("unknown@v1"))
    closed = source_frame().with_columns(
        licence_id=pl.when(pl.col("dataset") == "sirene_changes")
        .then(pl.lit("notspecified"))
        .otherwise("licence_id")
    )
    with pytest.raises(LicenceError, match="notspecified"):
        publish(log, out, match("l1", BUYER), registers=registers(), sources=closed)


def test_a_change_in_the_register_is_news(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER), registers=registers())
    assert not publish(log, out, match("l1", BUYER), day=LATER, registers=registers()).published
    grown = pl.DataFrame([company(BUYER, tranche_effectifs="21")], schema=COMPANY_TABLE)
    later = Registers(grown.lazy(), registers().contradictions)
    report = publish(log, out, match("l1", BUYER), day=LATER, registers=later)
    assert [stream.published for stream in report.streams] == [True, False]
    assert table(account(out), "companies")["tranche_effectifs"].to_list() == ["21"]
