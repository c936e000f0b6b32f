"""The main road on the bundled real sample, from the portal to the exported tables."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from replaying import Replayed, hashes, run_step, stream_rows

from assets import discovery
from assets.customers import states
from opendata.clock import Clock
from opendata.sample_portal import SamplePortal
from opendata.warehouse import Warehouse
from pipelines import replay
from signals.registry import registry

ROOT = replay.SAMPLE.parents[1]

#: The kinds of signals that the first release promises on the sample.
PROMISED = {
    "site_opened",
    "hq_moved",
    "company_closed",
    "business_acquired",
    "business_sold",
    "insolvency_opened",
    "contract_won",
}


def _code(kind: str) -> str:
    return kind.split(".")[-2]


def test_every_run_date_ends_well(replayed: Replayed) -> None:
    assert {day: report.failures for day, report in replayed.reports.items() if not report.ok} == {}


def test_each_source_is_loaded_and_its_baseline_is_silent(
    replayed: Replayed, plan: list[replay.Step]
) -> None:
    loaded = set(replayed.workspace.store.datasets())
    # Datasets without a bundled extract are not in the plan of run dates.
    assert {name for step in plan for name in step.run} <= loaded <= set(discovery.sources())
    for name in loaded:
        version = replayed.workspace.store.state(name).versions[0]
        assert version.baseline
        said = stream_rows(replayed.exports / "company").explode("evidence")
        cited = said.select(pl.col("evidence").struct.field("source_id"))
        assert version.source_id not in cited["source_id"].to_list()
    first = {name: step.date for step in reversed(plan) for name in step.run}
    assert {replayed.reports[day].added.get("x", 0) for day in first.values()} == {0}


def test_the_promised_signals_reach_the_company_stream_and_leads(replayed: Replayed) -> None:
    company = {_code(kind) for kind in stream_rows(replayed.exports / "company")["type"]}
    on_leads = {
        _code(kind)
        for account in (replayed.exports / "accounts").iterdir()
        for kind in stream_rows(account)["type"]
    }
    assert company >= PROMISED
    assert on_leads >= PROMISED


def test_the_readme_counts_the_kinds_that_the_sample_shows(replayed: Replayed) -> None:
    seen = {_code(kind) for kind in stream_rows(replayed.exports / "company")["type"]}
    real = [code for code, one in registry().items() if one.signal.real_example is not None]
    assert len(seen) >= 15
    assert seen <= set(real), "each kind seen on real records says where on its page"
    said = f"Of the {len(registry())} kinds of signals {len(real)} were seen on real records"
    text = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert f"{said}, {len(seen)} of them in the replay" in text


def test_the_warehouse_answers_for_a_day_in_the_life_of_an_insolvent_company(
    replayed: Replayed,
) -> None:
    asked = (
        "SELECT state, severity FROM insolvency_states_as_of(CAST(? AS DATE)) "
        "WHERE siren = '709500441'"
    )
    days = ("2007-12-10", "2007-12-11", "2008-04-22", "2024-01-01")
    with Warehouse.read_only(replayed.workspace.warehouse) as db:
        seen = [db.rows(asked, [day]) for day in days]
    over = [("liquidation_judiciaire", 3)]
    assert seen == [[], [("plan", 1)], over, over]


def test_a_real_liquidation_silences_its_company_on_the_day_of_the_score(
    replayed: Replayed,
) -> None:
    told = []
    for day in (date(2008, 4, 21), date(2008, 4, 22), date(2018, 4, 22)):
        at_day = replace(replayed.workspace, clock=Clock.at(day))
        (row,) = states(at_day).filter(siren="709500441").collect().to_dicts()
        told.append((row["state"], row["silences"]))
    over = "liquidation_judiciaire"
    assert told == [("plan", False), (over, True), (over, False)]


def test_a_real_company_is_followed_from_its_notice_to_its_lead(replayed: Replayed) -> None:
    # BODACC A 20210005, notice 1: BELLEVUE (892606575) bought a hairdresser's in Saint-Quentin.
    company = stream_rows(replayed.exports / "company").filter(
        pl.col("siren") == "892606575", pl.col("type").str.contains("business_acquired")
    )
    assert company.height == 1
    row = company.row(0, named=True)
    assert row["company_name"] == "BELLEVUE"
    assert json.loads(row["after"])["price_eur"] == 192691
    assert row["evidence"][0]["record_key"] == "A202100051"
    assert row["evidence"][0]["publication_date"] == date(2021, 1, 8)


def test_every_exported_row_names_dataset_record_date_and_licence(replayed: Replayed) -> None:
    streams = [replayed.exports / "company", *(replayed.exports / "accounts").iterdir()]
    for stream in streams:
        evidence = stream_rows(stream).select("evidence").explode("evidence").unnest("evidence")
        needed = ["dataset_id", "record_key", "publication_date", "licence", "publisher", "url"]
        assert evidence.height > 0
        assert evidence.select(needed).null_count().sum_horizontal().item() == 0
        # Licence Ouverte, version 2 and version 1.
        assert set(evidence["licence"]) <= {"lov2", "fr-lo"}


def test_each_stream_is_gapless_and_described_by_its_manifest(replayed: Replayed) -> None:
    for stream in [replayed.exports / "company", *(replayed.exports / "accounts").iterdir()]:
        manifest = json.loads((stream / "manifest.json").read_bytes())
        rows = stream_rows(stream)
        assert rows["sequence"].cast(pl.Int64).to_list() == list(range(1, rows.height + 1))
        assert int(manifest["max_sequence"]) == rows.height
        assert (stream / "ATTRIBUTION.md").read_text("utf-8").count("Licence Ouverte") >= 1


def test_running_again_with_nothing_new_publishes_nothing(
    replayed: Replayed, plan: list[replay.Step], portal: SamplePortal
) -> None:
    before = hashes(replayed.exports), hashes(replayed.data_dir / "signals")
    report = run_step(portal, plan[-1], replayed.data_dir)
    assert report.outcomes == {"decp": "unchanged", "sitadel": "unchanged"}
    assert report.nothing_new
    assert (hashes(replayed.exports), hashes(replayed.data_dir / "signals")) == before


def test_leads_are_never_plain_on_disk(replayed: Replayed) -> None:
    rows = pl.read_csv(replay.SAMPLE / "leads.csv", infer_schema=False)
    names = [name for name in rows["company_name"] if len(name) >= 12][:20]
    content = (replayed.data_dir / "leads.duckdb").read_bytes()
    assert not [name for name in names if name.encode() in content]
    for private in ("leads.duckdb", "keys/lead.key"):
        mode = stat.S_IMODE((replayed.data_dir / private).stat().st_mode)
        assert mode == 0o600


def test_analysts_query_what_was_published(replayed: Replayed) -> None:
    with Warehouse.read_only(replayed.workspace.warehouse) as db:
        rows = db.rows(
            "SELECT count(*), count(DISTINCT siren), min(length(siren)) FROM sirene__legal_units"
        )
        assert rows == [(3796, 3796, 9)]
        comments = db.rows(
            "SELECT comment FROM duckdb_tables() WHERE table_name = 'sirene__legal_units'"
        )
        assert "Insee" in comments[0][0]
        assert "Licence Ouverte" in comments[0][0]
        unnamed = db.rows(
            "SELECT count(*) FROM decp__awards LEFT JOIN sources USING (source_id) "
            "WHERE licence_url IS NULL OR publisher IS NULL"
        )
        assert unnamed == [(0,)]


def test_the_same_plan_gives_the_same_bytes(
    replayed: Replayed,
    plan: list[replay.Step],
    portal: SamplePortal,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    again = tmp_path_factory.mktemp("again") / "data"
    for step in plan[:2]:
        run_step(portal, step, again)
    made = hashes(again)
    same = {path for path in made if path.startswith(("tables/bodacc", "signals/segments"))}
    assert len(same) >= 9
    first = hashes(replayed.data_dir)
    assert {path: first[path] for path in same} == {path: made[path] for path in same}
