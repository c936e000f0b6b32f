"""Commands that ask people about doubtful leads and learn from their answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.options import At, DataDir, workspace_of

GROUP = "review"
app = typer.Typer(help="Ask people about doubtful leads, and learn from their answers.")


@app.command(name="export")
def export(
    out: Annotated[Path, typer.Option("--out", help="File to write: .html, .csv or .parquet.")],
    account: Annotated[str | None, typer.Option(help="Only leads of this account.")] = None,
    audit: Annotated[
        int, typer.Option(min=0, help="Confirmed leads to add, to measure how many are right.")
    ] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many leads.")] = None,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Write the leads that a person should look at, the most uncertain first."""
    from pipelines.review import print_export

    print_export(workspace_of(data_dir=data_dir, at=at), out, account, audit, limit)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="The file of answers.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Take answers that contradict earlier ones.")
    ] = False,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Keep the answers and match the leads concerned again; exit code 1 if a row was refused."""
    from pipelines.review import print_import

    taken = print_import(workspace_of(data_dir=data_dir, at=at), file, replace)
    raise typer.Exit(0 if taken else 1)


@app.command()
def refit(
    precision: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="Share of confirmed leads to be right.")
    ] = 0.95,
    least: Annotated[int, typer.Option(min=40, help="Answers needed at least.")] = 200,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Fit probabilities and threshold to the answers; refuses what is worse on unseen ones."""
    from pipelines.review import print_refit

    print_refit(workspace_of(data_dir=data_dir, at=at), precision, least)
