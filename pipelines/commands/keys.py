"""Commands on the keys of the leads and of the record."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.options import At, DataDir, workspace_of

app = typer.Typer()
keys = typer.Typer(help="The keys of the leads and of the record.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@keys.command()
def show(data_dir: DataDir = None) -> None:
    """Say where each key comes from, with its fingerprint; never the key."""
    from pipelines.safekeeping import print_keys

    print_keys(workspace_of(data_dir=data_dir))


@keys.command()
def rotate(
    record: Annotated[
        bool, typer.Option("--record", help="Renew the key of the record instead.")
    ] = False,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Put leads, matches and answers under a new key; the old one opens nothing any more.

    With --record, who objected or was erased, the audit log and the receipts.
    """
    from pipelines.safekeeping import print_record_rotated, print_rotated

    workspace = workspace_of(data_dir=data_dir, at=at)
    (print_record_rotated if record else print_rotated)(workspace)
