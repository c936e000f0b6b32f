"""One screen: how fresh the sources are, what waits for a person, what there is.

Belongs here: what `company-signals status` shows. Counts and dates only: nothing of a
lead, and no account but by the name of its folder. Does not belong here: what a state
means (:mod:`opendata.source_status`).
"""

from __future__ import annotations

import os
import shutil

import polars as pl
from rich.text import Text

from assets import discovery
from assets.workspace import Workspace
from leads import keys
from opendata.clock import PARIS
from opendata.errors import OpenDataError
from opendata.source_status import last_attempt
from pipelines.console import console
from pipelines.jobs import chosen_datasets
from pipelines.maintenance import shown_table, size
from pipelines.next_looks import next_look
from pipelines.privacy import deadlines
from pipelines.rollback import unfinished
from pipelines.settings import load_settings
from pipelines.summary import print_unasked, rows_of, unasked
from signals.feed import manifest

_COLOURS = {"OK": "green", "STALE": "yellow", "GAP": "red"}
#: Streams of accounts that are shown; the others are counted.
ACCOUNTS = 5
#: Next looks at sources that are shown.
NEXT = 3
#: Characters of a reason that are shown.
REASON = 300


def print_status(workspace: Workspace) -> bool:
    """Print the screen.

    Returns:
        Whether no source is in GAP, no version is held, no rollback is unfinished and no
        request about personal data is overdue.
    """
    fresh = _print_sources(workspace)
    settled = _print_waiting(workspace)
    answered = _print_requests(workspace)
    _print_leads(workspace)
    _print_streams(workspace)
    _print_disk(workspace)
    _print_next(workspace)
    return fresh and settled and answered


def _print_sources(workspace: Workspace) -> bool:
    states = workspace.source_status()
    table = shown_table(
        "Sources", "dataset", "state", "published", "last success", "rows", "versions",
        right=("rows", "versions"),
    )  # fmt: skip
    reasons = []
    waiting = unasked(workspace, states)
    states = states.filter(pl.col("dataset").is_in(waiting).not_())
    for row in states.iter_rows(named=True):
        name, state = row["dataset"], row["state"]
        attempt = last_attempt(workspace.data_dir, name)
        last = attempt.succeeded_at if attempt else None
        serving = workspace.store.current(name)
        table.add_row(
            name,
            Text(state, style=_COLOURS[state]),
            str(serving.publisher_date) if serving else "never",
            f"{last.astimezone(PARIS):%Y-%m-%d %H:%M}" if last else "never",
            f"{rows_of(workspace, serving):,}",
            str(len(workspace.store.state(name).versions)),
        )
        if state != "OK":
            reasons.append(Text.assemble((f"{state} {name}: ", _COLOURS[state]), row["message"]))
    console.print(table)
    for reason in reasons:
        reason.truncate(REASON, overflow="ellipsis")
        console.print(reason)
    for name, variable in workspace.unconfigured().items():
        console.print(f"not configured {name}: set {variable} to ask for it")
    print_unasked(waiting)
    return "GAP" not in states["state"].to_list()


def _print_waiting(workspace: Workspace) -> bool:
    """Print what only a person can decide; return whether there is nothing."""
    waiting = False
    for name in workspace.store.datasets():
        for version in workspace.store.state(name).versions:
            if version.status == "held":
                waiting = True
                console.print(
                    Text.assemble((f"\nHELD {name} {version.id}: ", "red"), version.reason or "")
                )
                console.print(f"  look at it:  company-signals quarantine {name}")
                console.print(f"  publish it:  company-signals release {name}")
    for name in unfinished(workspace):
        waiting = True
        console.print(f"\n[red]UNFINISHED[/] rollback of {name}")
        console.print(f"  finish it:   company-signals rollback {name}")
    return not waiting


def _print_requests(workspace: Workspace) -> bool:
    """Print the requests about personal data that wait; return whether none is overdue."""
    waiting = deadlines(workspace)
    colours = {"waiting": "default", "late soon": "yellow", "overdue": "red"}
    for one in waiting:
        state = Text(f"\n{one.state.upper()} ", style=colours[one.state])
        console.print(state + Text(f"{one.action} of a {one.kind}, due by {one.due_on}"))
        console.print(f"  request {one.request}: run the command again to finish it")
    return all(one.state != "overdue" for one in waiting)


def _print_leads(workspace: Workspace) -> None:
    if not (workspace.data_dir / "leads.duckdb").exists():
        console.print("\n[bold]Leads[/]  none yet")
        return
    try:
        # Opening the store makes a key where there is none; looking must not.
        if keys.VARIABLE not in os.environ:
            keys.read(workspace.data_dir / "keys" / "lead.key")
        verdicts = workspace.lead_store.matches()["verdict"].value_counts()
    except OpenDataError as error:
        console.print(Text.assemble("\n", ("Leads", "bold"), f"  not readable: {error.what}"))
        return
    counts = verdicts.sort("count", "verdict", descending=[True, False]).iter_rows()
    shown = ", ".join(f"{count:,} {verdict}" for verdict, count in counts)
    console.print(f"\n[bold]Leads[/]  {verdicts['count'].sum():,} answered: {shown or 'none'}")


def _print_streams(workspace: Workspace) -> None:
    """Print the last sequence of each stream; what the log has beyond it waits for an export."""
    table = shown_table("\nStreams", "stream", "published up to", right=("published up to",))
    last = workspace.log.state().next_sequence - 1
    table.add_row("log", f"{last:,}")
    accounts = sorted((workspace.exports / "accounts").glob(f"*/{manifest.NAME}"))
    folders = [workspace.exports / "company", *(path.parent for path in accounts[:ACCOUNTS])]
    for folder in folders:
        name = folder.relative_to(workspace.exports).as_posix()
        table.add_row(Text(name), f"{int(manifest.read(folder).max_sequence):,}")
    if len(accounts) > ACCOUNTS:
        table.add_row(f"… and {len(accounts) - ACCOUNTS:,} more accounts", "")
    console.print(table)


def _print_disk(workspace: Workspace) -> None:
    use = workspace.store.disk_use() if workspace.data_dir.exists() else {}
    ordered = sorted(use.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} {size(count)}" for name, count in ordered if count)
    there = next(one for one in (workspace.data_dir, *workspace.data_dir.parents) if one.exists())
    free = size(shutil.disk_usage(there).free)
    said = f"  {size(sum(use.values()))}: {shown or 'nothing yet'}; {free} free"
    console.print(Text.assemble("\n", ("Disk", "bold"), said))


def _print_next(workspace: Workspace) -> None:
    """Print which sources are looked at next, by their cadence."""
    now, asked = workspace.clock.now(), chosen_datasets(load_settings().datasets)
    catalogue = discovery.catalogue()
    looks = sorted((next_look(catalogue[name].cadence.cron, now), name) for name in asked)
    shown = ", ".join(f"{name} {when:%d/%m %H:%M}" for when, name in looks[:NEXT])
    console.print(Text.assemble(("Next", "bold"), f"  {shown}"))
