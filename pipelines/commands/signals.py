"""Commands on the rules: the catalogue, what one would have told, history taken in silence."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from pipelines.options import At, DataDir, Profiles, workspace_of

app = typer.Typer()


@app.command()
def signals(
    family: Annotated[
        str | None, typer.Option("--family", help="Only the signals of this family.")
    ] = None,
) -> None:
    """List the catalogue: code, title, polarity, window, inputs, seen on real records or not."""
    from pipelines.signal_catalogue import print_catalogue

    print_catalogue(family)


@app.command()
def backtest(
    rule: Annotated[
        str | None,
        typer.Argument(help="Code of a signal, as `signals` lists them; every one if not given."),
    ] = None,
    months: Annotated[
        int, typer.Option("--months", min=1, max=240, help="Months before today to replay.")
    ] = 12,
    family: Annotated[
        str | None, typer.Option("--family", help="Without a code: only the signals of this one.")
    ] = None,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Count the signals a day that a rule would have made on the history that is loaded."""
    from pipelines.signal_catalogue import print_backtest, print_backtests

    workspace = workspace_of(data_dir=data_dir, at=at)
    if rule is None:
        print_backtests(workspace, family, months)
    else:
        print_backtest(workspace, rule, months)


@app.command()
def profiles(profiles_file: Profiles = None, data_dir: DataDir = None) -> None:
    """Check the file of profiles, and show what each account wants."""
    from pipelines.signal_catalogue import print_profiles

    print_profiles(workspace_of(profiles=profiles_file, data_dir=data_dir))


@app.command()
def backfill(
    dataset: Annotated[str, typer.Argument(help="Dataset asked by period, e.g. bodacc.")],
    first: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day to take.")
    ],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day to take.")],
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Take past months of a dataset as history: rules know them, and nothing is signalled."""
    from pipelines.backfill import backfill_dataset

    workspace = workspace_of(data_dir=data_dir, at=at)
    backfill_dataset(workspace, dataset, first.date(), last.date())
