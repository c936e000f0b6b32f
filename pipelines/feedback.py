"""What the command `feedback` does and prints.

Belongs here: taking files by hand, matching again what was the wrong company, the counts by
signal. Does not belong here: what a file of feedback is (``signals.feedback``), taking it
(``assets.feedback``).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import typer

from assets.feedback import Taken, take_feedback, take_file
from assets.lead_matching import match_all
from assets.workspace import Workspace
from leads.feedback import by_type
from opendata.errors import SettingsError
from opendata.lock import one_writer
from signals.feed.streams import account_source
from signals.feedback.files import read_rows


def take(workspace: Workspace, file: Path | None, account: str | None) -> Taken:
    """Take a file, or what lies in the place of feedback; match again what it says is wrong.

    Args:
        workspace: the data folder.
        file: a file of feedback; ``None`` for the place that is set, if one is.
        account: whose it is; the one that its rows name if not given.

    Raises:
        SettingsError: the file is not there, or its rows name several accounts or none.
    """
    if file is None and workspace.feedback_from is None:
        return Taken()
    with one_writer(workspace.data_dir):
        if file is None:
            taken = take_feedback(workspace)
        else:
            taken = take_file(workspace, file, account or _account_of(file))
        if taken.answers or _unmatched(workspace):
            match_all(workspace)
    return taken


def _unmatched(workspace: Workspace) -> bool:
    """Tell whether a command that was killed left answers that the matches do not know of."""
    if not (workspace.data_dir / "labels.duckdb").exists():
        return False
    return not workspace.label_store.labels()["applied"].all()


def print_feedback(workspace: Workspace, file: Path | None, account: str | None) -> bool:
    """Take what there is and print the counts; return whether nothing was refused."""
    taken = take(workspace, file, account)
    if file is not None or workspace.feedback_from is not None:
        said = ", ".join(f"{name} {count:,}" for name, count in taken.counts.items())
        typer.echo(f"taken: {said}")
    if taken.refused:
        typer.echo(
            "What to do: `feedback/…/refused` in the data folder names the line and the rule of "
            "each row; docs/consume.md says what a row must be."
        )
    exists = (workspace.data_dir / "leads.duckdb").exists()
    kept = by_type(workspace.lead_store.feedback()) if exists else None
    if kept is None or kept.is_empty():
        typer.echo("no customer has said anything about a signal yet")
    else:
        _print_counts(kept)
    return not taken.refused


def _print_counts(kept: pl.DataFrame) -> None:
    typer.echo(f"{'signal':<28}{'judged':>8}{'handled':>9}{'ignored':>9}{'wrong':>7}{'rate':>8}")
    for kind, judged, handled, ignored, wrong, rate in kept.iter_rows():
        code = str(kind).split(".")[-2]
        typer.echo(f"{code:<28}{judged:>8,}{handled:>9,}{ignored:>9,}{wrong:>7,}{rate:>8.1%}")


def _account_of(file: Path) -> str:
    """Return the account that every readable row of a file names."""
    if not file.is_file():
        raise SettingsError("there is no such file", next_step="check the path", file=file.name)
    prefix = account_source("")
    said = read_rows(file.read_bytes(), "feedback").kept["source"].unique().to_list()
    if len(said) != 1:
        raise SettingsError(
            f"the rows of the file name {len(said)} accounts",
            next_step="give --account; rows of another account are refused",
        )
    return str(said[0]).removeprefix(prefix)
