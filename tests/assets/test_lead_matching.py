"""The registry that serves, as leads meet it: former names and numbers given twice count, and
what changes in leads or registry is looked up again, the rest not.

The register is a bundled real month of 2017; its one duplicate is synthetic, as no real one is
known of that year.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
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

DAY, LATER, LATEST = date(2017, 2, 2), date(2017, 3, 2), date(2017, 5, 2)
#: Renamed in January 2017: ATMO POITOU CHARENTES became ATMO NOUVELLE AQUITAINE.
FORMER, RENAMED = "Atmo Poitou Charentes", "311059422"
#: A number that is given to nobody in the month, and the unit it is taken for.
DOUBLE, RIGHT = "732829320", "327114815"
LEAD = ("lead_id", "account_id", "company_name", "siren", "country")
#: Every so many-th named unit of the month is a lead.
EVERY = 40
Tables = Mapping[str, pl.LazyFrame]


def opened(data: Path, day: date) -> Workspace:
    with SamplePortal(replay.SAMPLE, as_of=day) as portal:
        workspace = open_workspace(replay.sample_settings(portal, day, data))
    return replace(workspace, leads=data.parent / "leads.csv", leads_floor=0.0)


def publish(workspace: Workspace, tables: Tables, day: date) -> None:
    now = datetime.combine(day, time(12), UTC)
    draft = Draft(
        id=f"{day.isoformat()}-0123456789ab", created_at=now, publisher_date=day,
        fetched_at=now, code_version="1",
    )  # fmt: skip
    workspace.store.promote(workspace.store.stage(DATASET, draft, tables))


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.LazyFrame]:
    """Read the month, with a duplicate in it."""
    tables = bundled("2017-02-01", tmp_path_factory.mktemp("month"))
    twice = {"siren_doublon": DOUBLE, "siren": RIGHT, "siren_retenu": RIGHT, "ambigu": False}
    schema = tables["sirene__duplicates"].collect_schema()
    row = {name: twice.get(name) for name in schema} | {"boucle": False}
    return tables | {"sirene__duplicates": pl.LazyFrame([row], schema=schema)}


@pytest.fixture(scope="module")
def matched(month: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish the month, take leads in and match them; return the folder, not to be written to."""
    work = tmp_path_factory.mktemp("leads")
    named = month["sirene__legal_units"].select("siren", "denomination").drop_nulls()
    units = named.sort("siren").collect().gather_every(EVERY)
    rows = [
        {"lead_id": "former", "company_name": FORMER},
        {"lead_id": "double", "company_name": "Quelque Chose", "siren": DOUBLE},
        {"lead_id": "nobody", "company_name": "Zzyzx Quuxly"},
        *({"lead_id": f"of-{siren}", "company_name": name} for siren, name in units.iter_rows()),
    ]
    filled = [dict.fromkeys(LEAD) | {"account_id": "one", "country": "FR"} | row for row in rows]
    pl.DataFrame(filled).select(LEAD).write_csv(work / "leads.csv", quote_style="always")
    workspace = opened(work / "data", DAY)
    publish(workspace, month, date(2017, 2, 1))
    take_in(workspace)
    first = match_all(workspace)
    assert (first.why, first.again) == ("everything", len(rows))
    return work


@pytest.fixture
def folder(matched: Path, tmp_path: Path) -> Path:
    shutil.copytree(matched, tmp_path / "work")
    return tmp_path / "work"


def by_id(matches: pl.DataFrame, ids: set[str], *, others: bool = False) -> pl.DataFrame:
    chosen = pl.col("lead_id").is_in(list(ids))
    return matches.filter(~chosen if others else chosen)


def test_a_lead_is_found_by_a_former_name_and_through_a_duplicate(folder: Path) -> None:
    matches = opened(folder / "data", DAY).lead_store.matches()
    found = {row["lead_id"]: row for row in matches.to_dicts()}
    assert found["former"]["siren"] == RENAMED
    assert found["former"]["matched_kind"] == "historical"
    assert found["double"]["siren"] == RIGHT
    assert set(matches["registry_version"]) == {"sirene@2017-02-01-0123456789ab"}


def test_only_leads_that_are_new_or_say_something_else_are_looked_up(folder: Path) -> None:
    workspace = opened(folder / "data", LATER)
    before = workspace.lead_store.matches()
    assert match_all(workspace).again == 0
    rows = pl.read_csv(folder / "leads.csv", infer_schema=False).to_dicts()
    rows[0]["company_name"] = "Atmo Nouvelle Aquitaine"
    rows.append(rows[2] | {"lead_id": "new", "company_name": "Zzyzx Grault"})
    pl.DataFrame(rows).write_csv(folder / "leads.csv", quote_style="always")
    take_in(workspace)
    assert sorted(asked(workspace).leads["lead_id"]) == ["former", "new"]
    done = match_all(workspace)
    assert (done.again, done.why) == (2, "what changed")
    assert set(by_id(done.matches, {"former", "new"})["matched_at"]) == {LATER}
    assert by_id(done.matches, {"former", "new"}, others=True).equals(
        by_id(before, {"former"}, others=True)
    )


def test_a_unit_that_changed_touches_its_leads_and_the_rest_is_not_scored(
    folder: Path, month: Tables
) -> None:
    workspace = opened(folder / "data", LATER)
    before = workspace.lead_store.matches()
    sure = before.filter((pl.col("verdict") == "confirmed") & pl.col("lead_id").str.contains("of-"))
    unit, lead = sure["siren"][0], sure["lead_id"][0]
    name = pl.when(pl.col("siren") == unit).then(pl.lit("BRULERIE OUESSANTINE"))
    units = month["sirene__legal_units"].with_columns(
        name.otherwise(column).alias(column) for column in ("denomination", "nom_complet")
    )
    publish(workspace, {**month, "sirene__legal_units": units}, date(2017, 3, 1))
    due = set(asked(workspace).leads["lead_id"])
    assert lead in due
    assert len(due) < before.height / 2
    done = match_all(workspace)
    assert (done.again, done.why) == (len(due), "what changed")
    answer = by_id(done.matches, {lead}).row(0, named=True)
    assert (answer["siren"], answer["matched_at"]) != (unit, DAY)
    assert by_id(done.matches, due, others=True).equals(by_id(before, due, others=True))
    # What was left alone would have been answered the same.
    matching_note(workspace).unlink()
    again = match_all(workspace)
    assert (again.again, again.why) == (before.height, "everything")
    assert again.matches.equals(done.matches)


def test_of_a_month_that_changed_much_the_same_answers_keep_their_rows(
    folder: Path, tmp_path: Path
) -> None:
    workspace = opened(folder / "data", LATEST)
    before = workspace.lead_store.matches()
    publish(workspace, bundled("2017-05-01", tmp_path), date(2017, 5, 1))
    done = match_all(workspace)
    assert (done.again, done.why) == (before.height, "everything")
    new = set(done.matches.filter(pl.col("matched_at") == LATEST)["lead_id"])
    assert 0 < len(new) < before.height / 2
    assert by_id(done.matches, new, others=True).equals(by_id(before, new, others=True))


@pytest.mark.parametrize("action", ["restrict", "object"])
def test_who_may_not_be_used_is_not_looked_up(folder: Path, action: Action) -> None:
    workspace = opened(folder / "data", DAY)
    matching_note(workspace).unlink()
    everybody = asked(workspace).leads["lead_id"].to_list()
    assert "former" in everybody
    record = workspace.suppressions
    record.request(
        action, "lead", record.keys().lead("one", "former"), asked_on=DAY, at=workspace.clock.now()
    )
    rest = [lead for lead in everybody if lead != "former"]
    assert asked(workspace).leads["lead_id"].to_list() == rest
