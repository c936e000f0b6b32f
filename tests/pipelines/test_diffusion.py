"""A natural person who turns to partial diffusion disappears from every copy, within the run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from interrupted import Killed, killed_reaching
from synthetic_persons import (
    COMPANY,
    NAME,
    STAYS,
    TURNS,
    TURNS_LATER,
    files_with,
)
from synthetic_world import DAYS, SITES, UNITS, World

from assets import discovery
from assets.workspace import Workspace
from leads.privacy.receipts import read_receipt, receipts
from opendata.lock import one_writer
from opendata.receipt import load_receipt
from opendata.state import Draft
from opendata.warehouse import Warehouse
from pipelines.diffusion import look
from pipelines.main_job import (
    history,
    run_datasets,
    run_main_job,
)
from pipelines.rollback import step_back


@pytest.fixture(scope="module", autouse=True)
def _one_history() -> Iterator[None]:
    with history():
        yield


def shown(workspace: Workspace, table: str, unit: str) -> list[dict[str, object]]:
    """Return what each version on disk says of a unit, oldest first."""
    found = []
    for version in workspace.store.state("sirene").versions:
        path = workspace.data_dir / version.tables[table].file
        found += pl.read_parquet(path, glob=False).filter(siren=unit).to_dicts()
    return found


def test_who_turns_is_masked_in_every_version_within_the_run(
    january: World, february: World
) -> None:
    before = shown(january.workspace(DAYS[0]), SITES, TURNS.siren)
    assert [row["code_postal"] for row in before] == ["79180"]
    after = february.workspace(DAYS[1])
    sites = shown(after, SITES, TURNS.siren)
    assert [row["statut_diffusion"] for row in sites] == ["P", "P"]
    assert [row["code_postal"] for row in sites] == ["[ND]", "[ND]"]
    assert [row["libelle_commune"] for row in sites] == ["CHAURAY", "CHAURAY"]
    assert [row["statut_diffusion"] for row in shown(after, UNITS, TURNS.siren)] == ["P", "P"]
    # Who did not turn is left as it was, in the files that were written again too.
    kept = shown(after, SITES, STAYS.siren)
    assert [(row["statut_diffusion"], row["code_postal"]) for row in kept] == [("O", "79180")] * 2


def test_older_raw_files_go_and_their_receipts_stay(february: World, tmp_path: Path) -> None:
    there = {}
    for note in (february.folder / "raw" / "sirene").glob("*/*/*.receipt.json"):
        receipt = load_receipt(note)
        there[receipt.resource, receipt.publisher_date] = receipt.path(february.folder).exists()
    changed = {name for name, day in there if day == date(2017, 2, 1)}
    assert {"stock-unite-legale", "stock-etablissement"} <= changed
    # A file that is the same in both months shows what its publisher shows now.
    assert {name for (name, _), exists in there.items() if not exists} == changed
    assert all(exists for (_, day), exists in there.items() if day == date(2017, 2, 1))
    assert not files_with(february.folder / "raw", (TURNS.siren + ",O,",))
    # The next runs need none of those that went.
    world = february.copied(tmp_path)
    assert world.run(DAYS[1]).ok
    assert world.run(DAYS[2]).ok


def test_the_warehouse_shows_no_place_of_who_turned(february: World) -> None:
    with Warehouse.read_only(february.folder / "warehouse.duckdb") as db:
        rows = db.rows(
            f"SELECT statut_diffusion, code_postal FROM {SITES} WHERE siren = ?", [TURNS.siren]
        )
    assert rows == [("P", "[ND]")]


def test_the_bytes_show_the_name_of_nobody(january: World, february: World) -> None:
    # The search finds them where they are: in the publisher's own files.
    assert files_with(january.folder, (NAME,))
    left = {path.split("/")[0] for path in files_with(february.folder, (NAME,))}
    assert left == {"raw"}, "what the publisher shows today of those who did not turn"


def test_a_company_that_turned_is_kept_and_closed_to_prospecting(february: World) -> None:
    workspace = february.workspace(DAYS[1])
    rows = shown(workspace, UNITS, COMPANY.siren)
    assert [row["denomination"] for row in rows] == ["SYNTHETIQUE QWORTZ"] * 2
    assert [row["statut_diffusion"] for row in rows] == ["O", "P"]
    facts = workspace.suppressions.facts()
    tag = workspace.suppressions.keys().unit(COMPANY.siren)
    assert tag in facts.legal
    assert tag not in facts.natural


def test_the_receipts_say_where_and_how_much_and_name_nobody(february: World) -> None:
    record = february.workspace(DAYS[1]).suppressions
    found = [read_receipt(record, path) for path in receipts(record)]
    assert {one.action for one in found} == {"diffusion"}
    assert sum(place.rows for one in found for place in one.places if place.place == "tables") > 0
    everything = b"".join(p.read_bytes() for p in record.folder.rglob("*") if p.is_file())
    for unit in (TURNS, COMPANY, STAYS):
        assert unit.siren.encode() not in everything


def test_a_second_run_finds_nothing_more(february: World, tmp_path: Path) -> None:
    world = february.copied(tmp_path)
    record = world.workspace(DAYS[1]).suppressions
    before = (len(record.entries()), receipts(record))
    world.run(DAYS[1])
    again = world.workspace(DAYS[1]).suppressions
    assert (len(again.entries()), receipts(again)) == before


def test_between_the_record_and_the_bytes_nothing_is_shown(january: World, tmp_path: Path) -> None:
    workspace = january.copied(tmp_path).workspace(DAYS[1])
    record = workspace.suppressions
    tag = record.keys().unit(TURNS.siren)
    record.hide({"natural": [tag]}, date(2017, 2, 1), workspace.clock.now())
    rows = workspace.store.scan(SITES).filter(siren=TURNS.siren).collect()
    assert rows["code_postal"].to_list() == ["[ND]"]
    # Not a byte was written: what was read is what differs.
    assert [row["code_postal"] for row in shown(workspace, SITES, TURNS.siren)] == ["79180"]


@pytest.mark.parametrize(
    "point", ["ledger:after-append", "rewrite:after-rename", "receipt:before-rename"]
)
def test_a_run_killed_while_it_purges_is_finished_by_the_next(
    january: World, tmp_path: Path, point: str
) -> None:
    world = january.copied(tmp_path)
    report = run_datasets(world.workspace(DAYS[1]), ["sirene"])
    assert report.ok
    with killed_reaching(point), pytest.raises(Killed), one_writer(world.folder):
        look(world.workspace(DAYS[1]))
    workspace = world.workspace(DAYS[1])
    with one_writer(world.folder):
        look(workspace)
    sites = shown(workspace, SITES, TURNS.siren)
    assert [row["code_postal"] for row in sites] == ["[ND]", "[ND]"]
    assert workspace.suppressions.open_entries() == ()
    assert receipts(workspace.suppressions)


def test_a_rollback_does_not_show_again_who_turned_since(february: World, tmp_path: Path) -> None:
    world = february.copied(tmp_path)
    served = world.workspace(DAYS[1]).store.current("sirene")
    assert served is not None
    unmasked = world.folder / served.tables[SITES].file
    kept = shutil.copy(unmasked, tmp_path / "from-a-backup.parquet")
    assert world.run(DAYS[2]).ok
    workspace = world.workspace(DAYS[2])
    back = workspace.store.state("sirene").find(served.id)
    assert back is not None
    # What a backup brings back: the bytes as they were before anybody turned.
    shutil.copy(kept, world.folder / back.tables[SITES].file)
    assert [row["code_postal"] for row in shown(workspace, SITES, TURNS_LATER.siren)][1] == "79180"
    step_back(workspace, "sirene")
    assert workspace.store.current("sirene") == workspace.store.state("sirene").find(served.id)
    rows = workspace.store.scan(SITES).filter(siren=TURNS_LATER.siren).collect()
    assert rows["statut_diffusion"].to_list() == ["P"]
    assert rows["code_postal"].to_list() == ["[ND]"]
    assert "79180" not in {row["code_postal"] for row in shown(workspace, SITES, TURNS_LATER.siren)}


def test_who_turns_within_a_day_is_masked_within_the_run(january: World, tmp_path: Path) -> None:
    """A file put right on the day it was published: the same date, another status."""
    world = january.copied(tmp_path)
    workspace = world.workspace(DAYS[0])
    served = workspace.store.current("sirene")
    assert served is not None
    turned = pl.col("siren") == TURNS.siren
    status = pl.when(turned).then(pl.lit("P")).otherwise("statut_diffusion")
    frames = {
        name: rows.drop("source_id").with_columns(
            *([status.alias("statut_diffusion")] if name in (UNITS, SITES) else [])
        )
        for name, rows in workspace.store.rows_of(served).items()
    }
    again = Draft(
        **{
            **{name: getattr(served, name) for name in Draft.model_fields},
            "id": f"{served.publisher_date}-000000000000",
            "created_at": served.created_at + timedelta(hours=1),
        }
    )
    dataset = discovery.catalogue()["sirene"]
    with one_writer(world.folder):
        workspace.store.promote(workspace.store.stage(dataset, again, frames))
        assert look(workspace).natural >= 1
    rows = shown(workspace, SITES, TURNS.siren)
    assert [row["statut_diffusion"] for row in rows] == ["P", "P"]
    assert [row["code_postal"] for row in rows] == ["[ND]", "[ND]"]
    # Seen once: the next look finds nobody.
    with one_writer(world.folder):
        assert look(workspace).natural == 0


def test_who_opens_again_comes_back_from_the_source_alone(february: World, tmp_path: Path) -> None:
    """P→O: the new file shows the person, what was taken out of the older ones stays out."""
    workspace = february.copied(tmp_path).workspace(DAYS[1])
    served = workspace.store.current("sirene")
    assert served is not None
    turned = pl.col("siren") == TURNS.siren
    opened = {
        UNITS: {"statut_diffusion": "O"},
        SITES: {"statut_diffusion": "O", "code_postal": "79180"},
    }
    frames = {
        name: rows.drop("source_id").with_columns(
            pl.when(turned).then(pl.lit(value)).otherwise(column).alias(column)
            for column, value in opened.get(name, {}).items()
        )
        for name, rows in workspace.store.rows_of(served).items()
    }
    march = Draft(
        **{
            **{name: getattr(served, name) for name in Draft.model_fields},
            "id": "2017-03-01-000000000000",
            "publisher_date": date(2017, 3, 1),
        }
    )
    with one_writer(workspace.data_dir):
        workspace.store.promote(
            workspace.store.stage(discovery.catalogue()["sirene"], march, frames)
        )
        assert look(workspace).natural == 0
    rows = shown(workspace, SITES, TURNS.siren)
    assert [row["statut_diffusion"] for row in rows] == ["P", "P", "O"]
    assert [row["code_postal"] for row in rows] == ["[ND]", "[ND]", "79180"]
    now = workspace.store.scan(SITES).filter(siren=TURNS.siren).collect()
    assert now["code_postal"].to_list() == ["79180"]


def test_a_company_that_turned_since_is_not_open_again_after_a_rollback(
    january: World, february: World, tmp_path: Path
) -> None:
    world = february.copied(tmp_path)
    workspace = world.workspace(DAYS[1])
    step_back(workspace, "sirene")
    served = workspace.store.current("sirene")
    assert served is not None
    assert served.publisher_date == date(2017, 1, 1)
    rows = workspace.store.scan(UNITS).filter(siren=COMPANY.siren).collect()
    assert rows["statut_diffusion"].to_list() == ["P"]
    assert rows["denomination"].to_list() == ["SYNTHETIQUE QWORTZ"]
    assert rows["sigle"].to_list() == ["[ND]"]


def test_a_lead_about_who_turned_is_no_longer_diffusible(january: World, tmp_path: Path) -> None:
    world = january.copied(tmp_path)
    for day in DAYS[:2]:
        assert run_main_job(world.workspace(day), ["sirene"]).ok
    matches = world.workspace(DAYS[1]).lead_store.matches()
    assert matches.filter(lead_id="1")["verdict"].item() == "not_diffusible"
