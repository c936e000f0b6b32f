"""Commands on the versions of a dataset: publish a held one, return to the previous, prune."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.options import DataDir, workspace_of

app = typer.Typer()


@app.command()
def release(
    dataset: Annotated[str, typer.Argument(help="Dataset whose held version to publish.")],
    data_dir: DataDir = None,
) -> None:
    """Publish a version that a guard held, after you inspected it."""
    from pipelines.maintenance import release_held

    raise typer.Exit(0 if release_held(workspace_of(data_dir=data_dir), dataset) else 1)


@app.command()
def rollback(
    dataset: Annotated[str, typer.Argument(help="Dataset to return to its previous version.")],
    data_dir: DataDir = None,
) -> None:
    """Return a dataset to its previous good version, in one step."""
    from pipelines.maintenance import roll_back

    raise typer.Exit(0 if roll_back(workspace_of(data_dir=data_dir), dataset) else 1)


@app.command()
def gc(data_dir: DataDir = None) -> None:
    """Remove old versions and raw files that no published row cites."""
    from pipelines.maintenance import collect_garbage

    collect_garbage(workspace_of(data_dir=data_dir))
