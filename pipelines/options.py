"""What the commands share: their common options, and opening the workspace they ask for.

Belongs here: options that several commands take. Heavy libraries are imported inside the
functions: `--help` must answer at once.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand


class SeveralValues(TyperCommand):
    """A command whose options take several values: ``--legal-units part1.csv part2.csv``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each of its values, as the library wants it."""
        many = {name for one in self.params if getattr(one, "multiple", False) for name in one.opts}
        written: list[str] = []
        option = ""
        for arg in args:
            if arg.startswith("-"):
                option = arg
            elif option in many and written[-1] != option:
                written.append(option)
            written.append(arg)
        return super().parse_args(ctx, written)


Datasets = Annotated[
    list[str] | None,
    typer.Argument(help="Datasets by name; those of SIGNALS_DATASETS if none is given."),
]
Leads = Annotated[
    Path | None, typer.Option("--leads", help="File of leads (CSV, XLSX, Parquet, JSON lines).")
]
Profiles = Annotated[
    Path | None, typer.Option("--profiles", help="File of profiles (SIGNALS_PROFILES).")
]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where a run keeps its files.")]
At = Annotated[
    datetime | None,
    typer.Option("--at", formats=["%Y-%m-%d"], help="Take this date as today (for replays)."),
]


def debugging() -> bool:
    """Tell whether errors are to show where they happened."""
    return os.environ.get("SIGNALS_DEBUG") == "1"


def workspace_of(*, as_it_is: bool = False, **overrides: Any) -> Any:
    """Open the workspace of the settings; arguments that are not ``None`` win over them.

    A data folder that this release does not read is refused, but for what puts it right
    (``as_it_is``).
    """
    from opendata import folder_format
    from pipelines.logs import configure_logs
    from pipelines.settings import load_settings
    from pipelines.workspace import open_workspace

    configure_logs(debug=debugging())
    workspace = open_workspace(load_settings(**overrides))
    if not as_it_is:
        folder_format.require(workspace.data_dir)
    return workspace


def run_workspace_of(**overrides: Any) -> Any:
    """Open the workspace of a run; what a replay made there is no longer only its own."""
    from pipelines.replay import MARK

    workspace = workspace_of(**overrides)
    (workspace.data_dir / MARK).unlink(missing_ok=True)
    return workspace
