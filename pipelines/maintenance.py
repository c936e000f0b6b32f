"""What an operator does by hand: inspect, release, go back, clean, ask.

Belongs here: the commands and how their answers look. Does not belong here: the steps of
a rollback (:mod:`pipelines.rollback`), what may be removed (:mod:`pipelines.garbage`).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
from rich.table import Table
from rich.text import Text

from assets import discovery
from assets.workspace import Workspace
from opendata.derive import build_derived
from opendata.errors import SettingsError
from opendata.ingest import noted
from opendata.lock import one_writer
from opendata.outcome import release
from opendata.query import Answer, ask
from opendata.state import Version
from pipelines import audit, garbage, rollback
from pipelines.console import console
from pipelines.main_job import RunReport

#: Rows of an answer that are shown.
SHOWN = 50
#: Characters of one cell that are shown.
CELL = 200
#: Characters below which a column of a result cannot be read.
NARROWEST = 9


def shown_table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """Return an empty table in the style of every screen."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in columns:
        justify = "right" if name in right else "left"
        table.add_column(name, justify=justify, header_style="dim", overflow="fold")  # type: ignore[arg-type]
    return table


def size(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"


def print_quarantine(workspace: Workspace, dataset: str, rows: int) -> None:
    """Print what was refused of a dataset: rules with counts, then rows.

    Personal values were masked when the rows were refused.

    Raises:
        SettingsError: no such dataset.
    """
    _require(dataset)
    versions = workspace.store.state(dataset).versions
    current = workspace.store.current(dataset)
    for version in versions:
        if version == current or version.status == "held":
            _print_version(workspace, version, rows, serves=version == current)
    named = {version.quarantine for version in versions}
    for path in sorted((workspace.data_dir / "quarantine" / dataset).glob("*.parquet")):
        if str(path.relative_to(workspace.data_dir)) not in named:
            console.print(f"\n[bold]{dataset} {path.stem}[/]: refused whole")
            _print_rejected(path, rows)
    if current is None and not versions:
        console.print(f"{dataset} was never loaded.")


def _print_version(workspace: Workspace, version: Version, rows: int, *, serves: bool) -> None:
    state = "serves" if serves else f"held: {version.reason}"
    console.print(Text.assemble((f"\n{version.dataset} {version.id}", "bold"), f": {state}"))
    console.print(
        f"{version.read:,} records read, {version.accepted:,} taken, {version.rejected:,} refused"
    )
    if version.rules:
        table = shown_table("", "rule", "values", right=("values",))
        for rule, count in sorted(version.rules.items(), key=lambda item: (-item[1], item[0])):
            table.add_row(Text(rule), f"{count:,}")
        console.print(table)
    if version.quarantine is not None:
        _print_rejected(workspace.data_dir / version.quarantine, rows)


def _print_rejected(path: Path, rows: int) -> None:
    rejected = pl.scan_parquet(path, glob=False)
    total = int(rejected.select(pl.len()).collect().item())
    table = shown_table("", "resource", "line", "column", "rule", "value", right=("line",))
    chosen = rejected.head(rows).select("resource", "line", "column", "rule", "value").collect()
    for row in chosen.iter_rows():
        table.add_row(*(_cell(value) for value in row))
    console.print(table)
    if total > chosen.height:
        console.print(f"{total - chosen.height:,} more; --rows shows more of them.")


def release_held(workspace: Workspace, dataset: str) -> bool:
    """Let a held version serve, or undo the last rollback if nothing came after it.

    What is derived from it is brought up to date, then the leads are matched and the
    tables exported.

    Returns:
        Whether all of that went well.

    Raises:
        SettingsError: no such dataset.
        StateError: nothing waits, or another run is writing.
    """
    _require(dataset)
    store, clock = workspace.store, workspace.clock
    with one_writer(workspace.data_dir):
        released = store.current(dataset)
        # A release that was killed half-way is finished first: what is derived is not back yet.
        if released is None or not _withdrawn_with(workspace, released):
            released = release(store, dataset, clock, _waiting(workspace, dataset))
        for one in _withdrawn_with(workspace, released):
            release(store, one.dataset, clock, one.id)
        for name, source in discovery.sources().items():
            overlay = source.overlay.name if source.overlay is not None else None
            if dataset in (source.dataset.derived_from, overlay):
                with noted(name, workspace.data_dir, clock):
                    build_derived(source, store, clock)
        console.print(f"{dataset} {released.id} serves.")
        audit.noted(workspace, "release", dataset=dataset, version=released.id)
        report = rollback.publish(workspace)
    return _told(report)


def _withdrawn_with(workspace: Workspace, version: Version) -> list[Version]:
    """Return what was derived from ``version`` and is withdrawn."""
    return [one for one in workspace.store.derived(version) if one.status == "withdrawn"]


def _waiting(workspace: Workspace, dataset: str) -> str | None:
    """Return the latest version that is held, or the one that the last rollback took back.

    Of several that were taken back one after the other, the oldest went last.
    """
    state = workspace.store.state(dataset)
    held = [one.id for one in state.versions if one.status == "held"]
    if held:
        return held[-1]
    later = [one.id for one in state.since() if one.status == "withdrawn"]
    return later[0] if later else None


def roll_back(workspace: Workspace, dataset: str) -> bool:
    """Return a dataset to its previous good version, with all that followed from it.

    Returns:
        Whether the export that follows went well too.
    """
    step, appended, report = rollback.step_back(workspace, dataset)
    for name, version in step.goes.items():
        console.print(f"{name}: {version} is withdrawn, {step.serves[name] or 'nothing'} serves.")
    counts = ", ".join(f"{count:,} {op}" for op, count in appended.counts.items()) or "none"
    console.print(f"Signals taken back: {counts}.")
    console.print(f"To undo it: `company-signals release {dataset}`.", style="dim")
    return _told(report)


def _told(report: RunReport) -> bool:
    for place, reason in report.failures.items():
        console.print(Text.assemble((f"✗ {place}  ", "red"), reason), soft_wrap=True)
    if report.ok:
        console.print("The tables are exported.")
    return report.ok


def collect_garbage(workspace: Workspace) -> None:
    """Remove old versions, raw files and indexes that nothing cites; print what was freed."""
    with one_writer(workspace.data_dir):
        before = workspace.store.disk_use()
        removed = garbage.collect(workspace)
        after = workspace.store.disk_use()
    for source_id in removed:
        console.print(f"removed {source_id}")
    freed = {name: count - after.get(name, 0) for name, count in before.items()}
    table = shown_table("", "folder", "freed", "left", right=("freed", "left"))
    for name, count in freed.items():
        if count > 0:
            table.add_row(name, size(count), size(after.get(name, 0)))
    if table.row_count:
        console.print(table)
    total = sum(count for count in freed.values() if count > 0)
    console.print(f"{size(total)} freed." if total else "Nothing to remove.")


def print_query(workspace: Workspace, sql: str) -> None:
    """Print the first rows of the answer to ``sql`` over the published tables.

    Raises:
        StateError: nothing is published yet.
        SettingsError: it cannot be answered.
    """
    answer = ask(
        workspace.warehouse,
        sql,
        limit=SHOWN,
        readable=[workspace.data_dir / "tables"],
        memory_limit=workspace.memory_limit,
    )
    if len(answer.columns) * NARROWEST > console.width:
        _print_records(answer)
    else:
        table = shown_table("")
        for name in answer.columns:
            table.add_column(Text(name), header_style="dim", overflow="fold")
        for row in answer.rows:
            table.add_row(*(_cell(value) for value in row))
        console.print(table)
    more = f"The first {SHOWN} rows; add LIMIT or a condition." if answer.more else ""
    console.print(more or f"{len(answer.rows):,} row(s).", style="dim")


def _print_records(answer: Answer) -> None:
    """Print a result too wide for a table: one record after the other, empty values left out."""
    for number, row in enumerate(answer.rows, start=1):
        table = shown_table(f"row {number}", "", "")
        table.show_header = False
        for name, value in zip(answer.columns, row, strict=True):
            if value is not None:
                table.add_row(Text(name, style="dim"), _cell(value))
        console.print(table)


def _cell(value: object) -> Text:
    """Return a value as it is: brackets are data here, not markup."""
    if value is None:
        return Text("null", style="dim")
    text = str(value)
    return Text(text if len(text) <= CELL else f"{text[:CELL]}…")


def _require(dataset: str) -> None:
    known = discovery.catalogue()
    if dataset not in known:
        raise SettingsError(
            f"no dataset is called {dataset!r}", next_step=f"choose among {', '.join(known)}"
        )
