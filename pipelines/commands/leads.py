"""The command that lists leads with who they were recognised as."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.options import DataDir, workspace_of

app = typer.Typer()


@app.command()
def leads(
    account: Annotated[str | None, typer.Option(help="Only leads of this account.")] = None,
    verdict: Annotated[
        str | None,
        typer.Option(help="confirmed, probable, ambiguous, not_diffusible or no_match."),
    ] = None,
    find: Annotated[
        str | None, typer.Option("--find", help="Only companies with this text in their name.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Leads shown on the screen.")] = 20,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write all of them: .csv or .parquet.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Show who each lead was recognised as, the most certain first; contacts are left out."""
    from pipelines.lead_list import print_list

    print_list(
        workspace_of(data_dir=data_dir),
        account=account,
        verdict=verdict,
        find=find,
        limit=limit,
        out=out,
    )
