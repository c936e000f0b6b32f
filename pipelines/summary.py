"""What a run shows at its end.

Belongs here: the final tables: datasets and dates, rows, leads by verdict, signals by
type with a real one of each, and where the outputs are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
from rich.table import Table

from assets.lead_intake import intake_note
from assets.workspace import Workspace
from opendata.files import digest
from opendata.source_status import last_attempt
from opendata.state import Version
from pipelines.console import console
from pipelines.main_job import RunReport
from signals.registry import registry

#: Width of a company's name in the table of signals.
NAME = 30
#: Refused rows of a lead file shown on the screen.
SHOWN = 10


def _table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", header_style="dim")
    return table


def print_step(day: date, note: str, report: RunReport) -> None:
    """Print one line for a run date of a replay."""
    added = sum(report.added.values())
    what = "nothing new" if report.nothing_new else f"{added:,} signal rows"
    mark = "[green]✓[/]" if report.ok else "[red]✗[/]"
    console.print(f"{mark} {day}  {note}: [bold]{what}[/]", soft_wrap=True)


def print_failures(report: RunReport) -> None:
    """Print why each thing that failed did, one paragraph each."""
    for place, reason in report.failures.items():
        console.print(f"[red]✗ {place}[/]  {reason}", soft_wrap=True)


def print_summary(workspace: Workspace, report: RunReport) -> None:
    """Print everything a run has to say."""
    print_datasets(workspace, report)
    print_failures(report)
    print_matches(workspace)
    print_signals(workspace)
    if report.nothing_new:
        console.print("\nNothing new: nothing was published.")


def print_datasets(workspace: Workspace, report: RunReport) -> None:
    """Print each dataset: the publisher's date, rows, what was refused, how it stands."""
    table = _table(
        "\nDatasets", "dataset", "published", "rows", "refused", "this run", "state",
        right=("rows", "refused"),
    )  # fmt: skip
    states = workspace.source_status()
    waiting = unasked(workspace, states)
    for row in states.iter_rows(named=True):
        name = row["dataset"]
        if name in waiting:
            continue
        version = workspace.store.current(name)
        table.add_row(
            name,
            str(version.publisher_date) if version else "never",
            f"{rows_of(workspace, version):,}",
            f"{version.rejected:,}" if version else "",
            report.outcomes.get(name, ""),
            row["state"],
        )
    console.print(table)
    print_unasked(waiting)


def unasked(workspace: Workspace, states: pl.DataFrame) -> list[str]:
    """Return the datasets that no run ever asked for, where another one was asked for.

    An operator who runs some datasets by name does not wait for the others.
    """
    names = states["dataset"].to_list()
    never = [
        name
        for name in names
        if workspace.store.current(name) is None and last_attempt(workspace.data_dir, name) is None
    ]
    return never if len(never) < len(names) else []


def print_unasked(names: Sequence[str]) -> None:
    """Print the datasets that were never asked for, on one line."""
    if names:
        console.print(f"never asked for: {', '.join(names)}")


def rows_of(workspace: Workspace, version: Version | None) -> int:
    """Return the current rows of all tables of a version's dataset."""
    if version is None:
        return 0
    counts = [workspace.store.scan(name).select(pl.len()) for name in version.tables]
    return sum(int(frame.item()) for frame in pl.collect_all(counts))


def print_matches(workspace: Workspace) -> None:
    """Print how many leads were matched, are ambiguous or were not found."""
    if not (workspace.data_dir / "leads.duckdb").exists():
        console.print("\nNo leads yet: give a file with --leads or SIGNALS_LEADS.")
        return
    matches = workspace.lead_store.matches()
    table = _table(
        f"\nLeads: {matches.height:,}", "verdict", "leads", "mean probability",
        right=("leads", "mean probability"),
    )  # fmt: skip
    grouped = matches.group_by("verdict").agg(pl.len(), pl.col("probability").mean())
    for verdict, count, mean in grouped.sort("len", "verdict", descending=True).iter_rows():
        table.add_row(verdict, f"{count:,}", f"{mean:.2f}" if mean is not None else "")
    console.print(table)
    _print_refused(workspace)


def _print_refused(workspace: Workspace) -> None:
    """Print which lines of this lead file were refused and why; never what they hold."""
    path = intake_note(workspace)
    if workspace.leads is None or not path.exists():
        return
    note = json.loads(path.read_bytes())
    if note["asked"][0] != digest(workspace.leads):
        return
    if not note["counts"]["accepted"]:
        console.print("\nNo row of the lead file could be used.")
    for account, reason in note["counts"]["removal_held"].items():
        console.print(
            f"\nLeads of account {account}: {reason}. What to do: check the export; if it is "
            "whole, run again with SIGNALS_LEADS_FLOOR=0.",
            soft_wrap=True,
        )
    refused = note["refused"]
    if refused:
        console.print(f"\nRows of the lead file that were refused: {note['counts']['rejected']:,}")
    for row in refused[:SHOWN]:
        console.print(f"  line {row['line']}  {row['column']}: {row['rule']}")
    if len(refused) > SHOWN:
        console.print(f"  … and more, in {_shown(path)}")


def print_signals(workspace: Workspace) -> None:
    """Print signals by type, the latest of each, and where the outputs are."""
    said = workspace.log.current().filter(pl.col("op").is_in(["ASSERT", "AMEND"]))
    on_leads = _published_to_accounts(workspace)
    codes = {found.signal.type: found.signal.code for found in registry().values()}
    table = _table(
        f"\nSignals: {said.height:,}", "type", "companies", "on leads", "date", "siren", "latest",
        right=("companies", "on leads"),
    )  # fmt: skip
    latest = (
        said.sort("time", "id")
        .join(on_leads, on=["siren", "type"], how="left", maintain_order="left")
        # A company that is somebody's lead makes the better example.
        .sort(pl.col("rows").is_not_null(), "time", "id")
        .group_by("type", maintain_order=True)
        .agg(pl.len(), pl.col("company_name", "siren", "time").last())
        .sort("len", "type", descending=True)
    )
    counts = dict(on_leads.group_by("type").agg(pl.col("rows").sum()).iter_rows())
    for kind, count, name, siren, when in latest.iter_rows():
        table.add_row(
            codes.get(kind, kind),
            f"{count:,}",
            f"{counts.get(kind, 0):,}",
            str(when),
            siren,
            (name or "(not named)")[:NAME],
        )
    console.print(table)
    console.print("\nOutputs")
    for path, what in (
        (workspace.exports, "what the platform fetches: company/ and accounts/<account>/"),
        (workspace.warehouse, 'what analysts query: `company-signals query "…"`'),
        (workspace.data_dir / "tables", "the normalised tables, Parquet"),
    ):
        console.print(f"  {_shown(path)}  [dim]{what}[/]", soft_wrap=True)


def _shown(path: Path) -> Path:
    """Return ``path`` relative to the working directory if it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _published_to_accounts(workspace: Workspace) -> pl.DataFrame:
    """Return siren, type and how many signals were ever published on leads."""
    paths = sorted((workspace.exports / "accounts").glob("*/segments/*.parquet"))
    if not paths:
        return pl.DataFrame(schema={"siren": pl.String, "type": pl.String, "rows": pl.UInt32})
    rows = [pl.read_parquet(path, columns=["siren", "type", "op"], glob=False) for path in paths]
    asserted = pl.concat(rows).filter(pl.col("op") == "ASSERT")
    return asserted.group_by("siren", "type").agg(pl.len().alias("rows"))
