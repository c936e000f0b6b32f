"""A data folder that ran on the sample with invented persons (synthetic), and leads with canaries.

Belongs here: what the tests on personal data share. The answers to leads are given by hand:
matching has tests of its own.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from replaying import workspace_at
from synthetic_persons import COMPANY, SIGN, STAYS, TURNS

from assets import feed
from assets.lead_intake import take_in
from assets.workspace import Workspace
from leads.matching import MATCH_SCHEMA
from opendata.sample_portal import SamplePortal
from pipelines.main_job import RunReport, run_datasets, run_exports

DAYS = (date(2017, 1, 2), date(2017, 2, 2), date(2017, 5, 2))
UNITS, SITES = "sirene__legal_units", "sirene__establishments"
#: Stand nowhere else: a person's name, address and number, and a free note.
CANARIES = (
    "Zuleika Vantongeren",
    "zuleika@qwyx.example",
    "06 99 88 77 66",
    "mentioned her divorce",
)


@dataclass
class World:
    """A data folder, the portal it asks and the file of leads."""

    portal: SamplePortal
    folder: Path
    leads: Path

    def workspace(self, day: date = DAYS[1]) -> Workspace:
        """Open it at a day."""
        self.portal.set_date(day)
        return replace(workspace_at(self.portal, day, self.folder), leads=self.leads)

    def copied(self, folder: Path) -> World:
        """Copy it, to be changed."""
        shutil.copytree(self.folder, folder / "data")
        shutil.copy(self.leads, folder / "leads.csv")
        return World(self.portal, folder / "data", folder / "leads.csv")

    def run(self, day: date) -> RunReport:
        """Run a month without leads, as the schedule does where there are none."""
        report = run_datasets(self.workspace(day), ["sirene"])
        return report.joined(run_exports(self.workspace(day)))


def leads_file(path: Path) -> Path:
    """Write leads of two accounts, one of them with every canary."""
    name, email, phone, note = CANARIES
    header = "lead id,tenant,company,siren,contact name,email,phone,remark\n"
    path.write_text(
        header
        + f"1,acme,{SIGN},{TURNS.siren},,,,\n"
        + f"2,acme,SYNTHETIQUE QWORTZ,{COMPANY.siren},{name},{email},{phone},{note}\n"
        + f"3,globex,{SIGN},{STAYS.siren},,,,\n"
        + f"4,globex,SYNTHETIQUE QWORTZ,{COMPANY.siren},,,,\n",
        encoding="utf-8",
    )
    return path


def with_leads(world: World, *, second: str = "2", **changes: Any) -> World:
    """Take the leads in, answer each by a company of which there are signals, publish.

    Args:
        world: where.
        second: id of the lead that has every canary.
        changes: of the workspace.
    """
    text = world.leads.read_text("utf-8").replace("\n2,acme,", f"\n{second},acme,")
    world.leads.write_text(text, encoding="utf-8")
    workspace = replace(world.workspace(), **changes)
    take_in(workspace)
    # A signal whose relevance has not ended, of one company alone.
    told = workspace.log.current().filter(pl.col("expirytime") > workspace.clock.now())
    sirens = told["siren"].unique().sort().to_list()
    rows = [
        {
            "match_id": f"m{number}",
            "lead_id": lead,
            "account_id": account,
            "verdict": "confirmed",
            "siren": sirens[number],
            "probability": 0.99,
            "reasons": ["name:exact_full"],
            "alternatives": [],
            "matched_at": DAYS[1],
            "registry_version": "r",
            "model_version": "m",
        }
        for number, (account, lead) in enumerate(
            [("acme", "1"), ("acme", second), ("globex", "3"), ("globex", "4")]
        )
    ]
    workspace.lead_store.put_matches(pl.DataFrame(rows, schema=MATCH_SCHEMA))
    feed.publish(workspace)
    feed.mirrored(workspace)
    return world
