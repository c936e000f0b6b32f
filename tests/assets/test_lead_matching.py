"""The registry that serves, as leads meet it: former names and numbers given twice count.

The register is a bundled real month of 2017; its one duplicate is synthetic, as no real one is
known of that year.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from sirene_files import DATASET, bundled

from assets.lead_intake import take_in
from assets.lead_matching import asked, match_all, matching_note
from assets.workspace import Workspace
from leads.privacy.suppressions import Action
from opendata.sample_portal import SamplePortal
from opendata.state import Draft
from pipelines import replay
from pipelines.workspace import open_workspace

DAY = date(2017, 2, 2)
#: Renamed in January 2017: ATMO POITOU CHARENTES became ATMO NOUVELLE AQUITAINE.
FORMER, RENAMED = "Atmo Poitou Charentes", "311059422"
#: A number that is given to nobody in the month, and the unit it is taken for.
DOUBLE, RIGHT = "732829320", "327114815"
LEAD = ("lead_id", "account_id", "company_name", "siren", "country")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Publish the month with a duplicate in it, and take two leads in."""
    work = tmp_path_factory.mktemp("leads")
    tables = bundled("2017-02-01", work)
    twice = {"siren_doublon": DOUBLE, "siren": RIGHT, "siren_retenu": RIGHT, "ambigu": False}
    schema = tables["sirene__duplicates"].collect_schema()
    row = {name: twice.get(name) for name in schema} | {"boucle": False}
    tables["sirene__duplicates"] = pl.LazyFrame([row], schema=schema)
    leads = work / "leads.csv"
    leads.write_text(
        f"{','.join(LEAD)}\nformer,one,{FORMER},,FR\ndouble,one,Quelque Chose,{DOUBLE},FR\n",
        encoding="utf-8",
    )
    with SamplePortal(replay.SAMPLE, as_of=DAY) as portal:
        opened = open_workspace(replay.sample_settings(portal, DAY, work / "data"))
    now = datetime(2017, 2, 2, 12, tzinfo=UTC)
    draft = Draft(
        id="2017-02-01-0123456789ab", created_at=now, publisher_date=date(2017, 2, 1),
        fetched_at=now, code_version="1",
    )  # fmt: skip
    opened.store.promote(opened.store.stage(DATASET, draft, tables))
    opened = replace(opened, leads=leads)
    take_in(opened)
    return opened


def test_a_lead_is_found_by_a_former_name_and_through_a_duplicate(workspace: Workspace) -> None:
    matches = match_all(workspace).matches
    found = {row["lead_id"]: row for row in matches.to_dicts()}
    assert found["former"]["siren"] == RENAMED
    assert found["former"]["matched_kind"] == "historical"
    assert found["double"]["siren"] == RIGHT
    assert set(matches["registry_version"]) == {"sirene@2017-02-01-0123456789ab"}


@pytest.mark.parametrize("action", ["restrict", "object"])
def test_who_may_not_be_used_is_not_looked_up(
    workspace: Workspace, tmp_path: Path, action: Action
) -> None:
    mine = replace(workspace, data_dir=shutil.copytree(workspace.data_dir, tmp_path / "data"))
    matching_note(mine).unlink(missing_ok=True)
    assert asked(mine).leads["lead_id"].to_list() == ["double", "former"]
    record = mine.suppressions
    record.request(
        action, "lead", record.keys().lead("one", "former"), asked_on=DAY, at=mine.clock.now()
    )
    assert asked(mine).leads["lead_id"].to_list() == ["double"]
