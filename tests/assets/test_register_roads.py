"""Each small register from a portal to the table that serves, through the whole engine.

A loopback server stands for the portals; nothing of the engine is replaced.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from register_portal import Portal, serving
from register_reading import RECORDS, ROOT

from assets import discovery
from assets.workspace import Workspace
from opendata.catalogue import load_dataset
from opendata.clock import Clock
from opendata.ingest import Source, build
from opendata.live_check import check_dataset
from opendata.take import take

DAY = date(2026, 4, 28)
ROWS = {
    "acco": 3,
    "aides_ademe": 4,
    "aides_minimis": 3,
    "alimconfiance": 3,
    "beges": 3,
    "dpo": 3,
    "epv": 2,
    "finess": 5,
    "organismes_formation": 2,
    "rge": 5,
    "spectacle": 2,
    "subventions": 1,
}


def agreements() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for path in sorted((RECORDS / "acco").glob("*.xml")):
            info = tarfile.TarInfo(f"20260424-063142/acco/global/ACCO/TEXT/00/{path.name}")
            info.size = path.stat().st_size
            archive.addfile(info, io.BytesIO(path.read_bytes()))
    return target.getvalue()


def records(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (RECORDS / f"{name}.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    described = {name: load_dataset(ROOT / "assets" / name / "dataset.yml") for name in ROWS}
    files = {
        described[name].resources[0].id: (
            described[name].dataset_id,
            (RECORDS / f"{name}.csv").read_bytes(),
        )
        for name in ("aides_ademe", "aides_minimis", "dpo", "spectacle")
    }
    care = described["finess"].resources[0].id
    packed = gzip.compress((RECORDS / "finess.json").read_bytes(), mtime=0)
    files[care] = (described["finess"].dataset_id, packed)
    contacts = {"telephone": "0102030405", "email": "someone@example.org"}
    content = Portal(
        lines={
            described[name].resources[0].id: [{**row, **contacts} for row in records(name)]
            for name in ("rge", "beges")
        },
        exports={
            "liste-publique-des-of-v2": (RECORDS / "organismes_formation.csv").read_bytes(),
            described["alimconfiance"].resources[0].id: (
                RECORDS / "alimconfiance.csv"
            ).read_bytes(),
            described["epv"].resources[0].id: (RECORDS / "epv.csv").read_bytes(),
            described["subventions"].resources[0].id: (RECORDS / "subventions.csv").read_bytes(),
        },
        files=files,
        titles={care: "finess-structures-journalier-20260428.json.gz"},
        folder={
            "Freemium_acco_global_20250713-140000.tar.gz": b"45 GB, never asked for",
            "ACCO_20260417-063142.tar.gz": agreements(),
            "ACCO_20260424-063142.tar.gz": agreements(),
        },
    )
    # A field without a value is left out of its record, the first one too.
    content.lines[described["rge"].resources[0].id][0]["commune"] = None
    with serving(content) as running:
        yield running


@pytest.mark.parametrize("name", sorted(ROWS))
def test_from_the_portal_to_the_table(name: str, portal: Portal, tmp_path: Path) -> None:
    source = discovery.sources()[name]
    host = source.dataset.host.removeprefix("https://")
    workspace = Workspace(
        data_dir=tmp_path, clock=Clock.at(DAY), bases={host: f"{portal.base}/{host}"}
    )
    portal.asked.clear()
    take(source, workspace.store, workspace.clock, workspace.portals)
    outcome = build(lenient(source), workspace.store, workspace.clock)
    assert outcome.status == "published", outcome
    ((table, _),) = source.dataset.tables.items()
    rows = workspace.store.scan(table).collect()
    assert rows.height == ROWS[name]
    assert rows["source_id"].unique().to_list() == [outcome.version.source_id]
    assert rows["publication_date"].null_count() == 0
    raw = b"".join(path.read_bytes() for path in (tmp_path / "raw").rglob("*") if path.is_file())
    assert b"someone@example.org" not in raw
    assert not any("Freemium" in path for path, _ in portal.asked)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_the_live_check_finds_nothing_to_act_on(name: str, portal: Portal, tmp_path: Path) -> None:
    dataset = discovery.sources()[name].dataset
    host = dataset.host.removeprefix("https://")
    workspace = Workspace(
        data_dir=tmp_path / "data", clock=Clock.at(DAY), bases={host: f"{portal.base}/{host}"}
    )
    with workspace.portals(dataset.host) as client:
        found = check_dataset(
            dataset,
            portal=client.portals[dataset.portal],
            http=client.http,
            today=DAY,
            described_in=f"assets/{name}/dataset.yml",
        )
    assert [drift for drift in found if drift.stops] == []


def lenient(source: Source) -> Source:
    """Return ``source`` without the shares that a handful of rows cannot have."""
    assertions = {"rejected_ceiling": 1.0, "fill_floor": {}}
    dataset = source.dataset
    tables = {
        name: table.model_copy(
            update={"assertions": table.assertions.model_copy(update=assertions)}
        )
        for name, table in dataset.tables.items()
    }
    return replace(source, dataset=dataset.model_copy(update={"tables": tables}))
