"""What a run shows at its end.

Belongs here: the final tables: datasets and dates, rows, leads by verdict, signals by
type with a few real ones, and where the outputs are.
"""

from __future__ import annotations

from datetime import date

import polars as pl
from rich.table import Table

from assets import discovery
from assets.workspace import Workspace
from opendata.source_status import source_status
from pipelines.console import console
from pipelines.main_job import RunReport
from signals.registry import registry

SHOWN = 12


def print_step(day: date, note: str, report: RunReport) -> None:
    """Print one line for a run date of a replay."""
    added = sum(report.added.values())
    what = "nothing new" if report.nothing_new else f"{added} signal rows published"
    mark = "[green]✓[/]" if report.ok else "[red]✗[/]"
    console.print(f"{mark} {day}  {note}: {what}")
    for place, reason in report.failures.items():
        console.print(f"  [red]{place}[/]: {reason}", soft_wrap=True)


def print_summary(workspace: Workspace, report: RunReport) -> None:
    """Print everything a run has to say."""
    print_datasets(workspace, report)
    print_matches(workspace)
    print_signals(workspace, report)
    if report.nothing_new:
        console.print("Nothing new: nothing was published.")


def print_datasets(workspace: Workspace, report: RunReport) -> None:
    """Print each dataset: the publisher's date, rows, what was refused, how it stands."""
    table = Table(title="Datasets", title_justify="left")
    for name in ("dataset", "publisher's date", "rows", "refused", "this run", "state"):
        table.add_column(name, justify="right" if name in ("rows", "refused") else "left")
    states = source_status(discovery.catalogue(), workspace.data_dir, workspace.clock)
    for row in states.iter_rows(named=True):
        version = workspace.store.current(row["dataset"])
        rows = sum(workspace.store.scan(t).select(pl.len()).collect().item() for t in version.tables) if version else 0
        table.add_row(
            row["dataset"],
            str(row["publication_date"] or "never loaded"),
            f"{rows:,}",
            f"{version.rejected:,}" if version else "",
            report.outcomes.get(row["dataset"], ""),
            f"{row['state']} ({row['message']})",
        )
    console.print(table)
    for place, reason in report.failures.items():
        console.print(f"[red]{place}[/] {reason}", soft_wrap=True)


def print_matches(workspace: Workspace) -> None:
    """Print how many leads were matched, are ambiguous or were not found."""
    if not (workspace.data_dir / "leads.duckdb").exists():
        console.print("No leads yet: give a file with --leads or SIGNALS_LEADS.")
        return
    matches = workspace.lead_store.matches()
    table = Table(title=f"Leads: {matches.height:,}", title_justify="left")
    table.add_column("verdict")
    table.add_column("leads", justify="right")
    table.add_column("mean probability", justify="right")
    grouped = matches.group_by("verdict").agg(pl.len(), pl.col("probability").mean())
    for verdict, count, mean in grouped.sort("len", descending=True).iter_rows():
        table.add_row(verdict, f"{count:,}", f"{mean:.2f}" if mean is not None else "")
    console.print(table)


def print_signals(workspace: Workspace, report: RunReport) -> None:
    """Print signals by type, a real one of each, and where the outputs are."""
    current = workspace.log.current().filter(pl.col("op").is_in(["ASSERT", "AMEND"]))
    titles = {entry.signal.type: entry.signal for entry in registry().values()}
    on_leads = _lead_signals(workspace)
    table = Table(title=f"Signals: {current.height:,}", title_justify="left")
    for name in ("type", "companies", "on leads", "latest example"):
        table.add_column(name, justify="right" if name in ("companies", "on leads") else "left")
    latest = current.sort("time", "id").group_by("type", maintain_order=True).agg(
        pl.len(), pl.col("company_name", "siren", "time", "title_en").last()
    )
    for row in latest.sort("len", descending=True).iter_rows(named=True):
        name = row["company_name"] or "(not named)"
        code = titles[row["type"]].code if row["type"] in titles else row["type"]
        example = f"{name} ({row['siren']}), {row['time']}"
        table.add_row(code, f"{row['len']:,}", f"{on_leads.get(row['type'], 0):,}", example)
    console.print(table)
    console.print("Outputs:")
    for path in (workspace.exports, workspace.warehouse, workspace.data_dir / "tables"):
        console.print(f"  {path}", soft_wrap=True)


def _lead_signals(workspace: Workspace) -> dict[str, int]:
    """Return type → live signals on leads, over all accounts, from the exported tables."""
    paths = sorted((workspace.exports / "accounts").glob("*/signals_current.parquet"))
    if not paths:
        return {}
    rows = pl.concat([pl.read_parquet(path, columns=["type"], glob=False) for path in paths])
    return dict(rows.group_by("type").len().iter_rows())
