"""The two recipes of CONTRIBUTING.md: a dataset is two files, a signal is one."""

from __future__ import annotations

import importlib.util
import shutil
from datetime import date
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from assets import discovery
from assets.dataset_assets import dataset_assets
from assets.frames import StoreFrames
from opendata.attribution import dataset_page
from opendata.catalogue import Dataset, load_catalogue
from opendata.clock import Clock
from opendata.contract import read_resource
from opendata.ingest import Source, dated
from opendata.quality import check_table
from opendata.versions import TableStore
from pipelines.replay import SAMPLE
from signals.detect import detect_all
from signals.pages import signal_page
from signals.registry import discover, registry

RECIPES = Path(__file__).with_name("recipes")
PUBLISHED = date(2025, 1, 6)


@pytest.fixture
def buyers(tmp_path: Path) -> Source:
    """The dataset, in a folder of its own as the recipe says."""
    folder = tmp_path / "assets" / "buyers"
    folder.mkdir(parents=True)
    for name in ("dataset.yml", "normalise.py"):
        shutil.copy(RECIPES / "datasets" / "buyers" / name, folder)
    dataset = load_catalogue(tmp_path / "assets")["buyers"]
    module = _module(folder / "normalise.py")
    return Source(dataset, module.CODE_VERSION, normalise=module.normalise)


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tables(source: Source, path: Path, work: Path) -> dict[str, pl.LazyFrame]:
    read = read_resource(source.dataset.resources[0], [path], work=work)
    assert source.normalise is not None
    rows = source.normalise({source.dataset.resources[0].name: pl.scan_parquet(read.path)})
    return dated(rows, PUBLISHED)


def test_two_files_make_a_dataset_of_real_records(buyers: Source, tmp_path: Path) -> None:
    path = SAMPLE / "decp" / "2025-01-06" / "decp.csv"
    rows = _tables(buyers, path, tmp_path / "work")["buyers__names"].collect()
    there = set(pl.read_csv(path, infer_schema=False)["acheteur_id"])
    # One buyer of the real file has a SIRET whose check digit is wrong: it is in quarantine.
    assert there - set(rows["acheteur_id"]) == {"64552016400000"}
    assert rows.height == len(there) - 1
    assert rows["publication_date"].unique().to_list() == [PUBLISHED]


def test_its_description_alone_gives_gates_assets_and_a_page(
    buyers: Source, tmp_path: Path
) -> None:
    dataset: Dataset = buyers.dataset
    path = SAMPLE / "decp" / "2025-01-06" / "decp.csv"
    rows = _tables(buyers, path, tmp_path / "work")["buyers__names"]
    described = [column.name for column in dataset.described_columns("buyers__names")]
    assert [*rows.collect_schema(), "source_id"] == described
    results = check_table(dataset, "buyers__names", rows, today=PUBLISHED)
    assert [one.message for one in results if not one.passed] == []
    keys = {key.to_user_string() for one in dataset_assets(buyers) for key in one.keys}
    assert keys == {"raw_buyers", "core_buyers__names"}
    assert "buyers__names" in dataset_page(dataset)


def test_a_buyer_without_a_valid_siret_is_refused(buyers: Source, tmp_path: Path) -> None:
    path = tmp_path / "decp.csv"
    path.write_text("acheteur_id,acheteur_nom\n21750001600019,PARIS\n21750001600018,PARIS\n")
    read = read_resource(buyers.dataset.resources[0], [path], work=tmp_path / "work")
    assert (read.accepted, read.rules) == (1, {"acheteur_id:luhn": 1})


def test_one_file_makes_a_signal_on_real_records(replayed: Path, tmp_path: Path) -> None:
    shutil.copy(RECIPES / "detectors" / "index_fell.py", tmp_path)
    detectors = discover(tmp_path)
    store = TableStore(replayed)
    baseline = store.state("egapro").versions[0]
    today = date(2021, 3, 2)
    frames = StoreFrames(store, discovery.owners(), today, {"egapro": baseline.id})
    found = detect_all(frames, recorded=Clock.at(today).now(), run_id="recipe", detectors=detectors)
    index = store.scan("egapro__declarations").collect()
    pairs = index.join(
        index.with_columns(pl.col("annee") + 1), on=["siren", "annee"], suffix="_was"
    )
    fell = pairs.filter(
        pl.col("annee") == 2020, pl.col("note_index_was") - pl.col("note_index") >= 10
    )
    assert fell.height > 0
    assert set(found["siren"]) <= set(fell["siren"])
    assert set(found["type"]) == {"fr.company_signals.equality.index_fell.v1"}
    assert found.height > 0


def test_a_signal_brings_its_page_and_needs_no_list(tmp_path: Path) -> None:
    shutil.copy(RECIPES / "detectors" / "index_fell.py", tmp_path)
    (detector,) = discover(tmp_path).values()
    page = signal_page(detector, discovery.owners())
    assert detector.signal.guards[0] in page
    assert detector.signal.code not in registry()
