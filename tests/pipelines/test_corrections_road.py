"""What a publisher takes back or corrects, from the portal to the exported stream.

Two real sales of BODACC A 20210005; the notices that annul one and rectify the other a week later
are *synthetic*, in the shape of those that are published.
"""

from __future__ import annotations

import json
import shutil
from datetime import date
from typing import Any

import polars as pl
import pytest
from replaying import run_step, stream_rows

from opendata.sample_portal import SamplePortal
from pipelines import replay
from pipelines.main_job import history

ANNULLED, RECTIFIED = "A20210005186", "A202100051"
BASELINE, SOLD, CORRECTED = date(2008, 1, 16), date(2021, 1, 11), date(2021, 1, 18)
LATER = "bodacc/2021-01-15.jsonl"
#: Nobody's lead is concerned: only the company stream is looked at.
SKIPPED = ("diffusion", "leads", "matches", *replay.LOOKED_AT_LAST)


def _notices(name: str) -> list[dict[str, Any]]:
    lines = (replay.SAMPLE / "bodacc" / name).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _correction(notice: dict[str, Any], number: int, kind: str) -> dict[str, Any]:
    """Return the notice that takes the place of ``notice`` a week later."""
    cited = {
        "nomPublication": "BODACC A",
        "numeroParution": notice["parution"],
        "numeroAnnonce": str(notice["numeroannonce"]),
        "dateParution": notice["dateparution"],
    }
    return {
        **notice,
        "id": f"A20210010{number}",
        "parution": "20210010",
        "dateparution": "2021-01-15",
        "numeroannonce": number,
        "typeavis": kind,
        "parutionavisprecedent": json.dumps(cited),
    }


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The company stream after the sales were published, and corrected a week later."""
    folder = tmp_path_factory.mktemp("corrections")
    sample = folder / "sample"
    shutil.copytree(replay.SAMPLE, sample, ignore=shutil.ignore_patterns("build", "expected"))
    sales = {one["id"]: one for one in _notices("2021-01-08.jsonl")}
    told = [
        _correction(sales[ANNULLED], 1, "annulation"),
        _correction({**sales[RECTIFIED], "ville": "Gauchy"}, 2, "rectificatif"),
    ]
    for name, notices in (
        ("bodacc/2008-01-15.jsonl", _notices("2008-01-15.jsonl")[:20]),
        ("bodacc/2021-01-08.jsonl", [sales[ANNULLED], sales[RECTIFIED]]),
        (LATER, told),
    ):
        text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in notices)
        (sample / name).write_text(text, "utf-8")
    described = (sample / "portal.yml").read_text("utf-8")
    listed = "      - bodacc/2021-01-08.jsonl\n"
    assert listed in described
    (sample / "portal.yml").write_text(described.replace(listed, f"{listed}      - {LATER}\n"))
    with SamplePortal(sample) as portal, history():
        for day in (BASELINE, SOLD, CORRECTED):
            step = replay.Step(date=day, run=["bodacc"], publishes=[], note="")
            report = run_step(portal, step, folder / "data", skip=SKIPPED)
            assert report.ok, report.failures
    return stream_rows(folder / "data" / "exports" / "company")


def of(stream: pl.DataFrame, siren: str) -> list[tuple[str, str | None]]:
    return stream.filter(siren=siren).sort("sequence").select("op", "reason").rows()


def test_an_annulled_sale_is_retracted_with_its_reason(stream: pl.DataFrame) -> None:
    assert of(stream, "892552506") == [("ASSERT", None), ("RETRACT", "annulation")]
    assert of(stream, "822825618") == [("ASSERT", None), ("RETRACT", "annulation")]


def test_a_rectified_sale_is_amended_and_says_what_is_right(stream: pl.DataFrame) -> None:
    ops = of(stream, "892606575")
    assert [op for op, _ in ops] == ["ASSERT", "AMEND"]
    first, last = stream.filter(siren="892606575").sort("sequence").to_dicts()
    assert json.loads(first["after"])["ville"] == "Saint-Quentin"
    assert json.loads(last["after"])["ville"] == "Gauchy"
    assert last["evidence"][0]["record_key"] == "A202100102"
    assert stream["signalid"].n_unique() == 3


def test_the_notices_that_correct_are_no_events(stream: pl.DataFrame) -> None:
    assert stream.filter(pl.col("op") == "ASSERT").height == 3
