"""Commands that copy the data folder elsewhere, bring it back, and bring it up to date."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.options import At, DataDir, workspace_of

app = typer.Typer()
_FOLDER_OR_STORE = "A folder, or s3://bucket/prefix (key from the environment)."


@app.command()
def backup(
    to: Annotated[str, typer.Option("--to", help=_FOLDER_OR_STORE)],
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, help="Copies to keep there; all if not given.")
    ] = None,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Copy the data folder, without its keys: only what changed is sent."""
    from pipelines.safekeeping import print_backup

    print_backup(workspace_of(data_dir=data_dir, at=at, as_it_is=True), to, keep)


@app.command()
def restore(
    source: Annotated[str, typer.Option("--from", help=_FOLDER_OR_STORE)],
    name: Annotated[
        str | None, typer.Option("--name", help="Which copy; the latest if not given.")
    ] = None,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Put a copy in the place of the data folder, less what was erased since."""
    from pipelines.safekeeping import print_restored

    print_restored(workspace_of(data_dir=data_dir, at=at, as_it_is=True), source, name)


@app.command()
def migrate(data_dir: DataDir = None, at: At = None) -> None:
    """Bring the data folder of an earlier release to the format of this one."""
    from pipelines.safekeeping import print_migrated

    print_migrated(workspace_of(data_dir=data_dir, at=at, as_it_is=True))
