"""Commands on the key of the leads."""

from __future__ import annotations

import typer

from pipelines.options import At, DataDir, workspace_of

app = typer.Typer()
keys = typer.Typer(help="The key of the leads.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@keys.command()
def show(data_dir: DataDir = None) -> None:
    """Say where each key comes from, with its fingerprint; never the key."""
    from pipelines.safekeeping import print_keys

    print_keys(workspace_of(data_dir=data_dir))


@keys.command()
def rotate(data_dir: DataDir = None, at: At = None) -> None:
    """Put leads, matches and answers under a new key; the old one opens nothing any more."""
    from pipelines.safekeeping import print_rotated

    print_rotated(workspace_of(data_dir=data_dir, at=at))
