"""The command that says why a lead has no answer, or not the one expected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.options import DataDir, Leads, workspace_of

app = typer.Typer()


@app.command(name="why-not")
def why_not(
    lead: Annotated[str, typer.Argument(help="lead_id of the lead.")],
    siren: Annotated[str | None, typer.Argument(help="The SIREN it should have got.")] = None,
    account: Annotated[str | None, typer.Option(help="Account of the lead.")] = None,
    registry: Annotated[
        Path | None,
        typer.Option("--registry", help="With --leads: explain a row of a file against an index."),
    ] = None,
    leads: Leads = None,
    data_dir: DataDir = None,
) -> None:
    """Say what was looked for and what stopped it: exit code 0 if nothing did, 3 if something."""
    from pipelines.why_not import explain_file, explain_lead, print_why_not

    if registry is not None:
        if leads is None:
            raise typer.BadParameter("give the file of leads, too", param_hint="--leads")
        found = explain_file(registry, leads, lead, siren)
    else:
        found = explain_lead(workspace_of(leads=leads, data_dir=data_dir), lead, siren, account)
    raise typer.Exit(print_why_not(found))
