"""The scale track on a made register of three thousand units, from files to answers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import polars as pl
import pytest

from benchmarks.france import write as france
from benchmarks.matching import noise, scale
from leads.index import Index

UNITS = 3_000


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scale")
    pools = france.pools(bundled=True)
    for name in scale.FILES:
        rows = france.parts(france.FILES[name], 0, UNITS, pools)
        target = france.month_folder(folder, 0) / f"{name}.parquet"
        france.whole(target, partial(france.parquet, rows))
    facts = scale.build(folder)
    assert facts["units"] == Index.open(folder / "index").units > UNITS * 0.9
    assert 0 < facts["own_mb"] <= facts["peak_mb"]
    return folder


def test_a_step_tells_speed_and_what_was_found(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale, "ALONE", 5)
    facts = scale.match(built, 400)
    assert facts["leads"] == 400
    assert facts["leads_per_cpu_second"] > 0
    assert facts["one_lead_cpu_ms"]["median"] <= facts["one_lead_cpu_ms"]["p95"]
    # A sixth bear another name, which nothing leads to their unit.
    assert 0.5 < facts["first_place"] < 0.95
    assert facts["confirmed_right"] <= facts["confirmed"]


def test_leads_are_made_as_often_as_measured_and_the_same_every_time(built: Path) -> None:
    names = Index.open(built / "index").scan("names")
    leads = noise.typed(names, 2_000)
    assert leads.equals(noise.typed(names, 2_000))
    done = dict(leads["done"].value_counts(normalize=True).iter_rows())
    assert set(done) <= set(noise.SHARES)
    for name, share in noise.SHARES.items():
        assert done.get(name, 0.0) == pytest.approx(share, abs=0.03), name
    kept = leads.filter(pl.col("done") == "as it is")
    own = names.select("siren", "name").collect()
    pairs = kept.join(own, left_on=["true_siren", "company_name"], right_on=["siren", "name"])
    assert pairs.height >= kept.height


def test_a_peer_that_did_not_finish_is_said_so() -> None:
    assert "none of the sizes" in scale._row("slow", None)
