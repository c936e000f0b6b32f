"""The command that makes the report people look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.options import At, DataDir, workspace_of

app = typer.Typer()


@app.command()
def report(
    out: Annotated[Path, typer.Option("--out", help="The HTML file to write.")] = Path(
        "company-signals-report.html"
    ),
    lang: Annotated[str, typer.Option("--lang", help="fr or en.")] = "fr",
    account: Annotated[
        str | None, typer.Option("--account", help="Only this account; all if not given.")
    ] = None,
    leads: Annotated[
        int, typer.Option("--leads", min=0, help="Leads shown with their timeline.")
    ] = 12,
    lead: Annotated[
        str | None, typer.Option("--lead", help="A page of this lead only: why now.")
    ] = None,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Make one self-contained HTML page of what is exported: signals, map, leads, sources."""
    from pipelines.report.command import make_report

    make_report(workspace_of(data_dir=data_dir, at=at), out, lang, account, leads, lead)


@app.command()
def explain(
    signal: Annotated[str, typer.Argument(help="id or signalid of an exported row.")],
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Follow a signal back: match, rule, record, version, receipt, line of the raw file."""
    from pipelines.explain import print_explanation

    print_explanation(workspace_of(data_dir=data_dir, at=at), signal)
