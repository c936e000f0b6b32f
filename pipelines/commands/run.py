"""Commands that bring the tables and the feed up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.options import At, DataDir, Datasets, Leads, run_workspace_of

app = typer.Typer()


@app.command()
def run(
    datasets: Datasets = None, leads: Leads = None, data_dir: DataDir = None, at: At = None
) -> None:
    """Fetch what changed, match the leads, detect signals, export the tables."""
    from pipelines.alerts import after_run, alerting
    from pipelines.main_job import run_main_job
    from pipelines.progress import shown
    from pipelines.settings import load_settings
    from pipelines.summary import print_summary

    settings = load_settings()
    workspace = run_workspace_of(leads=leads, data_dir=data_dir, at=at)
    with shown(), alerting(workspace, settings):
        report = run_main_job(workspace, datasets or settings.datasets)
        after_run(workspace, report.failures, settings)
    print_summary(workspace, report)
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def fetch(datasets: Datasets = None, data_dir: DataDir = None, at: At = None) -> None:
    """Only fetch, check and normalise datasets."""
    from pipelines.main_job import on_record, run_datasets
    from pipelines.progress import shown
    from pipelines.settings import load_settings
    from pipelines.summary import print_datasets, print_failures

    workspace = run_workspace_of(data_dir=data_dir, at=at)
    with shown():
        report = on_record(workspace, run_datasets(workspace, datasets or load_settings().datasets))
    print_datasets(workspace, report)
    print_failures(report)
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def match(
    leads: Leads = None,
    data_dir: DataDir = None,
    at: At = None,
    registry: Annotated[
        Path | None,
        typer.Option("--registry", help="Match against this index (`registry build`) instead."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="With --registry: the Parquet file to write.")
    ] = None,
) -> None:
    """Match the leads: in the pipeline's store, or with --registry from file to file."""
    if registry or out:
        from pipelines.match_files import print_match

        print_match(registry, leads, out)
        return
    from pipelines.main_job import on_record, run_matching
    from pipelines.progress import shown
    from pipelines.summary import print_failures, print_matches

    workspace = run_workspace_of(leads=leads, data_dir=data_dir, at=at)
    with shown():
        report = on_record(workspace, run_matching(workspace))
    if report.ok:
        print_matches(workspace)
    print_failures(report)
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def export(data_dir: DataDir = None, at: At = None) -> None:
    """Only detect signals from what is there and export the tables."""
    from pipelines.main_job import on_record, run_exports
    from pipelines.progress import shown
    from pipelines.summary import print_failures, print_signals

    workspace = run_workspace_of(data_dir=data_dir, at=at)
    with shown():
        report = on_record(workspace, run_exports(workspace))
    print_signals(workspace)
    print_failures(report)
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def replay(
    plan: Annotated[
        Path | None, typer.Argument(help="Plan of run dates; the bundled sample's if not given.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Replay the bundled real sample: start its portal, run each date, show what came out."""
    from pipelines.replay import replay_sample

    raise typer.Exit(0 if replay_sample(plan, data_dir) else 1)


@app.command(name="sample-portal")
def sample_portal(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 lets the system choose.")] = 8765,
    at: At = None,
) -> None:
    """Serve the bundled sample on loopback as the real portals do, until interrupted."""
    from pipelines.replay import serve_sample

    serve_sample(port, at.date() if at else None)
