"""Command on encrypted exports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def unseal(
    source: Annotated[Path, typer.Argument(help="Folder of an encrypted stream.")],
    to: Annotated[Path, typer.Option("--to", help="Folder to write, files of mode 0600.")],
    key_file: Annotated[Path, typer.Option("--key-file", help="File of the key, mode 0600.")],
) -> None:
    """Write an encrypted stream of an account as one that any reader of the feed takes."""
    from pipelines.safekeeping import print_unsealed

    print_unsealed(source, to, key_file)
