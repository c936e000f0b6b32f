"""The command line: finds the commands, and tells a failure in one paragraph.

Belongs here: what holds for every command. The commands are in `pipelines/commands/`.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated

import typer

from pipelines import commands
from pipelines.options import debugging

app = typer.Typer(
    name="company-signals",
    help="French open data on companies, matched to your leads, turned into buying signals.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _found in sorted(iter_modules(commands.__path__), key=lambda found: found.name):
    _module = import_module(f"{commands.__name__}.{_found.name}")
    app.add_typer(_module.app, name=getattr(_module, "GROUP", None))


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """French open data on companies, matched to your leads, turned into buying signals."""
    if debug:
        os.environ["SIGNALS_DEBUG"] = "1"


def main() -> None:
    """Run the command line; a failure is one paragraph on standard error and exit code 1."""
    try:
        app()
    except Exception as error:
        if debugging():
            raise
        typer.echo(_explained(error), err=True)
        sys.exit(1)


def _explained(error: Exception) -> str:
    from opendata.errors import OpenDataError

    if isinstance(error, OpenDataError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        name = Path(str(error.filename)).name if error.filename else "a file"
        return (
            f"{name}: {error.strerror.lower()}. What to do: check the folder given by --data-dir "
            "and who may write to it."
        )
    # The text of an unforeseen error may quote data, so only its kind is shown.
    return (
        f"Unforeseen {type(error).__name__}. What to do: run the command again with --debug "
        "before its name (`company-signals --debug …`) to see where, and report it."
    )
