"""Commands for those who read the feed: events to try with, and a judge of their consumer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

GROUP = "feed"
app = typer.Typer(help="Try and judge a consumer of the feed.", no_args_is_help=True)


@app.command()
def fixtures(
    out: Annotated[Path, typer.Option("--out", help="Folder to make; it must not exist.")],
) -> None:
    """Write invented events in production shape: every type, every op, bad days included."""
    from pipelines.conformance import print_fixtures

    print_fixtures(out)


@app.command()
def conformance(
    words: Annotated[
        list[str],
        typer.Argument(metavar="-- CMD…", help="The consumer; FEED STATE NOW are added."),
    ],
) -> None:
    """Judge a consumer, rule by rule; exit code 1 if it breaks one."""
    from pipelines.conformance import print_verdicts

    raise typer.Exit(0 if print_verdicts(words) else 1)
