"""Commands that only look: at the state of the pipeline and at its tables."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.options import At, DataDir, workspace_of

app = typer.Typer()


@app.command()
def status(data_dir: DataDir = None, at: At = None) -> None:
    """Show, on one screen, how fresh each source is, what is held, and what a run left."""
    from pipelines.status import print_status

    raise typer.Exit(0 if print_status(workspace_of(data_dir=data_dir, at=at)) else 1)


@app.command()
def doctor(
    datasets: Annotated[
        list[str] | None, typer.Argument(help="With --live: only these datasets.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask every portal and compare with dataset.yml.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Check the environment, the keys, the disk and, with --live, the portals."""
    from pipelines.doctor import print_doctor

    workspace = workspace_of(data_dir=data_dir)
    raise typer.Exit(0 if print_doctor(workspace, live=live, names=datasets or ()) else 1)


@app.command()
def quarantine(
    dataset: Annotated[str, typer.Argument(help="Dataset whose rejected rows to show.")],
    rows: Annotated[int, typer.Option(help="Rows to show.")] = 20,
    data_dir: DataDir = None,
) -> None:
    """Show the rejected rows of a dataset's current version, with the rule of each."""
    from pipelines.maintenance import print_quarantine

    print_quarantine(workspace_of(data_dir=data_dir), dataset, rows)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="SQL over the published tables.")],
    data_dir: DataDir = None,
) -> None:
    """Ask the published DuckDB file, read-only; works while a run goes on."""
    from pipelines.maintenance import print_query

    print_query(workspace_of(data_dir=data_dir), sql)
