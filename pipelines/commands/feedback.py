"""The command on what customers say of their signals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.options import At, DataDir, workspace_of

app = typer.Typer()


@app.command()
def feedback(
    file: Annotated[
        Path | None,
        typer.Argument(help="File to take; what lies in SIGNALS_FEEDBACK if none is given."),
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", help="Whose file it is, by the account's id.")
    ] = None,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Take what customers say of signals; count it by signal. Exit code 1 if a row was refused."""
    from pipelines.feedback import print_feedback

    taken = print_feedback(workspace_of(data_dir=data_dir, at=at), file, account)
    raise typer.Exit(0 if taken else 1)
